"""Things that ask for a password and keep all that they are sent."""

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.pki import Issued
from tests.live.observe.impostors import message

USER = "exporter"
PASSWORD = "planted-password"
SALT = b"SALT"

_CODES = {80877103: "TLS", 80877104: "GSSAPI"}
_OK = message(b"R", struct.pack("!i", 0))
_ADMITTED = (
    _OK
    + message(b"S", b"server_version\0" + b"18.1\0")
    + message(b"K", struct.pack("!ii", 1, 1))
    + message(b"Z", b"I")
)
_SASL = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")


@dataclass(slots=True)
class Impostor:
    """Takes logins as ``ask`` says.

    Attributes:
        certificate: to speak TLS with; None: refuses TLS.
        startups: how many logins began.
        received: all bytes that followed the startup packets, as they were before encryption.
    """

    ask: "Callable[[Wire], None]"
    certificate: Issued | None = None
    startups: int = 0
    received: bytearray = field(default_factory=bytearray)

    def __call__(self, connection: socket.socket) -> None:
        """Take one connection."""
        while True:
            (length,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
            rest = connection.recv(length - 4, socket.MSG_WAITALL)
            what = _CODES.get(struct.unpack("!i", rest[:4])[0])
            if what is None:
                break
            if what == "TLS" and self.certificate is not None:
                connection.sendall(b"S")
                with contextlib.suppress(OSError):
                    self._with_tls(connection, self.certificate)
                return
            connection.sendall(b"N")
        self._log_in(connection)

    def _with_tls(self, connection: socket.socket, certificate: Issued) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_path, certificate.key_path)
        with context.wrap_socket(connection, server_side=True) as tls:
            (length,) = struct.unpack("!i", _exactly(tls, 4))
            _exactly(tls, length - 4)
            self._log_in(tls)

    def _log_in(self, connection: socket.socket) -> None:
        self.startups += 1
        wire = Wire(connection, self.received)
        with contextlib.suppress(EOFError):
            self.ask(wire)
            # the first statement, where it was believed
            wire.receive()

    def has_the_password(self) -> bool:
        """Return whether it was sent the password, or an MD5 hash of it."""
        inner = hashlib.md5(f"{PASSWORD}{USER}".encode()).hexdigest()
        outer = hashlib.md5(inner.encode() + SALT).hexdigest()
        forms = (PASSWORD, inner, outer)
        return any(form.encode() in self.received for form in forms)


@dataclass(slots=True)
class Wire:
    """Messages of one connection; what arrives is added to ``received``."""

    connection: socket.socket
    received: bytearray

    def send(self, data: bytes) -> None:
        """Send ``data``."""
        self.connection.sendall(data)

    def receive(self) -> bytes:
        """Return the body of the next message; raises EOFError at the end."""
        head = _exactly(self.connection, 5)
        body = _exactly(self.connection, struct.unpack("!i", head[1:])[0] - 4)
        self.received += head + body
        return body


def _exactly(connection: socket.socket, number: int) -> bytes:
    data = b""
    while len(data) < number:
        part = connection.recv(number - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def in_clear_text(wire: Wire) -> None:
    """Ask for the password in clear text, and accept any that is sent."""
    wire.send(message(b"R", struct.pack("!i", 3)))
    wire.receive()
    wire.send(_ADMITTED)


def as_md5(wire: Wire) -> None:
    """Ask for an MD5 hash, and accept any that is sent."""
    wire.send(message(b"R", struct.pack("!i", 5) + SALT))
    wire.receive()
    wire.send(_ADMITTED)


def ok_at_once(wire: Wire) -> None:
    """Admit without asking."""
    wire.send(_ADMITTED)


def ok_instead_of_scram(wire: Wire) -> None:
    """Offer SCRAM, and admit before it has begun."""
    wire.send(_SASL + _ADMITTED)


def ok_after_client_first(wire: Wire) -> None:
    """Admit after the client's first message."""
    wire.send(_SASL)
    wire.receive()
    wire.send(_ADMITTED)


def ok_after_client_final(wire: Wire) -> None:
    """Admit after the client's proof, without one of its own."""
    _up_to_the_proof(wire)
    wire.send(_ADMITTED)


def ok_after_a_false_proof(wire: Wire) -> None:
    """Send a signature that it cannot know, and admit."""
    _up_to_the_proof(wire)
    signature = base64.b64encode(b"s" * 32)
    wire.send(message(b"R", struct.pack("!i", 12) + b"v=" + signature) + _ADMITTED)


def _up_to_the_proof(wire: Wire) -> None:
    wire.send(_SASL)
    first = wire.receive()
    nonce = first[first.index(b"r=") + 2 :]
    reply = b"r=%sx,s=%s,i=4096" % (nonce, base64.b64encode(b"0123456789abcdef"))
    wire.send(message(b"R", struct.pack("!i", 11) + reply))
    wire.receive()
