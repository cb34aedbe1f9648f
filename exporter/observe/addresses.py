"""Host names to addresses, without libpq: its own lookup blocks.

Each lookup has a thread of its own, which nobody waits for: getaddrinfo() cannot be interrupted
and takes up to half a minute where name servers do not answer. In a shared pool a few dozen such
names would hold up all others; asyncio's own pool would also hold up the end of the program.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Thread

from exporter import descriptors
from exporter.model.failure import FailureReason, Unread

_Found = list[str] | OSError | UnicodeError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one attempt to connect goes.

    Attributes:
        host: as configured: a name, an address, or the folder of a unix socket.
        address: what the name resolved to; None where there is nothing to resolve.
    """

    host: str
    address: str | None
    port: str | None


async def endpoints(host: str, address: str, port: str) -> list[Endpoint] | Unread:
    """Return where to connect to, in libpq's order.

    Args:
        host: libpq's ``host``, several separated by commas; empty for libpq's default socket.
        address: libpq's ``hostaddr``; empty if not given.
        port: libpq's ``port``; empty for the default.

    Raises:
        ExhaustedError: a name could not be looked up by a limit of the exporter.
    """
    hosts = host.split(",") if host else [""] * (address.count(",") + 1)
    addresses = address.split(",") if address else [""] * len(hosts)
    ports = port.split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if not len(hosts) == len(addresses) == len(ports):
        return Unread(FailureReason.INTERNAL, "host, hostaddr and port differ in length")
    found: list[Endpoint] = []
    failure: Unread | None = None
    for one_host, one_address, one_port in zip(hosts, addresses, ports, strict=True):
        if one_address or not _is_name(one_host):
            found.append(Endpoint(one_host, one_address or None, one_port or None))
            continue
        match await _lookup(one_host):
            case list(resolved):
                found += [Endpoint(one_host, each, one_port or None) for each in resolved]
            case error:
                descriptors.raise_if_exhausted(error, f"looking up host name {one_host}")
                failure = Unread(
                    FailureReason.DNS, f"host name {one_host}: {getattr(error, 'strerror', error)}"
                )
    return found or failure or Unread(FailureReason.DNS, f"host name {host}: no address")


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False  # a unix socket
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


async def _lookup(name: str) -> _Found:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Found] = loop.create_future()

    def report(found: _Found) -> None:
        if not answer.done():
            answer.set_result(found)

    def look_up() -> None:
        found: _Found
        try:
            entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found = [str(entry[4][0]) for entry in entries]
        except (OSError, UnicodeError) as error:
            found = error
        try:
            loop.call_soon_threadsafe(report, found)
        except RuntimeError:
            return  # the loop is closed: the program ended meanwhile

    Thread(target=look_up, name=f"lookup {name}", daemon=True).start()
    return await answer
