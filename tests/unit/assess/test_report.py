"""The report on a whole target: its content, its order, and what is not known."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from exporter.assess.advice.rules_remedy import INSTALL
from exporter.assess.report import assess, failed
from exporter.model.failure import FailureReason, NotAsked, Reader, Unread
from exporter.model.finding import LineInError, RulesState
from exporter.model.hba import (
    ErrorLine,
    HbaContent,
    RuleLocation,
)
from exporter.model.history import RulesHistory
from exporter.model.judgement import HbaState, Posture, Verdict
from exporter.model.observation import Observation
from exporter.model.policy import Exemption, Policy
from exporter.model.remedy import Place, Step
from exporter.model.report import ExemptionUse, RulesReport
from exporter.model.server_steps import LoadRules
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.steps import lines
from tests.unit.assess.facts import (
    CERT,
    HBA,
    KNOWLEDGE,
    LOADED,
    NOW,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    TARGET,
    WITHOUT_CERTIFICATE,
    connections,
    report,
    rules,
    times,
)

DENIED = Unread(FailureReason.PERMISSION, "denied")
MISSING = Unread(FailureReason.NOT_INSTALLED)
HOUR = timedelta(hours=1)
EDITED = LOADED + HOUR
IN_FORCE = RulesState(HbaState.LOADED)
EXEMPT_LAB = Exemption("lab", "only a lab", None, roles=frozenset({"lab"}))


# --- what is reported


READ: dict[Reader, Unread | None] = {
    **{reader: None for reader in Reader if reader is not Reader.SERVED_CHAIN},
    # certificates have tests of their own
    Reader.TLS_FILES: NotAsked(),
    Reader.RECEIVER: NotAsked(),
}


def test_a_poll_that_read_everything() -> None:
    outcome = report(POLL)
    assert outcome.target == TARGET
    assert outcome.policy is TARGET.policy
    assert (outcome.polled_at, outcome.duration_seconds) == (NOW, 0.01)
    assert outcome.failure is None
    assert outcome.readers == READ
    assert outcome.server is SERVER
    assert outcome.rules == RulesReport(HbaState.LOADED, (), (IN_FORCE,), ())
    assert [c.wal_sender for c in connections(outcome)] == [STANDBY]
    assert outcome.exemptions == ()


def test_a_poll_that_read_nothing() -> None:
    policy = Policy(exemptions=(EXEMPT_LAB,))
    target = replace(TARGET, policy=policy)
    outcome = failed(target, DENIED, KNOWLEDGE, at=NOW, duration_seconds=0.5)
    assert outcome.target == target
    assert (outcome.polled_at, outcome.duration_seconds) == (NOW, 0.5)
    assert outcome.failure is DENIED
    assert outcome.connections is DENIED
    assert outcome.readers == {}
    assert outcome.server is None
    assert outcome.rules is None
    assert outcome.exemptions == (
        ExemptionUse("lab", "only a lab", None, 0),
        ExemptionUse("loopback", "built in: the connection never leaves the host", None, 0),
    )


def test_walsenders_that_may_not_be_seen_do_not_count_as_none() -> None:
    outcome = report(replace(POLL, wal_senders=DENIED))
    assert outcome.failure is DENIED
    assert outcome.connections is DENIED
    assert outcome.rules == RulesReport(HbaState.LOADED, (), (IN_FORCE,), ())
    exempting = report(replace(POLL, wal_senders=DENIED), Policy(exemptions=(EXEMPT_LAB,)))
    assert [use.connections for use in exempting.exemptions] == [0, 0]


def test_each_reader_is_reported_with_its_own_failure() -> None:
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


def with_errors(*errors: ErrorLine) -> HbaContent:
    return replace(rules(CERT), errors=errors)


@pytest.mark.parametrize(
    ("poll", "state"),
    [
        (replace(POLL, hba=with_errors(WARNING)), HbaState.LOADED),
        (replace(POLL, file_times=times(hba=EDITED)), HbaState.PENDING),
        (replace(POLL, hba=with_errors(BROKEN, WARNING)), HbaState.REJECTED),
        (replace(POLL, file_times=MISSING), HbaState.UNVERIFIED),
        (replace(POLL, hba=MISSING), HbaState.UNREADABLE),
    ],
)
def test_the_state_of_the_rules_is_reported_first(poll: Observation, state: HbaState) -> None:
    outcome = report(poll).rules
    assert outcome is not None
    assert outcome.state is state
    assert outcome.findings[0] == RulesState(state)


def test_lines_in_error_are_reported_with_what_to_do() -> None:
    peer = replace(BROKEN, message="peer authentication is only supported on local sockets")
    outcome = report(replace(POLL, hba=with_errors(peer, WARNING))).rules
    assert outcome is not None
    assert outcome.error_lines == (peer, WARNING)
    assert outcome.findings == (
        RulesState(HbaState.REJECTED),
        LineInError(peer),
        LineInError(WARNING),
    )
    correct, check = outcome.remedy
    assert lines(correct) == ("local all all peer",)
    assert check == Step(Place.SERVER, LoadRules(SERVER.version_number))


def test_what_to_write_for_a_line_in_error_is_for_the_roles_that_replicate() -> None:
    cert = replace(BROKEN, message="cert authentication is only supported on hostssl connections")
    for wal_senders, names in (((STANDBY,), "replica 10.0.0.5/32"), (DENIED, "ROLE ADDRESS")):
        outcome = report(replace(POLL, hba=with_errors(cert), wal_senders=wal_senders)).rules
        assert outcome is not None
        assert lines(outcome.remedy[0]) == (f"hostssl replication {names} cert",)


def test_rules_that_cannot_be_read_need_the_exporter_s_rights() -> None:
    outcome = report(replace(POLL, hba=MISSING)).rules
    assert outcome == RulesReport(
        HbaState.UNREADABLE, (), (RulesState(HbaState.UNREADABLE),), (INSTALL,)
    )


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
    outcome = report(
        replace(POLL, wal_senders=wal_senders),
        Policy(exempt_loopback=False, exemptions=(lab,)),
    )
    assert [(c.verdict, c.posture, c.wal_sender.pid) for c in connections(outcome)] == [
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


def test_exemptions_are_reported_with_how_many_connections_they_cover() -> None:
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
        outcome, _ = assess(poll, target, RulesHistory(), KNOWLEDGE, now=moment)
        assert [c.verdict for c in connections(outcome)] == [verdict]
