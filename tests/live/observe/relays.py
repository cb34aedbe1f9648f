"""A real server behind something that changes its answers."""

import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Callable
from typing import NamedTuple

from tests.live.observe.impostors import Handler, message

Rewrite = Callable[[bytes, bytes], bytes]
"""Returns what is sent instead of a message of the server, given its type and its body."""


class Place(NamedTuple):
    """A column of one answer: the number of the statement in its session, and the column."""

    statement: int
    column: int
    name: str


def relaying(server_port: int, rewriting: Callable[[], Rewrite]) -> Handler:
    """Connect to a real server; each connection has a ``Rewrite`` of its own."""

    def handler(connection: socket.socket) -> None:
        rewrite = rewriting()
        with socket.create_connection(("127.0.0.1", server_port)) as server:

            def back() -> None:
                with contextlib.suppress(OSError, struct.error):
                    while True:
                        kind, length = struct.unpack("!ci", server.recv(5, socket.MSG_WAITALL))
                        body = server.recv(length - 4, socket.MSG_WAITALL) if length > 4 else b""
                        connection.sendall(rewrite(kind, body))

            thread = threading.Thread(target=back, daemon=True)
            thread.start()
            try:
                while data := connection.recv(65536):
                    server.sendall(data)
            finally:
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                thread.join()

    return handler


def copying_once(server_port: int, kind: bytes, number: int) -> Handler:
    """Begin a COPY in answer to one statement of the first connection, and be honest later.

    Args:
        server_port: of the real server.
        kind: of the message: ``G``, ``H`` or ``W``.
        number: of the statement in its session, from 0.
    """
    connections = itertools.count()

    def rewriting() -> Rewrite:
        statements = itertools.count()
        if next(connections) > 0:
            return message

        def rewrite(what: bytes, body: bytes) -> bytes:
            if what == b"T" and next(statements) == number:
                return message(kind, struct.pack("!bh", 0, 0))
            return message(what, body)

        return rewrite

    return relaying(server_port, rewriting)


def changing(server_port: int, change: Callable[[Place, bytes | None], bytes | None]) -> Handler:
    """Change each cell of each answer.

    Args:
        server_port: of the real server.
        change: returns a cell, given its place and what the server sent; None is NULL.
    """

    def rewriting() -> Rewrite:
        statements = itertools.count()
        columns: list[Place] = []

        def rewrite(kind: bytes, body: bytes) -> bytes:
            if kind == b"T":
                number = next(statements)
                columns[:] = [Place(number, n, name) for n, name in enumerate(_names(body))]
            elif kind == b"D":
                cells = zip(columns, _cells(body), strict=True)
                return message(kind, _row([change(place, cell) for place, cell in cells]))
            return message(kind, body)

        return rewrite

    return relaying(server_port, rewriting)


def _names(body: bytes) -> list[str]:
    """Take the names of the columns out of a RowDescription."""
    names = []
    rest = body[2:]
    while rest:
        name, _, rest = rest.partition(b"\0")
        names.append(name.decode())
        rest = rest[18:]
    return names


def _cells(body: bytes) -> list[bytes | None]:
    """Take the cells out of a DataRow."""
    cells: list[bytes | None] = []
    position = 2
    while position < len(body):
        (length,) = struct.unpack_from("!i", body, position)
        position += 4
        cells.append(None if length < 0 else body[position : position + length])
        position += max(length, 0)
    return cells


def _row(cells: list[bytes | None]) -> bytes:
    """Write a DataRow."""
    written = [
        struct.pack("!i", -1) if cell is None else struct.pack("!i", len(cell)) + cell
        for cell in cells
    ]
    return struct.pack("!h", len(cells)) + b"".join(written)
