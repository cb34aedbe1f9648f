"""One target as the metric families read it: its connections by key, the worst of each first."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from exporter.model.failure import Unread
from exporter.model.judgement import Posture, Verdict
from exporter.model.record import TargetRecord
from exporter.model.report import Connection, TargetReport
from exporter.model.wal_sender import IpAddress, Peer, TcpPeer
from exporter.publish.label_value import label_value

WORST_FIRST = (Verdict.INSECURE, Verdict.UNKNOWN, Verdict.EXEMPT, Verdict.SECURE)
"""Verdicts in the order in which they are shown."""

TABLE_SYNC = "pg_sync"
"""Application name under which all table synchronisation workers are counted."""

# ReplicationSlotNameForTablesync() in tablesync.c: pg_<subscription>_sync_<relation>_<system id>
_TABLE_SYNC_NAME = re.compile(r"pg_[0-9]+_sync_[0-9]+_[0-9]+")

_VERDICT_RANK = {verdict: rank for rank, verdict in enumerate(WORST_FIRST)}
_POSTURE_RANK = {posture: rank for rank, posture in enumerate(reversed(Posture))}


@dataclass(frozen=True, slots=True, order=True)
class ConnectionKey:
    """The labels that identify a connection; several connections may share one."""

    application_name: str
    usename: str
    client_addr: str
    kind: str

    def labels(self) -> tuple[str, str, str, str]:
        """Return the label values in the order of the contract."""
        return (self.application_name, self.usename, self.client_addr, self.kind)


def host_text(address: IpAddress) -> str:
    """Return ``address`` as PostgreSQL's host() writes it, on every version of Python."""
    mapped = getattr(address, "ipv4_mapped", None)
    # before Python 3.13 str() of a mapped address is ::ffff:102:304
    return str(address) if mapped is None else f"::ffff:{mapped}"


def address_label(peer: Peer) -> str:
    """Return the label ``client_addr``: empty for a unix socket and where it is hidden."""
    return host_text(peer.address) if isinstance(peer, TcpPeer) else ""


def connection_key(connection: Connection) -> ConnectionKey:
    """Return the key under which ``connection`` is counted and described."""
    sender = connection.wal_sender
    name = sender.application_name
    return ConnectionKey(
        application_name=TABLE_SYNC if _TABLE_SYNC_NAME.fullmatch(name) else label_value(name),
        usename=label_value(sender.role),
        client_addr=address_label(sender.peer),
        kind=sender.kind.value,
    )


def _badness(connection: Connection) -> tuple[int, int]:
    return (_VERDICT_RANK[connection.verdict], _POSTURE_RANK[connection.posture])


def worst_first(connections: Iterable[Connection]) -> tuple[Connection, ...]:
    """Return ``connections`` by verdict, then posture, each worst first, then the oldest."""
    return tuple(
        sorted(
            connections, key=lambda c: (*_badness(c), c.wal_sender.backend_start, c.wal_sender.pid)
        )
    )


@dataclass(frozen=True, slots=True)
class ConnectionCount:
    """How many connections of one key have one posture and verdict."""

    key: ConnectionKey
    posture: Posture
    verdict: Verdict
    count: int


class Reading:
    """A polled target; what several families need is worked out once.

    Attributes:
        record: as the board keeps it.
        report: of its latest poll.
    """

    def __init__(self, record: TargetRecord, report: TargetReport) -> None:
        self.record = record
        self.report = report

    @cached_property
    def connections(self) -> tuple[Connection, ...] | None:
        """All connections, worst first; None when they were not read or the poll failed."""
        connections = self.report.connections
        if self.report.failure is not None or isinstance(connections, Unread):
            return None
        return worst_first(connections)

    @cached_property
    def described(self) -> tuple[tuple[ConnectionKey, Connection], ...]:
        """Of each key the worst connection, worst first; empty when they were not read."""
        by_key: dict[ConnectionKey, Connection] = {}
        for connection in self.connections or ():
            by_key.setdefault(connection_key(connection), connection)
        return tuple(by_key.items())

    @cached_property
    def counts(self) -> tuple[ConnectionCount, ...]:
        """Connections counted by key, posture and verdict, worst first."""
        # a Counter keeps the order of first insertion, which is worst first here
        counter = Counter((connection_key(c), c.posture, c.verdict) for c in self.connections or ())
        return tuple(ConnectionCount(*key, count) for key, count in counter.items())
