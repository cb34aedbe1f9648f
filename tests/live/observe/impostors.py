"""Things that answer on a port and are no PostgreSQL server, or no honest one."""

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

Handler = Callable[[socket.socket], None]


@contextlib.contextmanager
def listening(handler: Handler) -> Iterator[int]:
    """Yield a port on which ``handler`` takes each connection, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                handler(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    taken.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    """Accept, and say nothing until the other side leaves."""
    while connection.recv(4096):
        pass


def resetting(connection: socket.socket) -> None:
    """Reset every connection."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def web_server(connection: socket.socket) -> None:
    """Speak HTTP."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def message(kind: bytes, body: bytes) -> bytes:
    """Return one message of the protocol."""
    return kind + struct.pack("!i", len(body) + 4) + body


def _startup(connection: socket.socket) -> None:
    (length,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
    connection.recv(length - 4, socket.MSG_WAITALL)


def _logged_in(version: bytes) -> bytes:
    return (
        message(b"R", struct.pack("!i", 0))
        + message(b"S", b"server_version\0" + version + b"\0")
        + message(b"K", struct.pack("!ii", 1, 1))
        + message(b"Z", b"I")
    )


def old_server(connection: socket.socket) -> None:
    """Accept the login, as PostgreSQL 12."""
    _startup(connection)
    connection.sendall(_logged_in(b"12.22"))
    silent(connection)


def endless_rows(connection: socket.socket) -> None:
    """Accept the login, and answer the first statement with rows without end."""
    _startup(connection)
    connection.sendall(_logged_in(b"18.1"))
    column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    head = message(b"1", b"") + message(b"2", b"") + message(b"T", struct.pack("!h", 1) + column)
    connection.sendall(head)
    rows = message(b"D", struct.pack("!hi", 1, 1000) + b"x" * 1000) * 100
    while True:
        connection.sendall(rows)


def one_huge_row(connection: socket.socket) -> None:
    """Accept the login, and announce a row of a gigabyte."""
    _startup(connection)
    connection.sendall(_logged_in(b"18.1") + message(b"1", b"") + message(b"2", b""))
    column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    connection.sendall(message(b"T", struct.pack("!h", 1) + column))
    connection.sendall(b"D" + struct.pack("!ihi", 2**30, 1, 2**30 - 10))
    while True:
        connection.sendall(b"x" * 100_000)


def endless_login(connection: socket.socket) -> None:
    """Accept the login, and send parameters without end."""
    _startup(connection)
    connection.sendall(message(b"R", struct.pack("!i", 0)))
    number = 0
    while True:
        number += 1
        connection.sendall(message(b"S", b"parameter%d\0" % number + b"x" * 10_000 + b"\0"))


def nonsense_rows(connection: socket.socket) -> None:
    """Accept the login, and answer each statement with a row of one column, which none has."""
    _startup(connection)
    connection.sendall(_logged_in(b"18.1"))
    column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    answer = (
        message(b"1", b"")
        + message(b"2", b"")
        + message(b"T", struct.pack("!h", 1) + column)
        + message(b"D", struct.pack("!hi", 1, 1) + b"x")
        + message(b"C", b"SELECT 1\0")
        + message(b"Z", b"I")
    )
    while connection.recv(65536):
        connection.sendall(answer * 20)


def answering(answer: bytes, *, endless: bool = False) -> Handler:
    """Accept the login, and answer the first statement by ``answer``; if ``endless``, for ever."""

    def handler(connection: socket.socket) -> None:
        _startup(connection)
        connection.sendall(_logged_in(b"18.1"))
        connection.recv(65536)
        connection.sendall(message(b"1", b"") + message(b"2", b"") + answer)
        while endless:
            connection.sendall(answer * 1000)
        silent(connection)

    return handler


def logging_in_with(answer: bytes) -> Handler:
    """Answer a login with ``answer``."""

    def handler(connection: socket.socket) -> None:
        _startup(connection)
        connection.sendall(answer)
        silent(connection)

    return handler


def refusing(text: bytes) -> Handler:
    """Refuse every login with an error whose text is ``text``."""

    def handler(connection: socket.socket) -> None:
        _startup(connection)
        fields = (b"SFATAL", b"VFATAL", b"C28P01", b"M" + text, b"")
        connection.sendall(message(b"E", b"".join(field + b"\0" for field in fields)))

    return handler


def asking_in_clear(connection: socket.socket) -> None:
    """Ask for the password in clear text, and repeat it in the error message."""
    _startup(connection)
    connection.sendall(message(b"R", struct.pack("!i", 3)))
    (_, length) = struct.unpack("!ci", connection.recv(5, socket.MSG_WAITALL))
    password = connection.recv(length - 4, socket.MSG_WAITALL).rstrip(b"\0")
    fields = (b"SFATAL", b"VFATAL", b"C28P01", b"Mnot " + password, b"")
    connection.sendall(message(b"E", b"".join(field + b"\0" for field in fields)))


def hashing(rounds: int) -> Handler:
    """Ask for a SCRAM password, hashed so many times."""

    def handler(connection: socket.socket) -> None:
        _startup(connection)
        connection.sendall(message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        (_, length) = struct.unpack("!ci", connection.recv(5, socket.MSG_WAITALL))
        first = connection.recv(length - 4, socket.MSG_WAITALL)
        nonce = first[first.index(b"r=") + 2 :]
        salt = base64.b64encode(b"0123456789abcdef")
        reply = b"r=%sx,s=%s,i=%d" % (nonce, salt, rounds)
        connection.sendall(message(b"R", struct.pack("!i", 11) + reply))
        silent(connection)

    return handler


def pooling(server_port: int) -> Handler:
    """Pass on to a real server, with a process number of its own, as poolers do."""

    def handler(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", server_port)) as server:
            head = connection.recv(4, socket.MSG_WAITALL)
            rest = connection.recv(struct.unpack("!i", head)[0] - 4, socket.MSG_WAITALL)
            server.sendall(head + rest)

            def back() -> None:
                with contextlib.suppress(OSError):
                    kind = b""
                    while kind != b"Z":
                        kind, length = struct.unpack("!ci", server.recv(5, socket.MSG_WAITALL))
                        body = server.recv(length - 4, socket.MSG_WAITALL)
                        if kind == b"K":
                            body = struct.pack("!ii", 4242, 4242)
                        connection.sendall(message(kind, body))
                    while data := server.recv(65536):
                        connection.sendall(data)

            threading.Thread(target=back, daemon=True).start()
            while data := connection.recv(65536):
                server.sendall(data)

    return handler
