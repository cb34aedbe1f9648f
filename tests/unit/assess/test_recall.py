"""A cached judgement equals the one that a new judgement would give, whatever changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from exporter.assess.report import assess
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import RuleLocation
from exporter.model.history import Judgements, RulesHistory
from exporter.model.observation import Observation
from exporter.model.policy import Exemption, Policy, Requirement
from exporter.model.report import Connection, TargetReport
from exporter.model.target import Target
from exporter.model.wal_sender import TcpPeer, WalSender
from tests.unit.assess.facts import (
    BEGAN,
    CERT,
    HBA,
    KNOWLEDGE,
    NOW,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    TARGET,
    connections,
    line,
    mapping,
    maps,
    rules,
    times,
)

FIRST = replace(POLL, wal_senders=(STANDBY, replace(PLAIN, pid=4712)), hba=rules(SCRAM, CERT))
LATER = NOW + timedelta(minutes=1)
SIGNED_OFF = Exemption(name="signed off", reason="why", roles=frozenset({"replica"}), until=LATER)


def _two_polls(
    first: Observation, second: Observation, before: Target = TARGET, after: Target = TARGET
) -> tuple[TargetReport, TargetReport, TargetReport]:
    """Return the first report, the second, and the second as it is without memory of judgements."""
    report, history = assess(first, before, RulesHistory(), KNOWLEDGE, now=NOW)
    forgetful = replace(history, judged=Judgements())
    return (
        report,
        assess(second, after, history, KNOWLEDGE, now=LATER)[0],
        assess(second, after, forgetful, KNOWLEDGE, now=LATER)[0],
    )


def _by_identity(connections: tuple[Connection, ...]) -> set[int]:
    return {id(connection) for connection in connections}


def test_what_did_not_change_is_not_judged_again() -> None:
    second = replace(FIRST, at=LATER, duration_seconds=0.5, hba=rules(SCRAM, CERT))
    first, again, anew = _two_polls(FIRST, second)
    assert again == anew
    assert _by_identity(connections(again)) == _by_identity(connections(first))


SECURE = replace(FIRST, wal_senders=(STANDBY,), hba=rules(CERT))
NEWCOMER = replace(PLAIN, pid=1, peer=TcpPeer(ip_address("10.0.0.9"), 1))


def test_another_connection_is_judged_with_those_that_are_remembered() -> None:
    first, again, anew = _two_polls(SECURE, replace(SECURE, wal_senders=(NEWCOMER, STANDBY)))
    assert again == anew
    assert {c.wal_sender for c in connections(again)} == {NEWCOMER, STANDBY}
    assert len(_by_identity(connections(again)) & _by_identity(connections(first))) == 1


@pytest.mark.parametrize("later", [(STANDBY,), (NEWCOMER, STANDBY, replace(PLAIN, pid=4712))])
def test_a_remedy_is_judged_again_where_other_clients_are_connected(
    later: tuple[WalSender, ...],
) -> None:
    first, again, anew = _two_polls(FIRST, replace(FIRST, wal_senders=later))
    assert again == anew
    (before, now) = (
        next(c for c in connections(target_report) if c.wal_sender is STANDBY)
        for target_report in (first, again)
    )
    assert now is not before


def test_a_remedy_is_remembered_where_the_others_are_connected_in_the_same_way() -> None:
    again_with_another_process = replace(PLAIN, pid=4713)
    first, again, anew = _two_polls(
        FIRST, replace(FIRST, wal_senders=(STANDBY, again_with_another_process))
    )
    assert again == anew
    assert len(_by_identity(connections(again)) & _by_identity(connections(first))) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, hba=rules(CERT)),
        lambda p: replace(p, hba=Unread(FailureReason.PERMISSION, "")),
        lambda p: replace(p, hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),)),
        lambda p: replace(p, ident=maps(mapping("x", "replica"))),
        lambda p: replace(p, file_times=times(hba=BEGAN)),
        lambda p: replace(p, role_memberships=Unread(FailureReason.STATEMENT_TIMEOUT, "")),
        lambda p: replace(p, server=replace(SERVER, requests_client_certificate=False)),
        lambda p: replace(p, server=replace(SERVER, version_number=130000)),
        lambda p: replace(p, server=replace(SERVER, configuration_loaded_at=BEGAN)),
        lambda p: replace(p, wal_senders=(replace(STANDBY, state="backup"), PLAIN)),
        lambda p: replace(p, wal_senders=Unread(FailureReason.PERMISSION, "")),
    ],
)
def test_whatever_changed_the_report_is_the_one_without_memory(
    change: Callable[[Observation], Observation],
) -> None:
    _, again, anew = _two_polls(FIRST, change(FIRST))
    assert again == anew


def test_another_policy_is_judged_by() -> None:
    lenient = replace(TARGET, policy=Policy(require=Requirement.TLS, exempt_loopback=False))
    first, again, anew = _two_polls(FIRST, FIRST, after=lenient)
    assert again == anew
    assert again.connections != first.connections


def test_an_exemption_ends_in_time_for_what_is_remembered() -> None:
    exempt = replace(TARGET, policy=Policy(exemptions=(SIGNED_OFF,), exempt_loopback=False))
    first, again, anew = _two_polls(FIRST, FIRST, exempt, exempt)
    assert again == anew
    assert {c.exemption for c in connections(first)} == {"signed off"}
    assert {c.exemption for c in connections(again)} == {""}
