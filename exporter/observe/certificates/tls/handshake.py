"""One TLS handshake that only reads the server's certificates, and then leaves in good order.

TLS runs in memory (pyOpenSSL) and the bytes go over a socket of the event loop, so that nothing
waits inside OpenSSL and the caller's deadline holds in every phase. Nothing is verified here, no
certificate is sent (PostgreSQL's TLS layer never insists on one), and old versions, keys and
digests are accepted, so that they can be reported.
"""

import asyncio
import socket
from functools import cache

from OpenSSL import SSL, crypto

from exporter.model.failure import FailureReason, Unread
from exporter.observe.certificates.tls.host_names import is_address
from exporter.observe.detail import one_line

MAXIMUM_BYTES = 256 * 1024
"""What a server may send in all; OpenSSL takes 100 KiB of certificates."""

_ALPN = b"postgresql"
_CIPHERS = b"DEFAULT:!kDHE:!PSK:!SRP@SECLEVEL=0"
"""Without Diffie-Hellman in a group of the server's choice: a hostile one of 10,000 bits takes a
second of computing, within the event loop. PostgreSQL has also offered ECDHE since 9.4."""
_PIECE = 16 * 1024
_LONGEST_NAME = 255
"""Bytes of a server name (RFC 6066; OpenSSL's TLSEXT_MAXLEN_host_name)."""


class LookFailed(Exception):  # noqa: N818  it carries a failure, which is a value
    """No chain could be read."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.failure = Unread(reason, detail)


class Handshake:
    """A handshake over one connection."""

    def __init__(self, connected: socket.socket, host: str | None, *, direct: bool) -> None:
        """Begin.

        Args:
            connected: without blocking; at the point where TLS begins.
            host: sent as SNI if it is a name.
            direct: TLS is the first thing on the connection: PostgreSQL then requires ALPN (17 on).
        """
        self._socket = connected
        self._received = 0
        self._tls = SSL.Connection(_context(), None)
        self._tls.set_connect_state()
        if name := _server_name(host):
            self._tls.set_tlsext_host_name(name)
        if direct:
            self._tls.set_alpn_protos([_ALPN])

    async def peer_chain(self) -> list[bytes]:
        """Return the certificates that the server sends, leaf first, as DER.

        Raises:
            LookFailed: the TLS handshake failed.
            OSError: the connection broke.
        """
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                await self._send()
                await self._receive()
            except SSL.Error as error:
                raise LookFailed(FailureReason.TLS, f"TLS handshake: {_words(error)}") from None
            else:
                break
        # now: a shutdown discards it
        return [
            crypto.dump_certificate(crypto.FILETYPE_ASN1, each)
            for each in self._tls.get_peer_cert_chain() or ()
        ]

    async def leave(self) -> None:
        """Shut TLS down and wait for the server to close: otherwise the server logs a line.

        Raises:
            LookFailed: the server keeps sending.
            OSError: the connection broke.
        """
        await self._send()
        try:
            self._tls.shutdown()
        except SSL.Error as error:
            raise LookFailed(FailureReason.TLS, _words(error)) from None
        await self._send()
        self._socket.shutdown(socket.SHUT_WR)
        # what arrives at a closed socket is answered with a reset, which PostgreSQL logs
        while data := await asyncio.get_running_loop().sock_recv(self._socket, _PIECE):
            self._count(data)

    async def _send(self) -> None:
        while True:
            try:
                data = self._tls.bio_read(_PIECE)
            except SSL.WantReadError:
                return
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def _receive(self) -> None:
        data = await asyncio.get_running_loop().sock_recv(self._socket, _PIECE)
        if not data:
            raise LookFailed(
                FailureReason.TLS, "the server closed the connection during the TLS handshake"
            )
        self._count(data)
        self._tls.bio_write(data)

    def _count(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAXIMUM_BYTES:
            raise LookFailed(
                FailureReason.LIMIT_EXCEEDED, f"the server sent more than {MAXIMUM_BYTES} bytes"
            )


@cache
def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(_CIPHERS)
    return context


def _server_name(host: str | None) -> bytes | None:
    # libpq sends none for an address either (initialize_SSL())
    if host is None or is_address(host) or not host.isascii() or len(host) > _LONGEST_NAME:
        return None
    return host.encode()


def _words(error: SSL.Error) -> str:
    queue = error.args[0] if error.args else ()
    words = [one[-1] for one in queue if one[-1]] if isinstance(queue, list) else [str(error)]
    return one_line("; ".join(words)) or "failed without a reason"
