"""Round trips and connections of a poll, counted on the wire.

The login of this one count is without TLS, so that the messages can be read; the round trips after
login are the same ones.
"""

import asyncio
from dataclasses import dataclass

_READY_FOR_QUERY = b"Z"
_HEADER = 5
_CHUNK = 65536


@dataclass(slots=True)
class Traffic:
    """What passed.

    Attributes:
        round_trips: times that the client, having heard from the server since the end of its
            login, spoke again to be answered.
    """

    connections: int = 0
    round_trips: int = 0


class _Answers:
    """Tells from the server's bytes when the login has ended (protocol 3.0, message formats)."""

    def __init__(self) -> None:
        self._rest = b""
        self.logged_in = False

    def feed(self, data: bytes) -> None:
        self._rest += data
        while not self.logged_in and len(self._rest) >= _HEADER:
            length = 1 + int.from_bytes(self._rest[1:_HEADER], "big")
            if len(self._rest) < length:
                return
            self.logged_in = self._rest[:1] == _READY_FOR_QUERY
            self._rest = self._rest[length:]


class Counter:
    """A relay to a server on loopback that counts; serve it with ``asyncio.start_server``."""

    def __init__(self, port: int) -> None:
        self._traffic = Traffic()
        self._open = 0
        self._idle = asyncio.Event()
        self._port = port

    async def taken(self) -> Traffic:
        """Wait until all connections have ended; return what passed since this was last asked."""
        while self._open or not self._traffic.connections:
            self._idle.clear()
            await self._idle.wait()
        traffic, self._traffic = self._traffic, Traffic()
        return traffic

    async def __call__(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        traffic = self._traffic
        traffic.connections += 1
        self._open += 1
        server, forth = await asyncio.open_connection("127.0.0.1", self._port)
        answers = _Answers()
        answered = False

        async def down() -> None:
            nonlocal answered
            while data := await server.read(_CHUNK):
                answers.feed(data)
                answered = answers.logged_in
                back.write(data)
                await back.drain()
            back.close()

        async def up() -> None:
            nonlocal answered
            while data := await client.read(_CHUNK):
                if answered and data[:1] != b"X":  # Terminate is not answered
                    traffic.round_trips += 1
                    answered = False
                forth.write(data)
                await forth.drain()
            forth.close()

        await asyncio.gather(down(), up(), return_exceptions=True)
        self._open -= 1
        self._idle.set()
