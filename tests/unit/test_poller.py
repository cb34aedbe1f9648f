"""One poll and what is logged about it; no server listens where these targets point."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from socket import socket

import pytest

from exporter.board import Board
from exporter.model.failure import FailureReason
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.poller import Look, judge, judge_in_thread, poll_for_ever, poll_once
from tests.unit.assess import facts
from tests.unit.test_judging import all_busy

NAME = "db1"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def target() -> Iterator[Target]:
    """A port that is bound, so that no other process gets it, and that is not listened on."""
    with closing(socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        parameters = {"host": "127.0.0.1", "port": port, "user": "u", "dbname": "d"}
        yield Target(NAME, parameters, interval_seconds=0.01, timeout_seconds=5)


async def test_a_failed_poll_is_posted_with_its_reason(target: Target) -> None:
    board = Board([target])
    await poll_once(target, board, now=now)
    report = board.record(NAME).report
    assert report is not None
    assert report.failure is not None
    assert report.failure.reason is FailureReason.REFUSED
    assert report.server is None


async def test_a_failure_that_lasts_is_logged_once(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    board = Board([target])
    for _ in range(3):
        await poll_once(target, board, now=now)
    logged = [r for r in caplog.records if r.name == "exporter.poller"]
    assert [r.levelno for r in logged] == [logging.WARNING]
    assert "target=db1 cannot be read: refused" in logged[0].getMessage()


async def test_a_target_that_is_configured_no_more_ends_no_poll_in_an_error(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    board = Board([])
    await poll_once(target, board, now=now)
    assert board.snapshot() == ()
    assert caplog.records == []


async def test_polling_goes_on_after_failures_until_it_is_cancelled(target: Target) -> None:
    board = Board([target])
    polling = asyncio.create_task(poll_for_ever(target, board, now=now, fleet=1))
    async with asyncio.timeout(20):
        while board.record(NAME).polls < 5:
            await asyncio.sleep(0.01)
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling


async def test_what_was_judged_of_a_target_that_was_reconfigured_meanwhile_is_dropped() -> None:
    board = Board([facts.TARGET])
    async with all_busy():
        looked = Look(facts.TARGET, facts.POLL, 0.01)
        judging = asyncio.create_task(judge_in_thread(looked, board, now=now))
        await asyncio.sleep(0)
        board.configure([replace(facts.TARGET)])
    await judging
    (record,) = board.snapshot()
    assert (record.report, record.polls) == (None, 0)
    assert board.history(facts.TARGET.name).last is None


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_fault_in_a_judgement_is_a_failure_of_the_poll(
    *, in_thread: bool, caplog: pytest.LogCaptureFixture
) -> None:
    board = Board([facts.TARGET])
    no_netmask = replace(facts.SCRAM, netmask="none")
    looked = Look(facts.TARGET, replace(facts.POLL, hba=facts.rules(no_netmask)), 0.01)
    if in_thread:
        await judge_in_thread(looked, board, now=now)
    else:
        judge(looked, board, now=now)
    report = board.record(facts.TARGET.name).report
    assert report is not None
    assert report.failure is not None
    assert report.failure.reason is FailureReason.INTERNAL
    assert [r.exc_info is not None for r in caplog.records if r.levelno == logging.ERROR] == [True]


def _logged(board: Board, poll: Observation, caplog: pytest.LogCaptureFixture) -> list[object]:
    """Return level and message of what one more poll logs of the rules."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "exporter.poller"):
        judge(Look(facts.TARGET, poll, 0.01), board, now=now)
    return [(r.levelno, r.getMessage()) for r in caplog.records if "rules of" in r.getMessage()]


def test_a_state_of_the_rules_is_logged_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    board = Board([facts.TARGET])
    later = facts.times(hba=facts.LOADED + timedelta(hours=1))
    edited = replace(facts.POLL, hba=facts.rules(facts.TRUST), file_times=later)
    assert _logged(board, facts.POLL, caplog) == []
    pending = (logging.WARNING, "target=primary the rules of pg_hba.conf are pending")
    assert _logged(board, edited, caplog) == [pending]
    assert _logged(board, edited, caplog) == []
    loaded = (logging.INFO, "target=primary the rules of pg_hba.conf are loaded")
    assert _logged(board, facts.POLL, caplog) == [loaded]


def test_rules_that_are_rejected_are_logged_at_the_first_poll(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = (ErrorLine(RuleLocation(facts.HBA, 2), "x", blocks_loading=True),)
    broken = replace(facts.POLL, hba=replace(facts.rules(facts.CERT), errors=errors))
    rejected = (logging.WARNING, "target=primary the rules of pg_hba.conf are rejected")
    assert _logged(Board([facts.TARGET]), broken, caplog) == [rejected]
