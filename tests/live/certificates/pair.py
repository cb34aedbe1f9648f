"""A primary and a real standby that is a target too, so that its certificate file is known."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from exporter.board import Board
from exporter.model.report import Connection, TargetReport
from exporter.model.target import Target
from lab.pki import Issued
from lab.server import PostgresServer
from lab.wait import until
from tests.live.certificates.house import ROLE, House, house
from tests.live.primaries import Primaries, Primary
from tests.live.scenarios.stage import EXPORTER_RULE, connections_of, now, poll, staged

APPLICATION = "standby1"
RULES = f"hostssl replication {ROLE} 127.0.0.1/32 cert\n"


@dataclass
class Pair:
    """Both servers, and an exporter that polls both."""

    house: House
    standby: PostgresServer
    standby_target: Target
    board: Board

    @property
    def certificate_file(self) -> Path:
        return self.house.directory / "standby.crt"

    @property
    def key_file(self) -> Path:
        return self.house.directory / "standby.key"

    def give(self, issued: Issued) -> None:
        """Put a certificate with its key into the standby's files."""
        self.house.put(self.key_file, issued.key_path.read_bytes())
        self.house.put(self.certificate_file, issued.certificate_path.read_bytes())

    def report(self) -> TargetReport:
        """Poll the standby, then the primary, and return the report on the primary."""
        poll(self.standby_target, self.board)
        return poll(self.house.stage.target, self.board)

    def connection(self) -> Connection:
        """Wait until the standby streams, and return its connection as reported."""
        found: list[Connection] = []

        def streams() -> bool:
            found[:] = [
                c for c in connections_of(self.report()) if c.wal_sender.state == "streaming"
            ]
            return bool(found)

        until(streams, within=30, what="the standby to stream")
        # the poll of the standby may have come before it was connected again
        streams()
        (connection,) = found
        return connection

    def cut(self) -> None:
        """End the standby's connection, so that it connects again."""
        self.house.stage.primary.server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
        )


@contextlib.contextmanager
def pair(
    primaries: Primaries, major: int, *, seconds: float | None = None
) -> Iterator[tuple[Pair, Issued]]:
    """Yield a primary and its streaming standby, and the certificate that the latter began with.

    Args:
        primaries: of the session.
        major: of both servers.
        seconds: how long that certificate is valid; None for a year.
    """
    with house(primaries, major, RULES) as made:
        server = made.stage.primary.server
        ends = None if seconds is None else now() + timedelta(seconds=seconds)
        first = made.authority.issue(common_name=ROLE, not_after=ends)
        key, certificate = made.directory / "standby.key", made.directory / "standby.crt"
        made.put(key, first.key_path.read_bytes())
        made.put(certificate, first.certificate_path.read_bytes())
        conninfo = {
            "user": ROLE,
            "application_name": APPLICATION,
            "sslmode": "require",
            "sslcert": str(certificate),
            "sslkey": str(key),
        }
        folder = server.directory.with_name(f"{server.directory.name}s")
        with server.standby(folder, conninfo, hba=EXPORTER_RULE) as standby:
            target = staged(Primary(standby, made.authority)).target
            target = replace(target, name="standby")
            board = Board([made.stage.target, target])
            yield Pair(made, standby, target, board), first
