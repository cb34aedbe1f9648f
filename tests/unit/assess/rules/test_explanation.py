"""Why a connection has its posture, in sentences: whole explanations as a person reads them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ConnectionType, HbaRule, LineTraits, RuleLocation
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    LOADED,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TRUST,
    WITHOUT_CERTIFICATE,
    judged,
    judged_under,
    known,
    mapping,
    maps,
    rules,
    the_one,
    times,
    unread,
)

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
GOVERNS = "/etc/pg_hba.conf, line 1 governs it, the first that matches: "
DENIED = Unread(FailureReason.PERMISSION)


def explained(
    wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL
) -> tuple[str, ...]:
    return judged(wal_sender, *written, poll=poll).explanation


def traits(*, quote: bool = False, reference: bool = False, clientname: bool = False) -> LineTraits:
    return LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=quote,
        holds_file_reference=reference,
        holds_clientname=clientname,
        continues=False,
        clientname="DN" if clientname else None,
    )


# --- the rule that governs and what it demands


@pytest.mark.parametrize(
    ("rule", "sentences"),
    [
        (
            CERT,
            [
                "hostssl replication replica 10.0.0.0/8 cert",
                "It demands a certificate whose name is the role's.",
            ],
        ),
        (
            replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",)),
            [
                "hostssl replication replica 10.0.0.0/8 scram-sha-256 clientcert=verify-ca",
                "It demands a certificate of the server's authority, whoever's it is.",
            ],
        ),
        (
            TRUST,
            [
                "host replication replica 10.0.0.0/8 trust",
                "It trusts whoever connects: no password, no certificate.",
            ],
        ),
        (
            replace(SCRAM, auth_method="password"),
            [
                "host replication replica 10.0.0.0/8 password",
                "It asks for a password, sent in clear inside the connection; no certificate.",
            ],
        ),
        (
            replace(SCRAM, auth_method="md5"),
            [
                "host replication replica 10.0.0.0/8 md5",
                "It asks for a password; a certificate is not demanded.",
            ],
        ),
        (
            SCRAM,
            [
                "host replication replica 10.0.0.0/8 scram-sha-256",
                "It asks for a password; a certificate is not demanded.",
            ],
        ),
        (
            replace(SCRAM, auth_method="ldap", options=("ldapserver=x",)),
            [
                "host replication replica 10.0.0.0/8 ldap ldapserver=x",
                "It authenticates by ldap; a certificate is not demanded.",
            ],
        ),
        (
            REJECT,
            ["host replication replica 10.0.0.0/8 reject", "It refuses this connection."],
        ),
    ],
)
def test_the_rule_that_governs_is_told_with_what_it_demands(
    rule: HbaRule, sentences: list[str]
) -> None:
    written, demand = sentences
    assert explained(STANDBY, rule) == (GOVERNS + written, demand)


def test_a_map_is_told_by_whom_it_lets_in() -> None:
    written = GOVERNS + "hostssl replication replica 10.0.0.0/8 cert map=m"
    for lines, sentence in (
        ([mapping("alice", "replica")], "It demands a certificate whose name is the role's."),
        (
            [mapping("/.*", "replica")],
            "It demands a certificate, and its map lets several names in as this role.",
        ),
        (
            [mapping("/.*", "/new")],
            "It demands a certificate, and its map, which says whose, cannot be read or decided.",
        ),
        ([], "It refuses this connection."),
    ):
        poll = replace(POLL, ident=maps(*lines))
        assert explained(STANDBY, MAPPED, poll=poll) == (written, sentence)


def test_all_that_several_maps_may_demand_is_told_best_first() -> None:
    contents = (maps(), maps(mapping("/.*", "replica")), maps(mapping("alice", "replica")))
    told = judged_under(
        STANDBY, known(rules(MAPPED), maps=contents, ident_state=HbaState.PENDING)
    ).explanation
    assert told == (
        GOVERNS + "hostssl replication replica 10.0.0.0/8 cert map=m",
        "It demands a certificate whose name is the role's.",
        "It demands a certificate, and its map lets several names in as this role.",
        "It refuses this connection.",
    )


def test_no_rule() -> None:
    assert explained(STANDBY) == (
        "No rule of pg_hba.conf matches it: the server would refuse it now.",
    )


def test_rules_that_may_govern_are_all_told_with_the_doubts() -> None:
    near = replace(TRUST, address="samenet", netmask=None)
    because = "Because /etc/pg_hba.conf:1: samenet depends on the server's network interfaces"
    assert explained(STANDBY, near, SCRAM) == (
        "Which rule governs it cannot be decided; it may be one of these:",
        "/etc/pg_hba.conf, line 1: host replication replica samenet trust",
        "/etc/pg_hba.conf, line 2: host replication replica 10.0.0.0/8 scram-sha-256",
        because,
    )
    assert explained(STANDBY, near) == (
        "Which rule governs it cannot be decided; it may be one of these:",
        "/etc/pg_hba.conf, line 1: host replication replica samenet trust",
        "It is also possible that none of them matches.",
        because,
    )


@pytest.mark.parametrize(
    ("poll", "sentence"),
    [
        (replace(POLL, hba=DENIED), "pg_hba_file_rules cannot be read."),
        (
            replace(POLL, file_times=times(hba=LOADED + timedelta(hours=1))),
            "pg_hba.conf was edited and is not loaded: older rules are in force.",
        ),
        (
            replace(POLL, file_times=DENIED),
            (
                "Whether the rules on disk are the ones in force is not known: the times of the "
                "files cannot be read, and no reload was seen yet."
            ),
        ),
    ],
)
def test_rules_that_are_not_known_are_told_with_the_reason(
    poll: Observation, sentence: str
) -> None:
    assert the_one(poll).explanation == (sentence,)


def test_a_hidden_connection() -> None:
    assert explained(replace(PLAIN, peer=OtherPeer.HIDDEN), CERT) == (
        "how it is connected is hidden from the exporter's role",
    )


# --- what the server's view does not show


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        (traits(), []),
        (
            traits(quote=True),
            [
                (
                    "The line holds quotes, or an @ file that may hold some; "
                    "the server's view does not show them."
                )
            ],
        ),
        (
            traits(clientname=True),
            ["The line holds clientname=DN, which the server's view does not show."],
        ),
        (
            traits(quote=True, clientname=True),
            [
                (
                    "The line holds quotes, or an @ file that may hold some; "
                    "the server's view does not show them."
                ),
                "The line holds clientname=DN, which the server's view does not show.",
            ],
        ),
    ],
)
def test_what_the_line_holds_and_the_view_does_not_show(
    line: LineTraits, sentences: list[str]
) -> None:
    rule = replace(CERT, databases=("shop",))
    logical = replace(STANDBY, database="shop")
    told = explained(logical, rule, poll=replace(POLL, hba_lines=(line,)))
    assert told == (
        GOVERNS + "hostssl shop replica 10.0.0.0/8 cert",
        "It demands a certificate whose name is the role's.",
        *sentences,
    )


def test_what_other_lines_hold_is_not_told() -> None:
    other = replace(traits(quote=True, clientname=True), location=RuleLocation(HBA, 2))
    assert len(explained(STANDBY, CERT, poll=replace(POLL, hba_lines=(other,)))) == 2


def test_lines_that_could_not_be_read_are_not_told() -> None:
    assert judged_under(STANDBY, unread(known(rules(CERT)))).explanation == (
        GOVERNS + "hostssl replication replica 10.0.0.0/8 cert",
        "It demands a certificate whose name is the role's.",
    )


# --- the server and the age


def test_a_server_that_has_turned_tls_off_since() -> None:
    off = replace(
        POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
    )
    sentence = "The server has turned TLS off since: nobody comes over TLS any more."
    assert explained(STANDBY, CERT, poll=off)[2:] == (sentence,)
    assert explained(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=off)[2:] == (sentence,)
    assert explained(PLAIN, SCRAM, poll=off)[2:] == ()


def test_a_server_that_asks_nobody_for_a_certificate_any_more() -> None:
    not_asking = replace(POLL, server=replace(SERVER, requests_client_certificate=False))
    assert explained(STANDBY, CERT, poll=not_asking)[2:] == (
        (
            "The server asks nobody for a certificate any more (ssl_ca_file is empty): a rule that "
            "demands one refuses everybody."
        ),
    )
    assert explained(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=not_asking)[2:] == ()
    assert explained(PLAIN, SCRAM, poll=not_asking)[2:] == ()


def test_a_connection_that_is_older_than_its_rules() -> None:
    edited = replace(POLL, file_times=times(hba=LOADED))
    began = replace(STANDBY, backend_start=LOADED - timedelta(minutes=1))
    assert explained(began, CERT, poll=edited)[2:] == (
        (
            "The connection began 2026-11-02 05:59:00 UTC; the rules are known to be in force "
            "since 2026-11-02 06:00:00 UTC: older ones may have let it in."
        ),
    )
    same_moment = replace(STANDBY, backend_start=LOADED)
    assert len(explained(same_moment, CERT, poll=edited)) == 3
    later = replace(STANDBY, backend_start=LOADED + timedelta(microseconds=1))
    assert len(explained(later, CERT, poll=edited)) == 2


def test_a_connection_that_is_older_than_its_map_is_told_the_map_s_moment() -> None:
    edited = replace(POLL, ident=maps(mapping("alice", "replica")), file_times=times(ident=LOADED))
    began = replace(STANDBY, backend_start=STARTED + timedelta(minutes=1))
    assert explained(began, MAPPED, poll=edited)[2:] == (
        (
            "The connection began 2026-11-01 06:01:00 UTC; the rules are known to be in force "
            "since 2026-11-02 06:00:00 UTC: older ones may have let it in."
        ),
    )
    assert explained(began, CERT, poll=edited)[2:] == ()
