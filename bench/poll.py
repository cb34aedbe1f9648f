"""One poll of this exporter, and the login that it begins with."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime

from psycopg.pq.abc import PGconn

from bench.measured import Subject
from bench.place import CONNECTIONS, Place
from bench.wire import Counter, Traffic
from exporter.board import Board
from exporter.model.failure import Unread
from exporter.model.target import Target
from exporter.observe.addresses import Endpoint
from exporter.observe.postgres.session.connection import Session
from exporter.observe.postgres.session.parameters import connection_parameters
from exporter.poller import poll_once

_UNTIL_FILES_ARE_OLDER_SECONDS = 0.5


def whole_poll(where: Place) -> Subject:
    """Return a poll as the program makes it: read, judged and put on the board."""
    target = Target(name="bench", parameters=where.login)
    board = Board([target])
    return _subject("pg-replication-cert-exporter, one poll", lambda: _poll(target, board))


def login(where: Place) -> Subject:
    """Return the same login, after which nothing is read."""
    parameters = connection_parameters(Target(name="bench", parameters=where.login), "")
    host, port = parameters.pop("host"), parameters.pop("port")

    async def log_in() -> None:
        with Session("bench") as session:
            await session.run([Endpoint(host, None, port)], parameters, 10, _nothing)

    return _subject("its login over TLS alone, nothing read", log_in)


def _nothing(_pgconn: PGconn) -> Generator[bool, None, None]:
    yield from ()


def _subject(name: str, once: Callable[[], Awaitable[None]]) -> Subject:
    loop = asyncio.new_event_loop()

    async def times(number: int) -> list[float]:
        walls = []
        for _ in range(number):
            began = time.perf_counter()
            await once()
            walls.append(time.perf_counter() - began)
        return walls

    return Subject(name, lambda number: loop.run_until_complete(times(number)), time.process_time)


async def _poll(target: Target, board: Board) -> None:
    await poll_once(target, board, now=lambda: datetime.now(UTC))
    report = board.record(target.name).report
    if report is None or report.failure is not None:
        raise RuntimeError(f"the poll failed: {report}")
    if isinstance(report.connections, Unread) or len(report.connections) != len(CONNECTIONS):
        raise RuntimeError(f"the poll did not see every connection: {report.connections}")
    if any(report.readers.values()):
        raise RuntimeError(f"the poll could not read everything: {report.readers}")


def traffic(where: Place) -> tuple[Traffic, Traffic]:
    """Return what the first poll of a target puts on the wire, and what each usual one does.

    The first also reads files, and looks at the chain that is served.
    """

    async def run() -> tuple[Traffic, Traffic]:
        counter = Counter(where.server.port)
        async with await asyncio.start_server(counter, "127.0.0.1", 0) as relay:
            port = relay.sockets[0].getsockname()[1]
            parameters = {
                "host": "127.0.0.1",
                "port": str(port),
                "user": where.login["user"],
                "dbname": where.login["dbname"],
                "sslmode": "disable",
            }
            target = Target(name="bench", parameters=parameters)
            board = Board([target])

            async def counted() -> Traffic:
                await _poll(target, board)
                return await counter.taken()

            first = await counted()
            while not board.certificates.kept(target.name).is_settled:
                await asyncio.sleep(_UNTIL_FILES_ARE_OLDER_SECONDS)
                await counted()
            return first, await counted()

    return asyncio.run(run())
