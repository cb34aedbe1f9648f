"""One walsender judged: its age against the rules, and whether its name is proven."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.assess.connection import RulesInForce
from exporter.model.doubt import ConnectionHidden, MembershipUnread, RuleInDoubt, RulesNotKnown
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ConnectionType, HbaRule, IdentContent, RuleLocation
from exporter.model.judgement import Forecast, ForecastCause, HbaState, Posture, Reason, Verdict
from exporter.model.policy import Exemption, Policy
from exporter.model.report import Governs, NoRule, Undecided
from exporter.model.wal_sender import (
    OtherPeer,
    PeerCertificate,
    ReplicationKind,
    SlashName,
    WalSender,
)
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    HBA,
    LOADED,
    NOW,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TLS,
    TRUST,
    WITHOUT_CERTIFICATE,
    holding,
    judged,
    judged_under,
    known,
    line,
    mapping,
    maps,
    rules,
    unread,
)

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(CERT, address="samenet", netmask=None)
MINUTE = timedelta(minutes=1)


# --- what is reported about it


def test_a_standby_that_is_secured_by_its_certificate() -> None:
    connection = judged(STANDBY, CERT)
    assert connection.wal_sender is STANDBY
    assert (connection.posture, connection.verdict) == (
        Posture.CERTIFICATE_REQUIRED,
        Verdict.SECURE,
    )
    assert connection.rule_match == Governs(CERT)
    assert connection.predates_rules is False
    assert connection.certificate_name == "replica"
    assert connection.exemption == ""
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.UNKNOWN,
        ForecastCause.NONE,
    )
    assert (connection.reasons, connection.remedy) == ((), ())


def test_a_standby_that_is_exempt_is_judged_all_the_same() -> None:
    lab = Exemption("lab", "only a lab", NOW + MINUTE, roles=frozenset({"replica"}))
    connection = judged(PLAIN, SCRAM, policy=Policy(exempt_loopback=False, exemptions=(lab,)))
    assert (connection.verdict, connection.exemption) == (Verdict.EXEMPT, "lab")
    assert connection.posture is Posture.PLAINTEXT
    assert connection.forecast is Forecast.ADMITTED_WITHOUT_CERTIFICATE
    assert connection.certificate_name is None
    assert connection.remedy
    ended = replace(lab, until=NOW)
    connection = judged(PLAIN, SCRAM, policy=Policy(exempt_loopback=False, exemptions=(ended,)))
    assert connection.verdict is Verdict.INSECURE


def test_a_connection_that_would_be_refused() -> None:
    connection = judged(WITHOUT_CERTIFICATE, CERT)
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.REFUSED,
        ForecastCause.RULE,
    )


def test_a_certificate_whose_name_cannot_be_determined() -> None:
    assert judged(showing(None), CERT).certificate_name is None
    assert judged(WITHOUT_CERTIFICATE, CERT).certificate_name is None


def test_it_is_matched_by_its_kind_database_address_and_encryption() -> None:
    shop = replace(SCRAM, databases=("shop",))
    logical = replace(PLAIN, kind=ReplicationKind.LOGICAL, database="shop")
    assert judged(logical, SCRAM, shop).rule_match == Governs(replace(shop, location=at(2)))
    gssenc = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC)
    assert judged(PLAIN, gssenc).rule_match == NoRule()
    assert judged(replace(PLAIN, gss_encrypted=True), gssenc).rule_match == Governs(gssenc)
    local = replace(SCRAM, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    socket = replace(PLAIN, peer=OtherPeer.UNIX_SOCKET)
    assert judged(socket, CERT, local).rule_match == Governs(replace(local, location=at(2)))


def at(line: int) -> RuleLocation:
    return RuleLocation(HBA, line)


def test_it_is_matched_with_what_was_read_of_its_role() -> None:
    staff = replace(CERT, roles=("+staff",))
    member = {"replica": frozenset({"replica", "staff"})}
    assert judged(STANDBY, staff).rule_match == NoRule()
    poll = replace(POLL, role_memberships=member)
    assert judged(STANDBY, staff, poll=poll).rule_match == Governs(staff)
    unread = Unread(FailureReason.PERMISSION)
    for poll in (
        replace(POLL, role_memberships=unread),
        replace(POLL, role_memberships={"other": frozenset({"other"})}),
    ):
        connection = judged(STANDBY, staff, poll=poll).rule_match
        assert connection == Undecided(
            (staff,),
            may_match_none=True,
            why=(RuleInDoubt(staff.location, (MembershipUnread("staff"),)),),
        )


def test_it_is_matched_as_the_server_s_version_does() -> None:
    expression = replace(CERT, roles=("/^rep",))
    in_force = replace(known(rules(expression)), regular_expressions={("/^rep", "replica"): True})
    assert judged_under(STANDBY, in_force).rule_match == Governs(expression)
    old = replace(POLL, server=replace(SERVER, version_number=150000))
    assert judged(STANDBY, expression, poll=old).rule_match == NoRule()


def test_a_line_with_quotes_leaves_its_keywords_in_doubt() -> None:
    in_force = holding(known(rules(CERT)), line(CERT.location, quote=True))
    assert isinstance(judged_under(STANDBY, in_force).rule_match, Undecided)


def test_rules_that_are_not_known_are_so_for_the_reason_given() -> None:
    connection = judged_under(STANDBY, known(state=HbaState.PENDING))
    assert connection.rule_match == Undecided(
        (), may_match_none=True, why=(RulesNotKnown(HbaState.PENDING),)
    )


def test_a_hidden_connection_is_matched_to_nothing() -> None:
    connection = judged(replace(PLAIN, peer=OtherPeer.HIDDEN), TRUST)
    assert connection.rule_match == Undecided((), may_match_none=True, why=(ConnectionHidden(),))
    assert connection.predates_rules is None
    assert (connection.posture, connection.verdict) == (Posture.HIDDEN, Verdict.UNKNOWN)


# --- its age


@pytest.mark.parametrize(
    ("began", "predates"),
    [(LOADED - MINUTE, True), (LOADED, True), (LOADED + timedelta(microseconds=1), False)],
)
def test_a_process_that_began_after_the_load_has_its_rules(
    began: datetime, *, predates: bool
) -> None:
    connection = judged_under(replace(STANDBY, backend_start=began), known(rules(CERT)))
    assert connection.predates_rules is predates
    assert connection.posture is Posture.CERTIFICATE_REQUIRED


def test_a_map_counts_for_the_rules_that_use_it() -> None:
    began = replace(STANDBY, backend_start=LOADED + MINUTE)
    lines = (maps(mapping("replica", "replica")),)
    later = replace(known(rules(MAPPED), maps=lines), ident_since=LOADED + 2 * MINUTE)
    assert judged_under(began, later).predates_rules is True
    assert judged_under(began, replace(later, ident_since=LOADED)).predates_rules is False
    assert judged_under(began, replace(later, ident_since=STARTED)).predates_rules is False
    assert judged_under(began, replace(later, ident_since=None)).predates_rules is None
    plain = replace(later, in_force=known(rules(CERT)).in_force)
    assert judged_under(began, plain).predates_rules is False
    assert judged_under(began, replace(plain, ident_since=None)).predates_rules is False


def test_the_age_is_not_known_where_the_load_is_not() -> None:
    assert judged_under(STANDBY, replace(known(rules(CERT)), hba_since=None)).predates_rules is None
    assert judged_under(STANDBY, known(state=HbaState.PENDING)).predates_rules is None


# --- its name, where it may be older than the rules


def showing(subject: str | None, *, cut: bool = False, role: str = "replica") -> WalSender:
    name = None if subject is None else SlashName(subject, may_be_cut=cut)
    certificate: PeerCertificate = replace(CERTIFICATE, subject=name)
    return replace(
        STANDBY,
        role=role,
        backend_start=STARTED,
        tls=replace(TLS, client_certificate=certificate),
    )


def is_confirmed(wal_sender: WalSender, in_force: RulesInForce) -> bool:
    connection = judged_under(wal_sender, in_force)
    assert connection.posture in {Posture.CERTIFICATE_REQUIRED, Posture.CERTIFICATE_UNCONFIRMED}
    if connection.posture is Posture.CERTIFICATE_UNCONFIRMED:
        assert connection.reasons == (Reason.CERTIFICATE_NAME_UNPROVEN,)
    return connection.posture is Posture.CERTIFICATE_REQUIRED


@pytest.mark.parametrize(
    ("wal_sender", "expected"),
    [
        (showing("/O=Lab/CN=replica"), True),
        (showing("/O=Lab/CN=Replica"), False),
        (showing("/O=Lab/CN=alice"), False),
        (showing("/O=Lab/CN=replica", cut=True), False),
        (showing(None), False),
    ],
)
def test_an_older_session_is_confirmed_by_the_name_of_its_role(
    wal_sender: WalSender, *, expected: bool
) -> None:
    assert is_confirmed(wal_sender, known(rules(CERT))) is expected
    unknown_age = replace(known(rules(CERT)), hba_since=None)
    assert is_confirmed(wal_sender, unknown_age) is expected
    assert is_confirmed(replace(wal_sender, backend_start=NOW), known(rules(CERT)))


def under_maps(*contents: IdentContent, rule: HbaRule = MAPPED) -> RulesInForce:
    return known(rules(rule), maps=contents)


def test_an_older_session_is_confirmed_by_the_name_that_its_map_gives() -> None:
    alice = showing("/O=Lab/CN=alice")
    gives, by_pattern = mapping("alice", "replica"), mapping("/^(.*)@lab$", r"\1")
    assert is_confirmed(alice, under_maps(maps(gives)))
    assert is_confirmed(showing("/CN=replica@lab"), under_maps(maps(by_pattern)))
    assert not is_confirmed(showing("/CN=replica"), under_maps(maps(gives)))
    assert is_confirmed(alice, under_maps(maps(by_pattern, gives)))
    another_map = maps(mapping("alice", "replica", "n"), mapping("bob", "replica"))
    assert not is_confirmed(alice, under_maps(another_map))
    assert is_confirmed(alice, under_maps(maps(gives), maps(gives, by_pattern)))
    assert not is_confirmed(alice, under_maps(maps(gives), maps(mapping("bob", "replica"))))


def test_a_map_may_be_matched_against_the_whole_name_where_clientname_stands() -> None:
    alice = showing("/O=Lab/CN=alice")
    by_whole_name = under_maps(maps(mapping("CN=alice,O=Lab", "replica")))
    assert not is_confirmed(alice, by_whole_name)
    whole, common_name = (line(CERT.location, clientname=value) for value in ("DN", "CN"))
    here = holding(by_whole_name, whole)
    assert is_confirmed(alice, here)
    elsewhere = holding(by_whole_name, line(at(2), clientname="DN"))
    assert not is_confirmed(alice, elsewhere)
    assert not is_confirmed(alice, holding(by_whole_name, common_name))
    not_known = unread(by_whole_name)
    assert is_confirmed(alice, not_known)
    assert not is_confirmed(showing("/O=Lab/CN=bob"), not_known)
    assert not is_confirmed(showing("/O=Lab/CN=alice", cut=True), not_known)
    common = under_maps(maps(mapping("alice", "replica")))
    for in_force in (common, holding(common, common_name), unread(common)):
        assert is_confirmed(alice, in_force)
    assert not is_confirmed(alice, holding(common, whole))


def test_every_rule_that_may_govern_has_to_confirm_the_name() -> None:
    alice = showing("/O=Lab/CN=alice")
    lines = (maps(mapping("alice", "replica")),)
    near = replace(MAPPED, address="samenet", netmask=None)
    assert is_confirmed(alice, known(rules(near, MAPPED), maps=lines))
    assert not is_confirmed(alice, known(rules(near, CERT), maps=lines))
    assert not is_confirmed(alice, known(rules(NEAR, MAPPED), maps=lines))
    reject = replace(CERT, auth_method="reject", address="samenet", netmask=None, options=())
    assert is_confirmed(alice, known(rules(reject, MAPPED), maps=lines))
    assert not is_confirmed(alice, known(rules(reject, CERT)))
    assert is_confirmed(showing("/CN=replica"), known(rules(NEAR)))


def test_without_a_certificate_there_is_no_name_to_prove() -> None:
    connection = judged_under(
        replace(WITHOUT_CERTIFICATE, backend_start=STARTED), known(rules(CERT))
    )
    assert connection.posture is Posture.TLS_WITHOUT_CERTIFICATE
    assert Reason.CERTIFICATE_NAME_UNPROVEN not in connection.reasons


def test_names_of_certificate_and_issuer_are_reported_where_one_is_shown() -> None:
    connection = judged_under(STANDBY, known(rules(CERT)))
    assert (connection.certificate_name, connection.issuer_name) == ("replica", "CA")
    connection = judged_under(WITHOUT_CERTIFICATE, known(rules(CERT)))
    assert (connection.certificate_name, connection.issuer_name) == (None, None)
