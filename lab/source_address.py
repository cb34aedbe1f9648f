"""Clients that come from several addresses, without root: a relay on loopback.

All of 127.0.0.0/8 is this host on Linux, and any of it may be bound. libpq cannot choose the
address it comes from, so a relay stands between: it takes connections on 127.0.0.1 and passes their
bytes on to the server from the address wanted.

It is a process of its own: psycopg holds Python's lock while libpq connects, so that a relay in a
thread of the same process would never run.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.account import start

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536
_STOP_SECONDS = 5.0
_REPOSITORY = Path(__file__).resolve().parent.parent


class SourceAddresses:
    """Ways to a server on loopback, one for each address to come from; a context manager."""

    def __init__(self, server_port: int, sources: Sequence[str]) -> None:
        """Start the relay.

        Args:
            server_port: of a server that listens on 127.0.0.1, and on ::1 if that is a source.
            sources: addresses in 127.0.0.0/8, or ::1.

        Raises:
            RuntimeError: the relay did not start.
        """
        reading, writing = os.pipe()
        with os.fdopen(reading, encoding="utf-8") as told:
            with os.fdopen(writing, "wb") as output:
                self._process: subprocess.Popen[bytes] | None = start(
                    [sys.executable, "-m", "lab.source_address", str(server_port), *sources],
                    environment={},
                    directory=_REPOSITORY,
                    output=output,
                    at_parents_death=signal.SIGTERM,
                    as_server_account=False,
                )
            lines = [told.readline().strip() for _ in sources]
        if not all(line.isdigit() for line in lines):
            self.stop()
            raise RuntimeError(f"the relay did not start: {' '.join(lines)}")
        self._ports = dict(zip(sources, map(int, lines), strict=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def port(self, source: str) -> int:
        """Return the port on 127.0.0.1 from which ``source`` connects to the server."""
        return self._ports[source]

    def stop(self) -> None:
        """End the relay and its connections. Harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _relay(server_port: int, sources: Sequence[str]) -> None:
    servers = []
    for source in sources:

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str = source
        ) -> None:
            with contextlib.closing(writer):
                await _pass_on(reader, writer, source, server_port)

        server = await asyncio.start_server(connected, _LOOPBACK, 0)
        servers.append(server)
        print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str, server_port: int
) -> None:
    host = "::1" if ":" in source else _LOOPBACK
    try:
        from_server, to_server = await asyncio.open_connection(
            host, server_port, local_addr=(source, 0)
        )
    except OSError:
        return  # the client sees its connection closed
    with contextlib.closing(to_server):
        await asyncio.gather(_pump(reader, to_server), _pump(from_server, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


def main(arguments: list[str]) -> None:
    """Relay until told to stop; print the port for each address, one a line."""
    asyncio.run(_relay(int(arguments[0]), arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
