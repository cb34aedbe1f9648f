"""A server that shows as many rules and walsenders as a test wants; it is not PostgreSQL."""

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.live.observe.impostors import message

_PID = 1
_STARTED = b"1790000000"
_WRITTEN = b"1780000000"

_Row = Sequence[bytes | None]


def _columns(number: int) -> bytes:
    column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    return message(b"T", struct.pack("!h", number) + column * number)


def _data(row: _Row) -> bytes:
    values = (
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        for value in row
    )
    return message(b"D", struct.pack("!h", len(row)) + b"".join(values))


def _answer(rows: Sequence[_Row]) -> bytes:
    number = len(rows[0]) if rows else 1
    return (
        message(b"1", b"")
        + message(b"2", b"")
        + _columns(number)
        + b"".join(map(_data, rows))
        + message(b"C", b"SELECT %d\0" % len(rows))
    )


_SERVER: _Row = (
    b"%d" % _PID,
    b"18.1",
    b"f",
    _STARTED,
    _STARTED,
    b"on",
    b"root.crt",
    b"127.0.0.1",
    b"t",
    b"/pg_hba.conf",
    b"/pg_ident.conf",
    _STARTED,
    b"7500000000000000000",
)
_REFUSED = message(b"E", b"SERROR\0VERROR\0C42501\0Mpermission denied\0\0")


def _file(setting: bytes) -> _Row:
    return (setting, b"/" + setting, b"1", _WRITTEN, _WRITTEN)


def _rule(number: int) -> _Row:
    return (
        b"/pg_hba.conf",
        b"%d" % (number + 1),
        b"hostssl",
        b"{replication}",
        b"{other%d}" % number,
        b"all",
        None,
        b"scram-sha-256",
        None,
        None,
    )


def _wal_sender(number: int) -> _Row:
    tls = (b"t", b"TLSv1.3", b"TLS_AES_256_GCM_SHA384", b"256", None, None, None)
    return (
        b"%d" % (number + 100),
        _STARTED,
        b"role%d" % number,
        b"standby%d" % number,
        b"10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255),
        b"40000",
        b"streaming",
        b"async",
        None,
        None,
        *tls,
        b"f",
        b"%d" % (number + 20000),
    )


@dataclass
class Enormous:
    """Accepts every login, and answers the statements of a poll.

    Attributes:
        rules: number of rules in pg_hba.conf; none of them matches.
        wal_senders: number of walsenders, each with a role and an address of its own.
        polls: number of sessions that have ended after it answered their statements.
    """

    rules: int
    wal_senders: int
    polls: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._answers = {
            "pg_postmaster_start_time": _answer([_SERVER]),
            "pg_stat_get_wal_senders": _answer([_wal_sender(n) for n in range(self.wal_senders)]),
            "pg_hba_file_rules": _answer([_rule(n) for n in range(self.rules)]),
            "pg_ident_file_mappings": _answer([]),
            "file_times": _answer([_file(b"hba_file"), _file(b"ident_file")]),
            "hba_lines": _answer([]),
            "pg_auth_members": _answer([]),
            "pg_stat_get_wal_receiver": _answer([]),
        }

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection."""
        (length,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
        connection.recv(length - 4, socket.MSG_WAITALL)
        connection.sendall(
            message(b"R", struct.pack("!i", 0))
            + message(b"S", b"server_version\x0018.1\0")
            + message(b"K", struct.pack("!ii", _PID, 1))
            + message(b"Z", b"I")
        )
        asked = False
        for sql in _statements(connection):
            asked = True
            connection.sendall(self._answer(sql) + message(b"Z", b"I"))
        self.polls += asked

    def _answer(self, sql: str) -> bytes:
        return next((a for words, a in self._answers.items() if words in sql), _REFUSED)


def _statements(connection: socket.socket) -> Iterator[str]:
    """Yield each statement at its synchronisation point."""
    sql = ""
    for kind, body in _messages(connection):
        if kind == b"P":
            # an unnamed statement: an empty name, then the text
            sql = body[1:].partition(b"\0")[0].decode()
        elif kind == b"S":
            yield sql


def _messages(connection: socket.socket) -> Iterable[tuple[bytes, bytes]]:
    while head := connection.recv(5, socket.MSG_WAITALL):
        kind, length = struct.unpack("!ci", head)
        yield kind, connection.recv(length - 4, socket.MSG_WAITALL) if length > 4 else b""
