"""Every reason why something could not be determined has words of its own."""

from typing import get_args

import pytest

from exporter.model.certificates_report import (
    CertificateFileEmpty,
    CertificateFileUnread,
    ChainsDiffer,
    InventoryGap,
    NextUnknown,
    NoCertificateConfigured,
    NoneSent,
    NotFound,
    OutcomesDiffer,
    StandbyNotConfirmed,
    StandbyNotIdentified,
    StandbysDiffer,
    WhyNextUnknown,
    WhyNoStandby,
)
from exporter.model.doubt import (
    AddressNotShown,
    ConnectionHidden,
    Doubt,
    HostNameLookup,
    MayBeQuoted,
    MembershipUnread,
    NetworkInterfaces,
    NotEvaluated,
    RuleInDoubt,
    RulesNotKnown,
    SeveralVersions,
    WhyUndecided,
)
from exporter.model.finding import NextCertificateUnknown, NotDecided
from exporter.model.hba import RuleLocation
from exporter.model.judgement import HbaState
from exporter.publish.json.values import kind_name
from exporter.publish.words.findings.text import text
from exporter.publish.words.meanings import HBA_STATES
from exporter.publish.words.unknown import doubt_text, next_unknown_text, undecided_text
from tests.unit.publish.dialect import DIALECT
from tests.unit.reports import IN_USE, RENEWED

LOCATION = RuleLocation("/etc/pg_hba.conf", 7)
HOSTILE = "evil\x1b[2J\u202e<b>{0}{name}%s\n\ud800"
DOUBTS: tuple[tuple[Doubt, str], ...] = (
    (AddressNotShown(), "the server does not show its address"),
    (NetworkInterfaces("samenet"), "samenet depends on the server's network interfaces"),
    (
        HostNameLookup("db.example"),
        "the server looks up the host name db.example when a client connects",
    ),
    (
        MayBeQuoted("all", is_address=True),
        '"all" may be in quotes there, and then it is a host name',
    ),
    (
        MayBeQuoted("replication", is_address=False),
        '"replication" may be in quotes there, and then it is not a keyword',
    ),
    (MembershipUnread("staff"), "membership in staff could not be read"),
    (NotEvaluated("/^r"), "the regular expression /^r was not evaluated"),
)
UNDECIDED: tuple[tuple[WhyUndecided, str], ...] = (
    (
        RuleInDoubt(LOCATION, (NetworkInterfaces("samehost"),)),
        "/etc/pg_hba.conf, line 7: samehost depends on the server's network interfaces.",
    ),
    (
        RuleInDoubt(LOCATION, (MembershipUnread("staff"), AddressNotShown())),
        (
            "/etc/pg_hba.conf, line 7: membership in staff could not be read; the server does not "
            "show its address."
        ),
    ),
    (SeveralVersions(), "Several versions of the rules may be in force."),
    *((RulesNotKnown(state), HBA_STATES[state]) for state in HbaState),
    (ConnectionHidden(), "How it is connected is hidden from the exporter's role."),
)
NO_STANDBY: tuple[tuple[WhyNoStandby, str], ...] = (
    (
        StandbyNotIdentified(),
        "none of the configured targets could be identified as this standby",
    ),
    (
        StandbyNotConfirmed(("db2", "db3")),
        "it may be db2 or db3, but neither slot, address nor sender confirms it",
    ),
    (
        CertificateFileUnread("db2", "denied", is_missing=False),
        "the certificate file of db2 cannot be read: denied",
    ),
    (
        CertificateFileUnread("db2", "no such file", is_missing=True),
        "the certificate file of db2 cannot be opened: no such file",
    ),
    (CertificateFileEmpty("db2", "/r.crt"), "/r.crt on db2 contains no certificate"),
)
GAPS: tuple[tuple[InventoryGap, str], ...] = (
    (InventoryGap.NO_INVENTORY, "there is no inventory"),
    (InventoryGap.NO_CERTIFICATE, "the inventory has no certificate for it"),
    (
        InventoryGap.TOO_MANY,
        "more certificates of the inventory may be its own than are compared",
    ),
)
NEXT_UNKNOWN: tuple[tuple[WhyNextUnknown, str], ...] = (
    *(
        (NotFound(why, gap), f"{no_standby}, and {no_inventory}")
        for why, no_standby in NO_STANDBY
        for gap, no_inventory in GAPS
    ),
    (
        NoneSent((CertificateFileUnread("db2", "no such file", is_missing=True),)),
        "the certificate file of db2 cannot be opened: no such file",
    ),
    (
        NoneSent(
            (
                CertificateFileUnread("db2", "no such file", is_missing=True),
                NoCertificateConfigured("db3"),
            )
        ),
        (
            "the certificate file of db2 cannot be opened: no such file, or db3 is configured to "
            "send none"
        ),
    ),
    (
        StandbysDiffer(("db2", "db3")),
        "it may be db2 or db3, which would not send the same certificate",
    ),
    (
        ChainsDiffer(("db2", "db3")),
        (
            "it may be db2 or db3, which send different chains, and these would not have the same "
            "result"
        ),
    ),
    (
        OutcomesDiffer(((RENEWED, "/a.crt"), (IN_USE, "/b.crt"))),
        (
            "it may be one of several certificates that would not have the same result: serial "
            "number 7 (/a.crt), 244837814094590 (/b.crt)"
        ),
    ),
)
ALL = (*(s for _, s in DOUBTS), *(s for _, s in UNDECIDED), *(s for _, s in NEXT_UNKNOWN))


@pytest.mark.parametrize(("doubt", "words"), DOUBTS)
def test_the_words_for_a_doubt(doubt: Doubt, words: str) -> None:
    assert doubt_text(doubt) == words


@pytest.mark.parametrize(("why", "sentence"), UNDECIDED)
def test_the_sentence_on_why_a_rule_is_not_decided(why: WhyUndecided, sentence: str) -> None:
    assert undecided_text(why) == sentence
    assert text(NotDecided(why)) == sentence


@pytest.mark.parametrize(("why", "words"), NEXT_UNKNOWN)
def test_the_words_on_why_the_next_certificate_is_not_known(
    why: WhyNextUnknown, words: str
) -> None:
    assert next_unknown_text(why) == words
    assert text(NextCertificateUnknown(NextUnknown(why))) == (
        f"Which certificate it will send at the next reconnect is not known: {words}."
    )


def test_every_reason_has_words_and_a_name_of_its_own() -> None:
    for union, written in (
        (Doubt, DOUBTS),
        (WhyUndecided, UNDECIDED),
        (WhyNextUnknown, NEXT_UNKNOWN),
        (WhyNoStandby, NO_STANDBY),
    ):
        kinds = get_args(union)
        assert {type(why) for why, _ in written} == set(kinds)
        assert len({kind_name(type(why)) for why, _ in written}) == len(kinds)
        assert len({words for _, words in written}) == len(written)
    assert {gap for gap, _ in GAPS} == set(InventoryGap)


@pytest.mark.parametrize(
    "doubt",
    [
        NetworkInterfaces(HOSTILE),
        HostNameLookup(HOSTILE),
        MayBeQuoted(HOSTILE, is_address=True),
        MayBeQuoted(HOSTILE, is_address=False),
        MembershipUnread(HOSTILE),
        NotEvaluated(HOSTILE),
    ],
)
def test_a_name_in_doubt_is_kept_as_it_is(doubt: Doubt) -> None:
    # what may act on a terminal or a page is escaped where it is printed
    assert doubt_text(doubt).count(HOSTILE) == 1
    assert undecided_text(RuleInDoubt(LOCATION, (doubt,))).count(HOSTILE) == 1


@pytest.mark.parametrize(
    "why",
    [
        NotFound(StandbyNotConfirmed((HOSTILE,)), InventoryGap.NO_INVENTORY),
        NotFound(
            CertificateFileUnread(HOSTILE, "x", is_missing=False), InventoryGap.NO_CERTIFICATE
        ),
        NotFound(CertificateFileUnread("x", HOSTILE, is_missing=True), InventoryGap.TOO_MANY),
        NotFound(CertificateFileEmpty(HOSTILE, "x"), InventoryGap.NO_INVENTORY),
        NotFound(CertificateFileEmpty("x", HOSTILE), InventoryGap.NO_INVENTORY),
        NoneSent((NoCertificateConfigured(HOSTILE),)),
        NoneSent((CertificateFileUnread("x", HOSTILE, is_missing=True),)),
        StandbysDiffer((HOSTILE,)),
        ChainsDiffer((HOSTILE,)),
        OutcomesDiffer(((IN_USE, HOSTILE),)),
    ],
)
def test_a_name_of_a_standby_or_file_is_kept_as_it_is(why: WhyNextUnknown) -> None:
    assert next_unknown_text(why).count(HOSTILE) == 1


@pytest.mark.parametrize("words", ALL)
def test_no_reason_is_in_the_dialect_of_this_project(words: str) -> None:
    assert DIALECT.findall(words) == []
