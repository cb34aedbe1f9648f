"""Many targets, some of them dead in the worst ways: each fails by itself and delays no other.

Delay is measured by the order of events, not by a clock: healthy targets are still polled while
a poll of a dead one has not ended.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest

from exporter.board import Board
from exporter.model.failure import FailureReason
from exporter.model.target import Target
from exporter.poller import poll_for_ever, poll_once
from lab.server import PostgresServer
from lab.wait import until
from tests.live.observe.impostors import listening, resetting, silent
from tests.live.primaries import Primaries, fresh_primary
from tests.live.scenarios.stage import now, poll_in_loop
from tests.live.seen import note_report
from tests.unit.publish.metrics.scrape import scraped, values

pytestmark = pytest.mark.live

DEADLINE_SECONDS = 8.0
ROUNDS = 10
"""Polls of every healthy target that must fit into one deadline of a dead one."""


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Stop the postmaster: the kernel still accepts connections, no process answers."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def locked(server: PostgresServer) -> Iterator[None]:
    """Hold a lock that a poll waits for after its login."""
    session: psycopg.Connection[tuple[object, ...]]
    with closing(server.connect()) as session:
        session.execute("BEGIN")
        session.execute("LOCK TABLE pg_catalog.pg_auth_members IN ACCESS EXCLUSIVE MODE")
        yield


def stop_the_backend(server: PostgresServer) -> int:
    """Stop the exporter's backend in the middle of a statement, and return its process id."""
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg-replication-cert-exporter'"
        " AND wait_event = 'relation'"
    )
    until(lambda: server.sql(waiting), within=DEADLINE_SECONDS, what="the poll to wait")
    pid: int = server.sql(waiting)[0][0]
    os.kill(pid, signal.SIGSTOP)
    return pid


def at(port: int, name: str) -> Target:
    return Target(
        name,
        {"host": "127.0.0.1", "port": str(port), "user": "exporter", "dbname": "postgres"},
        interval_seconds=0.05,
        timeout_seconds=DEADLINE_SECONDS,
    )


async def poll_all(board: Board, targets: list[Target], done: asyncio.Event) -> None:
    """Poll every target at its interval until ``done``."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(poll_for_ever(t, board, now=now, fleet=len(targets))) for t in targets
        ]
        await done.wait()
        for task in tasks:
            task.cancel()


async def until_polled(board: Board, names: list[str], times: int) -> None:
    async with asyncio.timeout(60):
        while any(board.record(name).polls < times for name in names):
            await asyncio.sleep(0.01)


def failure_of(board: Board, name: str) -> FailureReason | None:
    report = board.record(name).report
    assert report is not None
    note_report(report)
    return None if report.failure is None else report.failure.reason


async def test_dead_targets_delay_no_other_and_each_has_its_own_reason(
    primaries: Primaries,
) -> None:
    healthy_server = primaries[17].server
    with (
        fresh_primary(primaries, 18) as ice,
        fresh_primary(primaries, 16) as halting,
        locked(halting.server),
        listening(silent) as silent_port,
        listening(resetting) as resetting_port,
        frozen(ice.server),
    ):
        healthy = [at(healthy_server.port, f"healthy{n}") for n in range(3)]
        dead = [
            at(silent_port, "silent"),
            at(ice.server.port, "frozen"),
            at(halting.server.port, "halted"),
        ]
        quick = [at(resetting_port, "reset"), at(1, "refused")]
        targets = [*dead, *healthy, *quick]
        board = Board(targets)
        done = asyncio.Event()
        polling = asyncio.create_task(poll_all(board, targets, done))
        backend = await asyncio.to_thread(stop_the_backend, halting.server)
        await until_polled(board, [t.name for t in (*healthy, *quick)], ROUNDS)
        # their first polls have not ended, and the others have been polled again and again
        assert [board.record(t.name).polls for t in dead] == [0, 0, 0]
        await until_polled(board, [t.name for t in dead], 1)
        done.set()
        await polling
        os.kill(backend, signal.SIGCONT)
        reasons = {t.name: failure_of(board, t.name) for t in targets}
    assert reasons == {
        "silent": FailureReason.TIMEOUT,
        "frozen": FailureReason.TIMEOUT,
        "halted": FailureReason.TIMEOUT,
        "reset": FailureReason.UNREACHABLE,
        "refused": FailureReason.REFUSED,
        **{t.name: None for t in healthy},
    }


async def test_a_target_that_thaws_is_read_again(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary:
        target = replace(at(primary.server.port, "thawing"), timeout_seconds=1.0)
        board = Board([target])
        with frozen(primary.server):
            await poll_in_loop(target, board)
            assert failure_of(board, "thawing") is FailureReason.TIMEOUT
        await poll_in_loop(target, board)
        assert failure_of(board, "thawing") is None
        series = scraped(board.record("thawing"))
    assert values(series, "pgrepl_up") == {(): 1}
    assert values(series, "pgrepl_poll_failures_total", "reason")["timeout",] == 1


async def test_a_fault_of_ours_in_one_poll_stops_neither_it_nor_the_others(
    primaries: Primaries, caplog: pytest.LogCaptureFixture
) -> None:
    port = primaries[17].server.port
    # half of a surrogate pair has no encoding: nothing on the way expects it
    base = at(port, "faulty")
    faulty = replace(base, parameters={**base.parameters, "application_name": "\ud800"})
    healthy = at(port, "healthy")
    board = Board([faulty, healthy])
    done = asyncio.Event()
    polling = asyncio.create_task(poll_all(board, [faulty, healthy], done))
    await until_polled(board, ["faulty", "healthy"], 3)
    done.set()
    await polling
    assert failure_of(board, "faulty") is FailureReason.INTERNAL
    assert failure_of(board, "healthy") is None
    assert "fault in the exporter" in caplog.text


async def test_another_cluster_at_the_same_address_is_reported(primaries: Primaries) -> None:
    with fresh_primary(primaries, 17) as first, fresh_primary(primaries, 18) as second:
        # an address that moves: a unix socket that is a link, and leads elsewhere afterwards
        address = first.server.directory / "address"
        address.mkdir()
        socket = address / f".s.PGSQL.{first.server.port}"
        parameters = {"host": str(address), "user": "postgres", "dbname": "postgres"}
        target = Target("moving", {**parameters, "port": str(first.server.port)})
        board = Board([target])
        reasons = []
        for server in (first.server, second.server, second.server):
            socket.unlink(missing_ok=True)
            socket.symlink_to(server.socket_directory / f".s.PGSQL.{server.port}")
            await poll_in_loop(target, board)
            reasons.append(failure_of(board, "moving"))
    assert reasons == [None, FailureReason.IDENTITY_CHANGED, None]


async def test_polling_that_is_cancelled_ends_though_its_server_is_frozen(
    primaries: Primaries,
) -> None:
    with fresh_primary(primaries, 18) as primary, frozen(primary.server):
        target = replace(at(primary.server.port, "frozen"), timeout_seconds=600.0)
        polling = asyncio.create_task(poll_once(target, Board([target]), now=now))
        await asyncio.sleep(0)
        polling.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await polling
