"""The chain that a server serves, read over the wire without logging in.

The client sends SSLRequest, receives one byte, completes the TLS handshake and leaves. This costs
the server one short-lived process. No role, database or line of pg_hba.conf is involved, and the
server logs nothing but ``connection received``. Source: manual, "SSL Session Encryption";
postmaster.c, ProcessStartupPacket().
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from exporter import descriptors
from exporter.model.certificate import Certificate
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.served import ServedCertificateCheck, ServedChain
from exporter.model.target import Target
from exporter.observe.addresses import LOOKING_UP, Endpoint, endpoints, overdue
from exporter.observe.certificates.parse.certificate import read_certificate
from exporter.observe.certificates.tls.authority_file import authorities_in_time
from exporter.observe.certificates.tls.handshake import Handshake, LookFailed
from exporter.observe.certificates.tls.host_names import is_address

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # pqcomm.h, NEGOTIATE_SSL_CODE
_DEFAULT_PORT = "5432"
_SHAKING = "shaking hands"
_MOST_CERTIFICATES = 100
"""OpenSSL follows no longer chain (verify depth)."""
_FAREWELL_SECONDS = 2.0
"""More than a server needs to see that we have gone."""

_NO_ANSWERS = {
    b"S": "unencrypted data after the answer to SSLRequest",
    b"E": "an error in answer to SSLRequest",  # its text is not authenticated (CVE-2024-10977)
}

# the server was not reached: the next address of the name may answer
_NEXT_ADDRESS = frozenset({FailureReason.REFUSED, FailureReason.UNREACHABLE, FailureReason.TIMEOUT})


def has_wire(target: Target) -> bool:
    """Return whether the target is reached over TCP: there is no TLS on a unix socket."""
    parameters = target.parameters
    return bool(parameters.get("hostaddr")) or _is_tcp(parameters.get("host", ""))


async def served_chain(
    target: Target, check: ServedCertificateCheck, *, now: Callable[[], datetime]
) -> Read[ServedChain]:
    """Read the chain once; ends within ``target.timeout_seconds`` whatever the server does.

    Args:
        target: the server; has_wire() must be true for it.
        check: how its chain is read and checked.
        now: the clock, for the time it was read.

    Returns:
        Every certificate that was sent, valid or not; or why none could be read.
    """
    seconds = target.timeout_seconds
    deadline = asyncio.get_running_loop().time() + seconds
    reading = None
    if check.authority_file is not None:
        # concurrently: its file system may need as long as the server
        reading = asyncio.create_task(authorities_in_time(check.authority_file, deadline, seconds))
    try:
        host = check.host or _name(target.parameters.get("host", ""))
        chain = await _chain(_Look(host, direct=check.direct_tls), target, deadline)
        if isinstance(chain, Unread):
            return chain
        return ServedChain(chain, host, None if reading is None else await reading, now())
    finally:
        if reading is not None:
            reading.cancel()


async def _chain(
    look: "_Look", target: Target, deadline: float
) -> tuple[Certificate, ...] | Unread:
    seconds = target.timeout_seconds
    try:
        async with asyncio.timeout_at(deadline):
            await look.run(target)
    except TimeoutError:
        if look.stage == LOOKING_UP:
            failure = overdue(target.parameters.get("host", ""), seconds)
        else:
            detail = f"no answer within {seconds:g} s while {look.stage}"
            failure = Unread(FailureReason.TIMEOUT, detail)
    except LookFailed as failed:
        failure = failed.failure
    else:
        failure = Unread(FailureReason.PROTOCOL, "the server sent no certificate")
    return _parsed(look.chain) if look.chain else failure


class _Look:
    """One reading of the chain.

    Attributes:
        stage: what is being waited for, in words for a deadline's detail.
        chain: as soon as it is known, leaf first, as DER.
    """

    def __init__(self, host: str | None, *, direct: bool) -> None:
        self.stage = LOOKING_UP
        self.chain: list[bytes] = []
        self._host = host
        self._direct = direct

    async def run(self, target: Target) -> None:
        """Read the chain from the first address that answers.

        Raises:
            LookFailed: none answered; the failure is that of the last address.
        """
        parameters = target.parameters
        found = await endpoints(
            *(parameters.get(keyword, "") for keyword in ("host", "hostaddr", "port"))
        )
        if isinstance(found, Unread):
            raise LookFailed(found.reason, found.detail)
        where = [one for one in found if one.address or _is_tcp(one.host)]
        if not where:
            raise LookFailed(FailureReason.INTERNAL, "there is no TLS on a unix socket")
        clock = asyncio.get_running_loop().time
        deadline = clock() + target.timeout_seconds
        for left, endpoint in zip(range(len(where), 0, -1), where, strict=True):
            try:
                async with asyncio.timeout((deadline - clock()) / left if left > 1 else None):
                    await self._look_at(endpoint)
            except TimeoutError:
                pass
            except LookFailed as failed:
                if left == 1 or failed.failure.reason not in _NEXT_ADDRESS:
                    raise
            if self.chain:
                return

    async def _look_at(self, endpoint: Endpoint) -> None:
        address = endpoint.address or endpoint.host
        port = endpoint.port or os.environ.get("PGPORT") or _DEFAULT_PORT
        self.stage = f"connecting to {address}"
        try:
            # no lookup happens here: the address is only converted
            flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            [(family, kind, protocol, _, where), *_] = socket.getaddrinfo(
                address, port, type=socket.SOCK_STREAM, flags=flags
            )
            with socket.socket(family, kind, protocol) as connected:
                connected.settimeout(0)
                await asyncio.get_running_loop().sock_connect(connected, where)
                if not self._direct:
                    self.stage = "waiting for the answer to SSLRequest"
                    await _ask_for_tls(connected)
                self.stage = _SHAKING
                handshake = Handshake(connected, self._host, direct=self._direct)
                self.chain = await handshake.peer_chain()
                # however the server reacts to the shutdown: the chain has been read
                with suppress(TimeoutError, LookFailed, OSError):
                    async with asyncio.timeout(_FAREWELL_SECONDS):
                        await handshake.leave()
        except OSError as error:
            descriptors.raise_if_exhausted(error, self.stage)
            # asyncio replaces the system's message by its own
            words = str(error) if error.errno is None else os.strerror(error.errno)
            raise LookFailed(self._reason(error), f"{self.stage}: {words}") from None

    def _reason(self, error: OSError) -> FailureReason:
        match error:
            case ConnectionRefusedError():
                return FailureReason.REFUSED
            case TimeoutError():
                return FailureReason.TIMEOUT
            case _ if self.stage == _SHAKING:
                return FailureReason.TLS
            case _:
                return FailureReason.UNREACHABLE


async def _ask_for_tls(connected: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, _SSL_REQUEST)
    # one byte more than there may be: an attacker could send it in the server's name, before TLS
    # has authenticated the server (CVE-2021-23222)
    answer = await loop.sock_recv(connected, 2)
    match answer:
        case b"S":
            return
        case b"N":
            reason, detail = FailureReason.TLS, "the server offers no TLS"
        case b"":
            reason = FailureReason.UNREACHABLE
            detail = "the server closed the connection after SSLRequest"
        case _:
            reason = FailureReason.PROTOCOL
            detail = _NO_ANSWERS.get(answer[:1], "not an answer of PostgreSQL to SSLRequest")
    raise LookFailed(reason, detail)


def _parsed(chain: list[bytes]) -> tuple[Certificate, ...] | Unread:
    if len(chain) > _MOST_CERTIFICATES:
        detail = f"the server sent more than {_MOST_CERTIFICATES} certificates"
        return Unread(FailureReason.LIMIT_EXCEEDED, detail)
    try:
        return tuple(read_certificate(der) for der in chain)
    except ValueError as error:
        return Unread(FailureReason.PROTOCOL, f"a certificate of the server: {error}")


def _is_tcp(host: str) -> bool:
    return bool(host) and not host.startswith(("/", "@"))


def _name(host: str) -> str | None:
    """Return the target's own host if it is a name; standbys may connect to the same name."""
    return host if _is_tcp(host) and not is_address(host) else None
