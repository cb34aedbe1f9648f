"""Which HTTP connections stay open: at most so many, and the busy ones first.

A client can open any number of connections and read none of the answers. So the number of
connections and the size of the unsent answers are limited. At a limit, the connection that has been
idle longest is closed, of the address with the most connections first: a client that opens many
closes its own, not those of others.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from exporter import descriptors

_LOG = logging.getLogger(__name__)

MOST_CONNECTIONS = 128
"""A few Prometheus servers, probes and browsers (six connections each) need fewer. Each may hold
about 1 MiB of requests, so that all of them together do not exhaust a small container."""

FEWEST_CONNECTIONS = 8
"""Also with the lowest limit on descriptors."""

MOST_UNSENT_BYTES = 64 * 1024 * 1024
"""Of all answers that are being sent; a larger one is sent if it is the only one that waits."""

_OWN_DESCRIPTORS = 64
"""Standard streams, event loop, listening sockets, files of the inventory, connections being
closed."""

_DESCRIPTORS_PER_TARGET = 4
"""For a session with the server and a check of its certificate at the same time: each has one
socket or looks up a name, and opens a file briefly."""


def reserved_descriptors(targets: int) -> int:
    """Return how many descriptors are kept for everything but HTTP connections."""
    return _OWN_DESCRIPTORS + _DESCRIPTORS_PER_TARGET * targets


def most_connections(targets: int) -> int:
    """Return how many HTTP connections may be open, so that polls always find a descriptor."""
    left = descriptors.limit() - reserved_descriptors(targets)
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, left))


def warn_if_scarce(targets: int) -> None:
    """Log if the limit on descriptors is lower than what this many targets may need at once."""
    needed = reserved_descriptors(targets) + FEWEST_CONNECTIONS
    if (limit := descriptors.limit()) < needed:
        _LOG.warning(
            "polling %d targets may need %d file descriptors, and the limit is %d: raise it "
            "(ulimit -n; with systemd LimitNOFILE=)",
            targets,
            needed,
            limit,
        )


class Connection(Protocol):
    """What this module asks of a connection."""

    @property
    def idle_since(self) -> float | None:
        """Since when the exporter has been waiting for a request, or for the client to read.

        By the event loop's clock; None while a request is being served.
        """

    @property
    def unsent_bytes(self) -> int:
        """The size of the answer that is being sent."""

    def end(self) -> None:
        """Close it at once, whatever has not been sent."""


class Connections:
    """The open HTTP connections."""

    def __init__(self, most: Callable[[], int], most_unsent_bytes: int) -> None:
        """Begin with none.

        Args:
            most: returns how many may be open; called for each new one.
            most_unsent_bytes: of all answers that are being sent.
        """
        self._most = most
        self._most_unsent_bytes = most_unsent_bytes
        self._address: dict[Connection, str] = {}
        self._count: Counter[str] = Counter()

    def admit(self, connection: Connection, address: str) -> bool:
        """Add a connection; close the one that has been idle longest if there are too many.

        Returns:
            False if there is no room: no connection is idle.
        """
        most = self._most()
        if len(self._address) >= most:
            self._warn()
        while len(self._address) >= most:
            if not self.end_longest_idle():
                return False
        self._address[connection] = address
        self._count[address] += 1
        return True

    def forget(self, connection: Connection) -> None:
        """Remove a connection that was closed; harmless if it was removed before."""
        if (address := self._address.pop(connection, None)) is not None:
            self._count[address] -= 1
            if not self._count[address]:
                del self._count[address]

    def end_longest_idle(self) -> bool:
        """Close the connection that has been idle longest; return whether there was one."""
        return self._end_longest_idle(self._address)

    def make_room_for(self, answering: Connection) -> None:
        """Close connections that do not read if the answer makes too many bytes unsent."""
        while sum(each.unsent_bytes for each in self._address) > self._most_unsent_bytes:
            others = [each for each in self._address if each.unsent_bytes and each is not answering]
            if not self._end_longest_idle(others):
                return

    def _end_longest_idle(self, connections: Iterable[Connection]) -> bool:
        idle = [
            (-self._count[self._address[each]], since, each)
            for each in connections
            if (since := each.idle_since) is not None
        ]
        if not idle:
            return False
        _, _, longest = min(idle, key=lambda one: one[:2])
        self.forget(longest)
        longest.end()
        return True

    def _warn(self) -> None:
        ((address, number),) = self._count.most_common(1)
        _LOG.warning(
            "all %d HTTP connections are in use, %d of them by %s: each new one replaces the one "
            "that has been idle longest, or is refused if none is idle",
            len(self._address),
            number,
            address,
            # whatever the address is
            extra={"fold": "HTTP connections in use"},
        )
