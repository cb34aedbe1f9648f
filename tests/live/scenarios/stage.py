"""A real primary and the exporter's poll of it, as the program does it."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from exporter.board import Board
from exporter.model.failure import Unread
from exporter.model.judgement import HbaState
from exporter.model.policy import Policy
from exporter.model.report import Connection, TargetReport
from exporter.model.target import Target
from exporter.poller import judge_in_thread, look
from lab.replication import ReplicationClient
from tests.live.primaries import EXPORTER_ROLE, Primaries, Primary, fresh_primary
from tests.live.replay import assert_same_when_replayed
from tests.live.seen import note_report

EXPORTER_RULE = f"host postgres {EXPORTER_ROLE},blind 127.0.0.1/32 trust\n"
"""How the exporter logs in; it stands after the lab's own rule, in line 2."""

STRICT = Policy(exempt_loopback=False)
"""Every client here comes from a loopback address, which would be exempt by default."""


def now() -> datetime:
    return datetime.now(UTC)


def poll(target: Target, board: Board) -> TargetReport:
    """Poll once and return what was posted; a saved poll must give the same report."""
    return asyncio.run(poll_in_loop(target, board))


async def poll_in_loop(target: Target, board: Board) -> TargetReport:
    """Poll once, as ``poll`` does, where an event loop runs already."""
    looked = await look(target, board, now=now)
    judged_at = now()
    inputs = await judge_in_thread(looked, board, now=lambda: judged_at)
    report = board.record(target.name).report
    assert report is not None
    note_report(report)
    assert_same_when_replayed(inputs, judged_at, report)
    return report


def connections_of(report: TargetReport) -> tuple[Connection, ...]:
    assert not isinstance(report.connections, Unread), report.connections
    return report.connections


def connection_of(report: TargetReport, client: ReplicationClient) -> Connection:
    """Return what is reported about one client's walsender."""
    (found,) = [c for c in connections_of(report) if c.wal_sender.pid == client.backend_pid]
    return found


@dataclass
class Stage:
    """A primary for one test alone, and an exporter that polls it."""

    primary: Primary
    target: Target
    board: Board

    def poll(self) -> TargetReport:
        return poll(self.target, self.board)

    def restart_exporter(self) -> None:
        """Forget all that earlier polls taught."""
        self.board = Board([self.target])

    def hba_state(self) -> HbaState:
        report = self.poll()
        assert report.rules is not None
        return report.rules.state

    def connection(self, client: ReplicationClient) -> Connection:
        """Poll, and return what is reported about one client."""
        return connection_of(self.poll(), client)

    def write_hba(self, rules: str) -> None:
        self.primary.server.write_hba(EXPORTER_RULE + rules)

    def load_hba(self, rules: str) -> None:
        self.write_hba(rules)
        self.primary.server.reload()


def staged(primary: Primary, *, role: str = EXPORTER_ROLE, policy: Policy = STRICT) -> Stage:
    target = replace(primary.target(role=role), policy=policy)
    return Stage(primary, target, Board([target]))


@contextlib.contextmanager
def stage(
    primaries: Primaries,
    major: int,
    rules: str,
    *,
    settings: Mapping[str, str] | None = None,
    tls: bool = True,
    role: str = EXPORTER_ROLE,
    policy: Policy = STRICT,
    roles: str = "CREATE ROLE blind LOGIN",
) -> Iterator[Stage]:
    """Start a primary with ``rules`` after those of the lab and the exporter."""
    with fresh_primary(
        primaries, major, hba=EXPORTER_RULE + rules, settings=settings, tls=tls, roles=roles
    ) as primary:
        yield staged(primary, role=role, policy=policy)
