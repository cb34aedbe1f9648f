"""Looks up host names without libpq, whose own lookup blocks.

getaddrinfo() cannot be interrupted, and takes half a minute or more where name servers do not
answer. So lookups have threads of their own: one for each name at most, a limited number in all.
A name whose latest lookup took long shares a few of them with others of its kind, so that the
other names find a free one.
"""

import socket
from dataclasses import dataclass
from functools import partial
from time import monotonic

from exporter import descriptors
from exporter.daemon_threads import BoundedThreads, SharedCalls
from exporter.model.failure import FailureReason, Unread

LOOKING_UP = "looking up the address"
"""What is being waited for during a lookup, in words for a deadline's detail."""

MOST_LOOKUPS = 64
MOST_SLOW_LOOKUPS = 32
"""Lookups at the same time, of names that were slow the last time and of all others."""

SLOW_SECONDS = 3.0
"""A name server that answers does so sooner: glibc gives each 5 s by default."""

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
        ExhaustedError: a name could not be looked up because of a limit of the exporter.
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


def overdue(host: str, seconds: float) -> Unread:
    """Return the failure of a poll whose deadline passed during the lookup of ``host``."""
    return Unread(
        FailureReason.DNS, f"host name {host}: the resolver did not answer within {seconds:g} s"
    )


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False  # a unix socket
    try:
        # the forms that only inet_aton() knows, such as 127.1, are addresses too
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return True
    return False


_slow: set[str] = set()
_lookups: SharedCalls[_Found] = SharedCalls()
_threads = BoundedThreads("lookup", MOST_LOOKUPS)
_threads_of_slow = BoundedThreads("slow lookup", MOST_SLOW_LOOKUPS)


async def _lookup(name: str) -> _Found:
    threads = _threads_of_slow if name in _slow else _threads
    return await _lookups.call(name, partial(_look_up, name), threads)


def _look_up(name: str) -> _Found:
    started = monotonic()
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return [str(entry[4][0]) for entry in entries]
    except (OSError, UnicodeError) as error:
        return error
    finally:
        if monotonic() - started < SLOW_SECONDS:
            _slow.discard(name)
        else:
            _slow.add(name)
