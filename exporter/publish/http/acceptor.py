"""Accepts HTTP connections: a few at a time, and none while the process is out of descriptors.

asyncio's own server accepts all connections that wait before any code here knows of them. Where the
process is out of descriptors, it calls accept() 128 times at each attempt and logs each failure
(selector_events.py, _accept_connection(); 3.11 to 3.13).
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from exporter import descriptors

_LOG = logging.getLogger(__name__)

_BACKLOG = 1024
"""Connections that wait in the kernel without a descriptor; net.core.somaxconn may allow fewer."""

_AT_ONCE = 16
"""How many are accepted in one turn of the event loop; polls and requests get theirs in between."""

_PAUSE_SECONDS = 1.0
"""From a failed accept() to the next; the kernel reports the socket as ready meanwhile."""

_SEND_BUFFER_BYTES = 256 * 1024
"""In the kernel, for each connection; by default it keeps megabytes for a client that does not
read."""


class Acceptor:
    """The listening sockets of a server."""

    def __init__(
        self, admit: Callable[[str], asyncio.Protocol | None], make_room: Callable[[], bool]
    ) -> None:
        """Begin without a socket.

        Args:
            admit: called with the address of a client; returns the protocol that serves the
                connection, or None if it is to be closed.
            make_room: closes a connection that can be done without.
        """
        self._admit = admit
        self._make_room = make_room
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._connecting: set[asyncio.Task[None]] = set()

    async def listen(self, host: str | None, port: int) -> tuple[str, int]:
        """Listen on all addresses of ``host``; return one of them, and its port.

        Args:
            host: None for all addresses of the machine.
            port: 0 for one that the operating system picks.

        Raises:
            OSError: an address cannot be bound.
        """
        # it binds, and never listens
        bound = await self._loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        try:
            self._sockets = [each.dup() for each in bound.sockets]
        finally:
            bound.close()
        for listening in self._sockets:
            listening.settimeout(0)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listening.listen(_BACKLOG)
            self._resume(listening)
        address, bound_port = self._sockets[0].getsockname()[:2]
        return address, bound_port

    async def close(self) -> None:
        """Accept no more connections."""
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        # they take a turn or two of the event loop
        await asyncio.gather(*self._connecting)

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connected, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            protocol = self._admit(address[0])
            if protocol is None:
                connected.close()
                continue
            connected.settimeout(0)
            task = self._loop.create_task(self._connect(protocol, connected))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, protocol: asyncio.Protocol, connected: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, connected)
        except OSError as error:
            connected.close()
            protocol.connection_lost(error)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        words = descriptors.shortage(error)
        if words is not None:
            # for the polls: they need one more than a client that sends nothing
            self._make_room()
        _LOG.error("HTTP connections cannot be accepted: %s", words or error.strerror)
        self._loop.remove_reader(listening)
        self._loop.call_later(_PAUSE_SECONDS, self._resume, listening)
