"""Polls that something cuts short: a frozen, busy, locked or conflicting server."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.observe.postgres.poll import observe
from exporter.observe.postgres.session.statement import MAXIMUM_ROWS
from lab.wait import until
from tests.live.primaries import HBA, Primaries, Primary, fresh_primary
from tests.live.seen import note_read

pytestmark = pytest.mark.live

SLACK_SECONDS = 15.0


async def _poll(target: Target) -> Observation | Unread:
    started = time.monotonic()
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert time.monotonic() - started < target.timeout_seconds + SLACK_SECONDS
    return read


def _reason(read: object) -> FailureReason:
    assert isinstance(read, Unread), read
    return read.reason


def _slow_down(primary: Primary, function: str, seconds: int) -> None:
    """Make one of the shipped functions slow."""
    name = f"replication_cert_exporter.{function}"
    ((result,),) = primary.server.sql(f"SELECT pg_get_function_result('{name}'::regproc)")
    primary.server.sql(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS {result} LANGUAGE plpgsql STABLE"
        f" AS 'BEGIN PERFORM pg_sleep({seconds}); END'"
    )


def _backend(primary: Primary, waiting_in: str) -> list[int]:
    """Return the exporter's backend once its statement is ``waiting_in`` something."""
    rows = primary.server.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg-replication-cert-exporter'"
        f" AND state = 'active' AND coalesce(wait_event, '') ~ '{waiting_in}'"
    )
    return [pid for (pid,) in rows]


async def _wait_for_backend(primary: Primary, waiting_in: str) -> int:
    def ask() -> int:
        until(lambda: _backend(primary, waiting_in), within=20, what="the poll to wait")
        return _backend(primary, waiting_in)[0]

    return await asyncio.to_thread(ask)


@contextlib.contextmanager
def _locked(primary: Primary) -> Iterator[None]:
    """Hold a lock that the first statement of a poll waits for, and the login does not."""
    session: psycopg.Connection[tuple[object, ...]]
    with contextlib.closing(primary.server.connect()) as session:
        session.execute("BEGIN")
        session.execute("LOCK TABLE pg_catalog.pg_auth_members IN ACCESS EXCLUSIVE MODE")
        yield


async def test_a_lock_is_not_waited_for(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary, _locked(primary):
        read = await _poll(primary.target(timeout_seconds=2))
    assert _reason(read) is FailureReason.STATEMENT_TIMEOUT


@pytest.mark.parametrize("major", [13, 18])
async def test_a_terminated_session_is_reported_as_such(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary, _locked(primary):
        poll = asyncio.create_task(_poll(primary.target(timeout_seconds=60)))
        pid = await _wait_for_backend(primary, "relation")
        primary.server.sql(f"SELECT pg_terminate_backend({pid})")
        assert _reason(await poll) is FailureReason.TERMINATED


async def test_a_crashed_server_is_reported_as_such(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary, _locked(primary):
        poll = asyncio.create_task(_poll(primary.target(timeout_seconds=60)))
        pid = await _wait_for_backend(primary, "relation")
        os.kill(pid, signal.SIGKILL)
        assert _reason(await poll) is FailureReason.TERMINATED


async def test_one_slow_reader_blinds_no_other(own_primary: Primary) -> None:
    _slow_down(own_primary, "hba_lines", 60)
    read = await _poll(own_primary.target(timeout_seconds=2))
    assert isinstance(read, Observation), read
    assert _reason(read.hba_lines) is FailureReason.STATEMENT_TIMEOUT
    for other in (read.wal_senders, read.hba, read.ident, read.file_times, read.role_memberships):
        assert not isinstance(other, Unread), other


async def test_a_frozen_backend_ends_with_the_deadline_and_what_was_read_is_kept(
    primaries: Primaries,
) -> None:
    with fresh_primary(primaries, 18) as primary:
        _slow_down(primary, "file_times_at_once", 60)
        poll = asyncio.create_task(_poll(primary.target(timeout_seconds=4)))
        pid = await _wait_for_backend(primary, "PgSleep")
        os.kill(pid, signal.SIGSTOP)
        try:
            read = await poll
        finally:
            os.kill(pid, signal.SIGCONT)
    assert isinstance(read, Observation), read
    assert not isinstance(read.wal_senders, Unread)
    assert not isinstance(read.hba, Unread)
    for cut in (read.file_times, read.hba_lines, read.tls_files, read.role_memberships):
        assert _reason(cut) is FailureReason.TIMEOUT
    assert read.server.system_identifier is not None


async def test_a_frozen_server_ends_with_the_deadline(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary:
        os.kill(primary.server.pid, signal.SIGSTOP)
        try:
            for sslmode in ("disable", "require"):
                read = await _poll(primary.target({"sslmode": sslmode}, timeout_seconds=1))
                assert _reason(read) is FailureReason.TIMEOUT
        finally:
            os.kill(primary.server.pid, signal.SIGCONT)


async def test_a_cancelled_poll_leaves_no_session_behind(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary:
        _slow_down(primary, "file_times_at_once", 10)
        poll = asyncio.create_task(_poll(primary.target(timeout_seconds=60)))
        await _wait_for_backend(primary, "PgSleep")
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        # its statement was not awaited
        assert _backend(primary, "PgSleep")
        until(lambda: not _backend(primary, ""), within=60, what="the session to end")


async def test_too_many_rules_are_refused_and_nothing_else(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary:
        rule = "host nowhere nobody 10.0.0.0/8 reject\n"
        primary.server.write_hba(HBA + rule * (MAXIMUM_ROWS + 1))
        read = await _poll(primary.target())
    assert isinstance(read, Observation), read
    assert _reason(read.hba) is FailureReason.LIMIT_EXCEEDED
    assert not isinstance(read.wal_senders, Unread)


@pytest.mark.parametrize("major", [13, 15, 18])
async def test_a_standby_is_read_like_a_primary(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary:
        directory = primary.server.directory.with_name(f"standby-read-{major}")
        with primary.server.standby(directory, primary.client_with_certificate("r_cert")) as copy:
            standby = await _poll(Primary(copy, primary.authority).target())
            original = await _poll(primary.target())
    assert isinstance(standby, Observation), standby
    assert isinstance(original, Observation), original
    assert standby.server.in_recovery
    assert not original.server.in_recovery
    assert standby.server.system_identifier == original.server.system_identifier
    for read in (standby.wal_senders, standby.hba, standby.hba_lines, standby.ident):
        assert not isinstance(read, Unread), read
    assert not isinstance(standby.file_times, Unread)
    # a standby's own files, not those of its primary
    assert {str(copy.hba_path)} < {each.path for each in standby.file_times}


@pytest.mark.parametrize("major", [13, 18])
async def test_a_conflict_with_recovery_is_reported_as_such(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major) as primary:
        primary.server.sql("CREATE TABLE rows AS SELECT generate_series(1, 100) AS n")
        _slow_down(primary, "file_times_at_once", 60)
        directory = primary.server.directory.with_name(f"standby-conflict-{major}")
        settings = {"max_standby_streaming_delay": "0", "hot_standby_feedback": "off"}
        with primary.server.standby(
            directory, primary.client_with_certificate("r_cert"), settings=settings
        ) as copy:
            standby = Primary(copy, primary.authority)
            poll = asyncio.create_task(_poll(standby.target(timeout_seconds=60)))
            await _wait_for_backend(standby, "PgSleep")
            # the rows that the standby's statement may still see are removed there as well
            primary.server.sql("DELETE FROM rows")
            primary.server.sql("VACUUM rows")
            read = await poll
    assert isinstance(read, Observation), read
    assert _reason(read.file_times) is FailureReason.RECOVERY_CONFLICT
    # between two statements the server ends the session instead of the statement
    if isinstance(read.hba_lines, Unread):
        assert read.hba_lines.reason is FailureReason.RECOVERY_CONFLICT
