"""All findings about the rule that governs a connection, in their order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.doubt import ConnectionHidden, NetworkInterfaces, RuleInDoubt, RulesNotKnown
from exporter.model.failure import FailureReason, Unread
from exporter.model.finding import (
    CertificateFinding,
    CertificatesNoLongerRequested,
    ClientNameNotShown,
    NoRuleMatches,
    NoRuleMayMatch,
    NotDecided,
    PredatesRules,
    QuotesNotShown,
    RuleFinding,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RuleUndecided,
    TlsTurnedOff,
)
from exporter.model.hba import ConnectionType, HbaRule, IdentMapping, LineTraits, RuleLocation
from exporter.model.judgement import Demand, HbaState
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
    at,
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
REQUIRES_CERTIFICATE = RuleRequires(Demand.CERTIFICATE, "cert")
DENIED = Unread(FailureReason.PERMISSION)


def found(
    wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL
) -> tuple[RuleFinding | CertificateFinding, ...]:
    return judged(wal_sender, *written, poll=poll).findings


def traits(*, quote: bool = False, reference: bool = False, clientname: bool = False) -> LineTraits:
    return LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=quote,
        holds_file_reference=reference,
        holds_clientname=clientname,
        continues=False,
        clientname="DN" if clientname else None,
    )


# --- the rule that governs and what it requires


@pytest.mark.parametrize(
    ("rule", "demand"),
    [
        (CERT, Demand.CERTIFICATE),
        (replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",)), Demand.CHAIN),
        (TRUST, Demand.NOTHING),
        (replace(SCRAM, auth_method="password"), Demand.NOTHING),
        (replace(SCRAM, auth_method="md5"), Demand.NOTHING),
        (SCRAM, Demand.NOTHING),
        (replace(SCRAM, auth_method="ldap", options=("ldapserver=x",)), Demand.NOTHING),
        (REJECT, Demand.REFUSES),
    ],
)
def test_the_governing_rule_is_reported_with_what_it_requires(
    rule: HbaRule, demand: Demand
) -> None:
    assert found(STANDBY, rule) == (RuleGoverns(rule), RuleRequires(demand, rule.auth_method))


@pytest.mark.parametrize(
    ("lines", "demand"),
    [
        ([mapping("alice", "replica")], Demand.CERTIFICATE),
        ([mapping("/.*", "replica")], Demand.CHAIN_BY_MAP),
        ([mapping("/.*", "/new")], Demand.UNKNOWN),
        ([], Demand.REFUSES),
    ],
)
def test_what_a_rule_with_a_map_requires_depends_on_the_map(
    lines: list[IdentMapping], demand: Demand
) -> None:
    poll = replace(POLL, ident=maps(*lines))
    assert found(STANDBY, MAPPED, poll=poll) == (
        RuleGoverns(MAPPED),
        RuleRequires(demand, "cert"),
    )


def test_all_that_several_maps_may_require_is_reported_best_first() -> None:
    contents = (maps(), maps(mapping("/.*", "replica")), maps(mapping("alice", "replica")))
    connection = judged_under(
        STANDBY, known(rules(MAPPED), maps=contents, ident_state=HbaState.PENDING)
    )
    assert connection.findings == (
        RuleGoverns(MAPPED),
        RuleRequires(Demand.CERTIFICATE, "cert"),
        RuleRequires(Demand.CHAIN_BY_MAP, "cert"),
        RuleRequires(Demand.REFUSES, "cert"),
    )


def test_the_order_is_that_of_the_requirements_not_of_their_names() -> None:
    contents = (maps(), maps(mapping("/.*", "/new")))
    connection = judged_under(
        STANDBY, known(rules(MAPPED), maps=contents, ident_state=HbaState.PENDING)
    )
    assert connection.findings[1:] == (
        RuleRequires(Demand.UNKNOWN, "cert"),
        RuleRequires(Demand.REFUSES, "cert"),
    )


@pytest.mark.parametrize(("version", "is_reported"), [(140000, True), (139999, False)])
def test_clientname_exists_from_14_on(version: int, *, is_reported: bool) -> None:
    poll = replace(
        POLL,
        hba_lines=(traits(clientname=True),),
        server=replace(SERVER, version_number=version),
    )
    assert (ClientNameNotShown() in found(STANDBY, CERT, poll=poll)) is is_reported


def test_no_rule() -> None:
    assert found(STANDBY) == (NoRuleMatches(),)


def test_rules_that_may_govern_are_all_reported_with_the_doubts() -> None:
    near = replace(TRUST, address="samenet", netmask=None)
    doubt = NotDecided(RuleInDoubt(near.location, (NetworkInterfaces("samenet"),)))
    assert found(STANDBY, near, SCRAM) == (
        RuleUndecided(),
        RuleMayGovern(near),
        RuleMayGovern(at(2, SCRAM)),
        doubt,
    )
    assert found(STANDBY, near) == (RuleUndecided(), RuleMayGovern(near), NoRuleMayMatch(), doubt)


@pytest.mark.parametrize(
    ("poll", "state"),
    [
        (replace(POLL, hba=DENIED), HbaState.UNREADABLE),
        (
            replace(POLL, file_times=times(hba=LOADED + timedelta(hours=1))),
            HbaState.PENDING,
        ),
        (replace(POLL, file_times=DENIED), HbaState.UNVERIFIED),
    ],
)
def test_rules_that_are_not_known_are_reported_with_their_state(
    poll: Observation, state: HbaState
) -> None:
    assert the_one(poll).findings == (NotDecided(RulesNotKnown(state)),)


def test_a_hidden_connection() -> None:
    assert found(replace(PLAIN, peer=OtherPeer.HIDDEN), CERT) == (NotDecided(ConnectionHidden()),)


# --- what the server's view does not show


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        (traits(), []),
        (traits(quote=True), [QuotesNotShown()]),
        (traits(clientname=True), [ClientNameNotShown()]),
        (traits(quote=True, clientname=True), [QuotesNotShown(), ClientNameNotShown()]),
    ],
)
def test_what_the_line_contains_and_the_view_does_not_show(
    line: LineTraits, findings: list[RuleFinding]
) -> None:
    rule = replace(CERT, databases=("shop",))
    logical = replace(STANDBY, database="shop")
    assert found(logical, rule, poll=replace(POLL, hba_lines=(line,))) == (
        RuleGoverns(rule),
        REQUIRES_CERTIFICATE,
        *findings,
    )


def test_what_other_lines_contain_is_not_reported() -> None:
    other = replace(traits(quote=True, clientname=True), location=RuleLocation(HBA, 2))
    assert found(STANDBY, CERT, poll=replace(POLL, hba_lines=(other,))) == (
        RuleGoverns(CERT),
        REQUIRES_CERTIFICATE,
    )


def test_lines_that_could_not_be_read_are_not_reported() -> None:
    assert judged_under(STANDBY, unread(known(rules(CERT)))).findings == (
        RuleGoverns(CERT),
        REQUIRES_CERTIFICATE,
    )


# --- the server and the age


def test_a_server_that_has_turned_tls_off_since() -> None:
    off = replace(
        POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
    )
    assert found(STANDBY, CERT, poll=off)[2:] == (TlsTurnedOff(),)
    assert found(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=off)[2:] == (TlsTurnedOff(),)
    assert found(PLAIN, SCRAM, poll=off)[2:] == ()


def test_a_server_that_no_longer_requests_certificates() -> None:
    not_asking = replace(POLL, server=replace(SERVER, requests_client_certificate=False))
    assert found(STANDBY, CERT, poll=not_asking)[2:] == (CertificatesNoLongerRequested(),)
    assert found(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=not_asking)[2:] == ()
    assert found(PLAIN, SCRAM, poll=not_asking)[2:] == ()


def test_a_connection_that_is_older_than_its_rules() -> None:
    edited = replace(POLL, file_times=times(hba=LOADED))
    began = replace(STANDBY, backend_start=LOADED - timedelta(minutes=1))
    assert found(began, CERT, poll=edited)[2:] == (PredatesRules(began.backend_start, LOADED),)
    same_time = replace(STANDBY, backend_start=LOADED)
    assert found(same_time, CERT, poll=edited)[2:] == (PredatesRules(LOADED, LOADED),)
    later = replace(STANDBY, backend_start=LOADED + timedelta(microseconds=1))
    assert found(later, CERT, poll=edited)[2:] == ()


def test_a_connection_that_is_older_than_its_map_is_older_than_its_rules() -> None:
    edited = replace(POLL, ident=maps(mapping("alice", "replica")), file_times=times(ident=LOADED))
    began = replace(STANDBY, backend_start=STARTED + timedelta(minutes=1))
    assert found(began, MAPPED, poll=edited)[2:] == (PredatesRules(began.backend_start, LOADED),)
    assert found(began, CERT, poll=edited)[2:] == ()
