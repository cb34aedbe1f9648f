"""Replication clients on a real libpq: walsenders of every kind, without another server.

A client speaks the streaming replication protocol through psycopg's libpq and answers the
server's keepalives, so that it stays ``streaming`` as a standby would.
"""

import atexit
import os
import select
import socket
import struct
import threading
import time
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from exporter.model.wal_sender import ReplicationKind

PHYSICAL = ReplicationKind.PHYSICAL
LOGICAL = ReplicationKind.LOGICAL

_NOWHERE = "/nonexistent/lab"
_STATUS_INTERVAL_SECONDS = 1.0
_OPTIONS_IN_PARENTHESES_SINCE = 150000
_POSTGRES_EPOCH = 946684800
_XLOG_DATA = ord("w")
_KEEPALIVE = ord("k")
_XLOG_DATA_HEADER = 25

ISOLATED: Mapping[str, str] = {
    # A path that does not exist means none; left out, libpq would look into ~/.postgresql.
    "sslcert": _NOWHERE,
    "sslkey": _NOWHERE,
    "sslrootcert": _NOWHERE,
    "sslcrl": _NOWHERE,
    "passfile": _NOWHERE,
    "gssencmode": "disable",
    "connect_timeout": "10",
}


_STREAMING: "weakref.WeakSet[ReplicationClient]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # OpenSSL cleans up when the process exits; a thread that reads through it must not be there.
    for client in list(_STREAMING):
        client.close()


class ReplicationRefusedError(Exception):
    """The server, or libpq before it, refused the connection or the command."""


class ReplicationClient:
    """One walsender's client; a context manager that holds the connection.

    Attributes:
        backend_pid: process id of the walsender.
    """

    def __init__(
        self,
        parameters: Mapping[str, str],
        kind: ReplicationKind = PHYSICAL,
        *,
        stream: bool = True,
        base_backup: bool = False,
        slot: str = "",
        plugin: str = "test_decoding",
    ) -> None:
        """Connect and begin.

        Args:
            parameters: libpq's; the files of ``~/.postgresql`` and ``PG...`` variables of the
                environment count for nothing.
            kind: LOGICAL connects to ``dbname`` (``postgres`` if not given).
            stream: False to stay idle after login.
            base_backup: begin a base backup and never finish it, instead of streaming.
            slot: an existing slot to use; for LOGICAL a temporary one is made if empty.
            plugin: of that temporary slot.

        Raises:
            ReplicationRefusedError: with the server's words.
        """
        self._stopping, self._wake = socket.socketpair()
        self._thread: threading.Thread | None = None
        self._connection = pq.PGconn.connect(_conninfo(parameters, kind))
        try:
            self._check_login()
            self.backend_pid = self._connection.backend_pid
            position = self._identify()
            if base_backup:
                self._begin_base_backup()
            elif stream:
                self._begin_streaming(kind, position, slot, plugin)
        except BaseException:
            self._finish()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def is_streaming(self) -> bool:
        """Return whether the server still streams to this client."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Disconnect. Harmless when it is closed."""
        if self._thread is not None:
            self._wake.close()
            self._thread.join()
            self._thread = None
        self._finish()

    def _finish(self) -> None:
        self._connection.finish()
        self._stopping.close()
        self._wake.close()

    def _check_login(self) -> None:
        if self._connection.status != pq.ConnStatus.OK:
            raise ReplicationRefusedError(_text(self._connection.error_message))

    def _identify(self) -> bytes:
        result = self._command(b"IDENTIFY_SYSTEM", pq.ExecStatus.TUPLES_OK)
        return result.get_value(0, 2) or b"0/0"

    def _begin_streaming(
        self, kind: ReplicationKind, position: bytes, slot: str, plugin: str
    ) -> None:
        if kind is PHYSICAL:
            named = f"SLOT {slot} ".encode() if slot else b""
            command = b"START_REPLICATION " + named + b"PHYSICAL " + position
        else:
            command = self._logical_command(slot, plugin)
        self._command(command, pq.ExecStatus.COPY_BOTH)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        _STREAMING.add(self)

    def _logical_command(self, slot: str, plugin: str) -> bytes:
        if not slot:
            slot = f"lab_{self.backend_pid}"
            self._command(
                f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL {plugin}".encode(),
                pq.ExecStatus.TUPLES_OK,
            )
        options = " (proto_version '1', publication_names 'lab')" if plugin == "pgoutput" else ""
        return f"START_REPLICATION SLOT {slot} LOGICAL 0/0{options}".encode()

    def _begin_base_backup(self) -> None:
        # Nobody reads the answer: the walsender stays in state "backup", held by a full socket.
        in_parentheses = self._connection.server_version >= _OPTIONS_IN_PARENTHESES_SINCE
        command = "BASE_BACKUP (CHECKPOINT 'fast')" if in_parentheses else "BASE_BACKUP FAST"
        self._connection.send_query(command.encode())
        self._connection.flush()

    def _command(self, command: bytes, expected: pq.ExecStatus) -> pq.abc.PGresult:
        result = self._connection.exec_(command)
        if result.status != expected:
            raise ReplicationRefusedError(_text(result.error_message))
        return result

    def _answer(self) -> None:
        """Read what comes and tell how far, as a receiver does, until told to stop."""
        connection = self._connection
        connection.nonblocking = 1
        received = 0
        told_at = 0.0
        while True:
            readable, _, _ = select.select(
                [connection.socket, self._stopping.fileno()], [], [], _STATUS_INTERVAL_SECONDS
            )
            if self._stopping.fileno() in readable:
                return
            try:
                connection.consume_input()
                asked = False
                while (message := connection.get_copy_data(1))[0] > 0:
                    received, asked_now = _read(bytes(message[1]), received)
                    asked = asked or asked_now
                now = time.monotonic()
                if asked or now - told_at >= _STATUS_INTERVAL_SECONDS:
                    told_at = now
                    connection.put_copy_data(_status_update(received))
                    connection.flush()
            except psycopg.OperationalError:
                return  # the server ended the session; a receiver would end too
            if message[0] < 0:
                return


def _read(message: bytes, received: int) -> tuple[int, bool]:
    """Return the position received so far, and whether the server asks for an answer.

    Manual, "Streaming Replication Protocol": XLogData and Primary keepalive message.
    """
    if message[0] == _XLOG_DATA:
        [start] = struct.unpack_from("!Q", message, 1)
        return max(received, start + len(message) - _XLOG_DATA_HEADER), False
    if message[0] == _KEEPALIVE:
        [position, _, asked] = struct.unpack_from("!QqB", message, 1)
        return max(received, position), bool(asked)
    return received, False


def _status_update(position: int) -> bytes:
    clock = int((time.time() - _POSTGRES_EPOCH) * 1_000_000)
    return struct.pack("!cQQQqB", b"r", position, position, position, clock, 0)


def _conninfo(parameters: Mapping[str, str], kind: ReplicationKind) -> bytes:
    neutral = {}
    for option in pq.Conninfo.get_defaults():
        if option.envvar and option.envvar.decode() in os.environ and option.compiled is not None:
            neutral[option.keyword.decode()] = option.compiled.decode()
    mode = {"replication": "true"}
    if kind is LOGICAL:
        mode = {"replication": "database", "dbname": parameters.get("dbname", "postgres")}
    merged = {**neutral, **ISOLATED, **parameters, **mode}
    return make_conninfo(**merged).encode()


def _text(message: bytes) -> str:
    return message.decode("utf-8", "replace").strip()
