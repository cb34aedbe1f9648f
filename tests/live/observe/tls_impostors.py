"""Things that answer a request for TLS and are no PostgreSQL server, or no honest one."""

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.observe.impostors import Handler, message, silent

_SSL_REQUEST_BYTES = 8
_DRIBBLE_SECONDS = 0.02


def answering(answer: bytes, then: Handler = silent) -> Handler:
    """Answer the request for TLS with ``answer``, then do something else."""

    def handler(connection: socket.socket) -> None:
        connection.recv(_SSL_REQUEST_BYTES, socket.MSG_WAITALL)
        connection.sendall(answer)
        then(connection)

    return handler


def error_response(text: bytes) -> bytes:
    """Return an ErrorResponse whose text is ``text``."""
    fields = (b"SFATAL", b"VFATAL", b"C53300", b"M" + text, b"")
    return message(b"E", b"".join(field + b"\0" for field in fields))


def leaving(_connection: socket.socket) -> None:
    """Close at once, in good order."""


def resetting(connection: socket.socket) -> None:
    """Read the handshake's first bytes and reset."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _hear_out(connection: socket.socket) -> None:
    """Let the client begin: what comes before is taken for an attack."""
    connection.recv(1)


def garbage(connection: socket.socket) -> None:
    """Speak something that is not TLS."""
    _hear_out(connection)
    connection.sendall(b"What do you want?\r\n" * 10)
    silent(connection)


def dribbling(connection: socket.socket) -> None:
    """Begin a handshake record and send it byte by byte, slower than anybody would wait."""
    _hear_out(connection)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    while not select.select([], [], [connection], _DRIBBLE_SECONDS)[2]:
        connection.sendall(b"\0")


def endless_handshake(connection: socket.socket) -> None:
    """Send HelloRequest without end, which a client passes over (RFC 5246, section 7.4.1.1)."""
    _hear_out(connection)
    record = b"\x16\x03\x03" + struct.pack("!H", 4) + b"\0\0\0\0"
    while True:
        connection.sendall(record * 100)


def endless_alerts(connection: socket.socket) -> None:
    """Send warnings without end."""
    _hear_out(connection)
    record = b"\x15\x03\x03" + struct.pack("!H", 2) + b"\x01\x5a"
    while True:
        connection.sendall(record * 100)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def ten_megabytes_of_certificates(connection: socket.socket) -> None:
    """Agree to TLS 1.2 and announce certificates of ten megabytes (RFC 5246, section 7.4.2)."""
    _hear_out(connection)
    cipher, renegotiation = b"\xc0\x2f", b"\x00\x05\xff\x01\x00\x01\x00"
    hello = b"\x03\x03" + b"r" * 32 + b"\x00" + cipher + b"\x00" + renegotiation
    connection.sendall(_record(22, b"\x02" + len(hello).to_bytes(3, "big") + hello))
    length = 10_000_000
    connection.sendall(_record(22, b"\x0b" + length.to_bytes(3, "big")))
    for _ in range(length // 10_000):
        connection.sendall(_record(22, b"c" * 10_000))
    silent(connection)


@dataclass(slots=True)
class TlsServer:
    """Speaks TLS with a certificate, and notes what clients asked for.

    Attributes:
        names: as in SNI, in order of arrival.
        protocols: as agreed upon by ALPN.
        then: what is done after the handshake.
        direct: no request comes before TLS.
    """

    certificate: Path
    key: Path
    then: Callable[[ssl.SSLSocket], None]
    direct: bool = False
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    names: list[str | None] = field(default_factory=list)
    protocols: list[str | None] = field(default_factory=list)

    def __call__(self, connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = self.newest
        context.set_alpn_protocols(["postgresql"])
        context.load_cert_chain(self.certificate, self.key)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        if not self.direct:
            connection.recv(_SSL_REQUEST_BYTES, socket.MSG_WAITALL)
            connection.sendall(b"S")
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            self.protocols.append(tls.selected_alpn_protocol())
            self.then(tls)


def farewell(tls: ssl.SSLSocket) -> None:
    """Close when the client does."""
    tls.unwrap()


def staying(tls: ssl.SSLSocket) -> None:
    """Stay, though the client has gone, until the test ends."""
    with contextlib.suppress(OSError):
        while tls.recv(4096):
            pass
    poll = select.poll()
    poll.register(tls, select.POLLHUP)
    poll.poll()


def talking(tls: ssl.SSLSocket) -> None:
    """Send data without end."""
    while True:
        tls.sendall(b"x" * 100_000)
