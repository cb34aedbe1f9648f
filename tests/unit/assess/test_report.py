"""A whole target judged: what is told of it, in which order, and what is not known."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from exporter.assess.report import assess, failed
from exporter.assess.rules_remedy import INSTALL, check_and_load
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.hba import (
    ErrorLine,
    FileTimes,
    HbaContent,
    LineTraits,
    RuleLocation,
    ServerFile,
)
from exporter.model.history import FileHistory, RulesHistory
from exporter.model.judgement import HbaState, Posture, Verdict
from exporter.model.observation import Observation, RegularExpressionResult
from exporter.model.policy import Exemption, Policy
from exporter.model.report import ExemptionUse, Governs, RulesReport, Undecided
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    IDENT,
    KNOWLEDGE,
    LOADED,
    NOW,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TARGET,
    WITHOUT_CERTIFICATE,
    connections,
    mapping,
    maps,
    report,
    rules,
    the_one,
    times,
)

DENIED = Unread(FailureReason.PERMISSION, "denied")
MISSING = Unread(FailureReason.NOT_INSTALLED)
HOUR = timedelta(hours=1)
EDITED = LOADED + HOUR
IN_FORCE = "The rules on disk are the rules in force."
EXEMPT_LAB = Exemption("lab", "only a lab", None, roles=frozenset({"lab"}))


def history_after(*polls: Observation) -> RulesHistory:
    history = RulesHistory()
    for poll in polls:
        _, history = assess(poll, TARGET, history, KNOWLEDGE, now=NOW)
    return history


# --- what is told


READ: dict[Reader, Unread | None] = {
    **{reader: None for reader in Reader if reader is not Reader.SERVED_CHAIN},
    # certificates have tests of their own
    Reader.TLS_FILES: Unread(FailureReason.INTERNAL, "not asked"),
    Reader.RECEIVER: Unread(FailureReason.INTERNAL, "not asked"),
}


def test_a_poll_that_read_everything() -> None:
    told = report(POLL)
    assert told.target == TARGET
    assert told.policy is TARGET.policy
    assert (told.polled_at, told.duration_seconds) == (NOW, 0.01)
    assert told.failure is None
    assert told.readers == READ
    assert told.server is SERVER
    assert told.rules == RulesReport(HbaState.LOADED, (), (IN_FORCE,), ())
    assert [c.wal_sender for c in connections(told)] == [STANDBY]
    assert told.exemptions == ()


def test_a_poll_that_read_nothing() -> None:
    policy = Policy(exemptions=(EXEMPT_LAB,))
    target = replace(TARGET, policy=policy)
    told = failed(target, DENIED, KNOWLEDGE, at=NOW, duration_seconds=0.5)
    assert told.target == target
    assert (told.polled_at, told.duration_seconds) == (NOW, 0.5)
    assert told.failure is DENIED
    assert told.connections is DENIED
    assert told.readers == {}
    assert told.server is None
    assert told.rules is None
    assert told.exemptions == (
        ExemptionUse("lab", "only a lab", None, 0),
        ExemptionUse("loopback", "built in: the connection never leaves the host", None, 0),
    )


def test_walsenders_that_may_not_be_seen_are_not_nobody() -> None:
    told = report(replace(POLL, wal_senders=DENIED))
    assert told.failure is DENIED
    assert told.connections is DENIED
    assert told.rules == RulesReport(HbaState.LOADED, (), (IN_FORCE,), ())
    exempting = report(replace(POLL, wal_senders=DENIED), Policy(exemptions=(EXEMPT_LAB,)))
    assert [use.connections for use in exempting.exemptions] == [0, 0]


def test_each_reader_is_told_with_its_own_failure() -> None:
    for reader, poll in {
        Reader.WAL_SENDERS: replace(POLL, wal_senders=MISSING),
        Reader.HBA_RULES: replace(POLL, hba=MISSING),
        Reader.HBA_LINES: replace(POLL, hba_lines=MISSING),
        Reader.IDENT_MAPPINGS: replace(POLL, ident=MISSING),
        Reader.FILE_TIMES: replace(POLL, file_times=MISSING),
        Reader.ROLE_MEMBERSHIPS: replace(POLL, role_memberships=MISSING),
        Reader.REGULAR_EXPRESSIONS: replace(POLL, regular_expressions=MISSING),
    }.items():
        assert report(poll).readers == {**READ, reader: MISSING}


# --- the rules


WARNING = ErrorLine(RuleLocation(HBA, 8), "SSL is disabled", blocks_loading=False)
BROKEN = ErrorLine(RuleLocation(HBA, 9), "x", blocks_loading=True)
NOT_LOADED = "pg_hba.conf was edited and is not loaded: older rules are in force."
REJECTED = (
    "The last reload was rejected: older rules are in force, and the next restart of the server "
    "fails."
)
UNVERIFIED = (
    "Whether the rules on disk are the ones in force is not known: the times of the files cannot "
    "be read, and no reload was seen yet."
)


def with_errors(*errors: ErrorLine) -> HbaContent:
    return replace(rules(CERT), errors=errors)


@pytest.mark.parametrize(
    ("poll", "state", "explanation"),
    [
        (replace(POLL, hba=with_errors(WARNING)), HbaState.LOADED, IN_FORCE),
        (replace(POLL, file_times=times(hba=EDITED)), HbaState.PENDING, NOT_LOADED),
        (replace(POLL, hba=with_errors(BROKEN, WARNING)), HbaState.REJECTED, REJECTED),
        (replace(POLL, file_times=MISSING), HbaState.UNVERIFIED, UNVERIFIED),
        (replace(POLL, hba=MISSING), HbaState.UNREADABLE, "pg_hba_file_rules cannot be read."),
    ],
)
def test_the_state_of_the_rules_is_told_in_words(
    poll: Observation, state: HbaState, explanation: str
) -> None:
    told = report(poll).rules
    assert told is not None
    assert told.state is state
    assert told.explanation[0] == explanation


def test_lines_in_error_are_told_with_what_to_do() -> None:
    peer = replace(BROKEN, message="peer authentication is only supported on local sockets")
    told = report(replace(POLL, hba=with_errors(peer, WARNING))).rules
    assert told is not None
    assert told.error_lines == (peer, WARNING)
    assert told.explanation[1:] == (
        f"{HBA}, line 9: peer authentication is only supported on local sockets",
        f"{HBA}, line 8: SSL is disabled (this one does not block loading)",
    )
    correct, check = told.remedy
    assert correct.lines == ("local all all peer",)
    assert check == check_and_load(SERVER.version_number)


def test_what_to_write_for_a_line_in_error_is_for_those_who_replicate() -> None:
    cert = replace(BROKEN, message="cert authentication is only supported on hostssl connections")
    for wal_senders, names in (((STANDBY,), "replica 10.0.0.5/32"), (DENIED, "ROLE ADDRESS")):
        told = report(replace(POLL, hba=with_errors(cert), wal_senders=wal_senders)).rules
        assert told is not None
        assert told.remedy[0].lines == (f"hostssl replication {names} cert",)


def test_rules_that_cannot_be_read_need_the_exporter_s_rights() -> None:
    told = report(replace(POLL, hba=MISSING)).rules
    assert told == RulesReport(
        HbaState.UNREADABLE, (), ("pg_hba_file_rules cannot be read.",), (INSTALL,)
    )


# --- which files count for what


def test_pg_hba_conf_is_as_old_as_itself_and_what_it_includes() -> None:
    def state(*more: FileTimes) -> HbaState:
        told = report(replace(POLL, file_times=(*times(), *more))).rules
        assert told is not None
        return told.state

    assert state() is HbaState.LOADED
    assert state(FileTimes(ServerFile.HBA_INCLUDED, "x", 1, EDITED, EDITED)) is HbaState.PENDING
    for other in (ServerFile.IDENT_INCLUDED, ServerFile.IDENT, ServerFile.CERTIFICATE):
        assert state(FileTimes(other, "x", 1, EDITED, EDITED)) is HbaState.LOADED


MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
MAP = maps(mapping("replica", "replica"))
MAP_POLL = replace(POLL, hba=rules(MAPPED), ident=MAP)


def test_pg_ident_conf_is_as_old_as_itself_and_what_it_includes() -> None:
    def posture(*more: FileTimes) -> Posture:
        return the_one(replace(MAP_POLL, file_times=(*times(), *more))).posture

    assert posture() is Posture.CERTIFICATE_REQUIRED
    for counts in (ServerFile.IDENT, ServerFile.IDENT_INCLUDED):
        edited = FileTimes(counts, IDENT, 1, EDITED, EDITED)
        assert posture(edited) is Posture.CERTIFICATE_UNCONFIRMED
    other = FileTimes(ServerFile.CERTIFICATE, "x", 1, EDITED, EDITED)
    assert posture(other) is Posture.CERTIFICATE_REQUIRED


def test_an_at_file_leaves_the_age_of_pg_hba_conf_unknown_and_not_that_of_pg_ident_conf() -> None:
    poll = replace(MAP_POLL, hba_lines=(traits(1, reference=True),))
    _, history = assess(poll, TARGET, RulesHistory(), KNOWLEDGE, now=NOW)
    assert history.hba.confirmed is None
    assert history.ident.confirmed == MAP


# --- followed across polls


def test_the_history_is_handed_on_with_what_was_seen() -> None:
    history = history_after(MAP_POLL)
    assert history.hba == FileHistory(
        confirmed=rules(MAPPED),
        confirmed_since=STARTED,
        complete=True,
        latest_digest=rules(MAPPED).digest,
        latest_load=LOADED,
    )
    assert history.ident == FileHistory(
        confirmed=MAP,
        confirmed_since=STARTED,
        complete=True,
        latest_digest=MAP.digest,
        latest_load=LOADED,
    )


def test_a_file_that_could_not_be_read_keeps_its_history() -> None:
    before = history_after(MAP_POLL)
    unread = replace(MAP_POLL, hba=MISSING, ident=MISSING)
    _, after = assess(unread, TARGET, before, KNOWLEDGE, now=NOW)
    assert (after.hba, after.ident) == (before.hba, before.ident)


def test_what_is_known_from_earlier_polls_judges_while_the_files_cannot_be_read() -> None:
    before = history_after(MAP_POLL)
    unread = replace(MAP_POLL, hba=MISSING, ident=MISSING)
    told, _ = assess(unread, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(told)
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.predates_rules is False
    reloaded = replace(SERVER, configuration_loaded_at=EDITED)
    told, _ = assess(replace(unread, server=reloaded), TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(told)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.predates_rules is None


def test_an_edit_that_is_not_loaded_leaves_both_rules_possible() -> None:
    before = history_after(POLL)
    edited = replace(POLL, hba=rules(SCRAM), file_times=times(hba=EDITED))
    told, _ = assess(edited, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(told)
    assert isinstance(connection.rule_match, Undecided)
    assert connection.rule_match.candidates == (CERT, SCRAM)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED


# --- what lines hold that the view loses


def traits(
    line: int, *, quote: bool = False, reference: bool = False, clientname: bool = False
) -> LineTraits:
    return LineTraits(
        RuleLocation(HBA, line),
        holds_quote=quote,
        holds_file_reference=reference,
        holds_clientname=clientname,
        continues=False,
    )


QUOTES_TOLD = "The line holds quotes"
CLIENTNAME_TOLD = "The line holds clientname="


@pytest.mark.parametrize(
    ("line", "quotes", "clientname"),
    [
        (traits(1), False, False),
        (traits(1, quote=True), True, False),
        (traits(1, clientname=True), False, True),
        (traits(2, quote=True, clientname=True), False, False),
    ],
)
def test_what_a_line_holds_counts_for_its_own_rule(
    line: LineTraits, *, quotes: bool, clientname: bool
) -> None:
    shop = replace(CERT, databases=("shop",))
    poll = replace(
        POLL,
        wal_senders=(replace(STANDBY, database="shop"),),
        hba=rules(shop),
        hba_lines=(traits(7), line),
    )
    told = " ".join(the_one(poll).explanation)
    assert (QUOTES_TOLD in told, CLIENTNAME_TOLD in told) == (quotes, clientname)


def test_a_file_that_names_are_taken_from_may_quote_them() -> None:
    before = history_after(POLL)
    poll = replace(POLL, hba_lines=(traits(1, reference=True),))
    told, _ = assess(poll, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(told)
    assert isinstance(connection.rule_match, Undecided)
    assert connection.rule_match.why == (
        f'{HBA}:1: "replication" may stand in quotes there, and then it is no keyword',
    )


def test_lines_that_could_not_be_read_hold_what_they_may() -> None:
    before = history_after(POLL)
    told, _ = assess(replace(POLL, hba_lines=MISSING), TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(told)
    assert connection.rule_match == Governs(CERT)


def test_answers_to_regular_expressions_are_taken_by_token_and_name() -> None:
    rule = replace(CERT, roles=("/^rep",))
    poll = replace(POLL, hba=rules(rule))
    answers = (
        RegularExpressionResult("/^rep", "other", matches=False),
        RegularExpressionResult("/^rep", "replica", matches=True),
        RegularExpressionResult("/^x", "replica", matches=False),
    )
    assert the_one(replace(poll, regular_expressions=answers)).rule_match == Governs(rule)
    assert isinstance(the_one(poll).rule_match, Undecided)
    unread = replace(poll, regular_expressions=MISSING)
    assert isinstance(the_one(unread).rule_match, Undecided)


# --- order


def test_the_worst_comes_first_then_the_oldest() -> None:
    lab = replace(EXEMPT_LAB, roles=frozenset({"exempt"}))
    old = replace(STANDBY, backend_start=LOADED + HOUR)
    wal_senders = (
        STANDBY,
        replace(old, pid=9),
        replace(old, pid=3),
        replace(PLAIN, role="exempt"),
        replace(PLAIN, peer=OtherPeer.HIDDEN),
        replace(PLAIN, pid=1),
        replace(PLAIN, pid=2, backend_start=LOADED + HOUR),
        WITHOUT_CERTIFICATE,
        replace(PLAIN, gss_encrypted=True),
    )
    told = report(
        replace(POLL, wal_senders=wal_senders),
        Policy(exempt_loopback=False, exemptions=(lab,)),
    )
    assert [(c.verdict, c.posture, c.wal_sender.pid) for c in connections(told)] == [
        (Verdict.INSECURE, Posture.PLAINTEXT, 2),
        (Verdict.INSECURE, Posture.PLAINTEXT, 1),
        (Verdict.INSECURE, Posture.GSS_ENCRYPTED, 4711),
        (Verdict.INSECURE, Posture.TLS_WITHOUT_CERTIFICATE, 4711),
        (Verdict.UNKNOWN, Posture.HIDDEN, 4711),
        (Verdict.EXEMPT, Posture.PLAINTEXT, 4711),
        (Verdict.SECURE, Posture.CERTIFICATE_REQUIRED, 3),
        (Verdict.SECURE, Posture.CERTIFICATE_REQUIRED, 9),
        (Verdict.SECURE, Posture.CERTIFICATE_REQUIRED, 4711),
    ]


# --- exemptions


def from_loopback(pid: int) -> WalSender:
    return replace(PLAIN, pid=pid, peer=TcpPeer(ip_address("127.0.0.1"), 5))


def test_exemptions_are_told_with_how_many_connections_they_cover() -> None:
    unused = replace(EXEMPT_LAB, name="unused", reason="for later", until=NOW + HOUR)
    lab = replace(EXEMPT_LAB, roles=frozenset({"exempt"}))
    wal_senders = (
        from_loopback(1),
        from_loopback(2),
        replace(PLAIN, role="exempt"),
        PLAIN,
        STANDBY,
    )
    poll = replace(POLL, wal_senders=wal_senders)
    assert report(poll, Policy(exemptions=(lab, unused))).exemptions == (
        ExemptionUse("lab", "only a lab", None, 1),
        ExemptionUse("unused", "for later", NOW + HOUR, 0),
        ExemptionUse("loopback", "built in: the connection never leaves the host", None, 2),
    )
    assert report(poll, Policy(exempt_loopback=False, exemptions=(lab,))).exemptions == (
        ExemptionUse("lab", "only a lab", None, 1),
    )


def test_exemptions_end_by_the_moment_that_is_handed_in() -> None:
    ends = replace(EXEMPT_LAB, roles=frozenset({"replica"}), until=NOW)
    target = replace(TARGET, policy=Policy(exempt_loopback=False, exemptions=(ends,)))
    poll = replace(POLL, wal_senders=(PLAIN,), hba=rules(SCRAM))
    for moment, verdict in (
        (NOW - timedelta(seconds=1), Verdict.EXEMPT),
        (NOW, Verdict.INSECURE),
    ):
        told, _ = assess(poll, target, RulesHistory(), KNOWLEDGE, now=moment)
        assert [c.verdict for c in connections(told)] == [verdict]
