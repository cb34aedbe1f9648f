"""One poll of this exporter."""

import asyncio
import time
from datetime import UTC, datetime

from bench.measured import Cost, cost
from bench.place import CONNECTIONS, Place
from bench.wire import Counter, Traffic
from exporter.model.failure import Unread
from exporter.model.target import Target
from exporter.model.tls_files import Kept
from exporter.observe.postgres.poll import observe

_WARM_UP = 10

_NOTHING_KEPT = Kept()


async def _poll(target: Target, kept: Kept = _NOTHING_KEPT) -> Kept:
    read = await observe(target, now=lambda: datetime.now(UTC), kept=kept)
    if isinstance(read, Unread):
        raise RuntimeError(f"the poll failed: {read}")  # noqa: TRY004  no wrong type, a failed poll
    if isinstance(read.wal_senders, Unread) or len(read.wal_senders) != len(CONNECTIONS):
        raise RuntimeError(f"the poll did not see every connection: {read.wal_senders}")
    return read.kept


async def _warm_up(target: Target) -> Kept:
    """Poll until the files with certificates are old enough not to be read again."""
    kept = _NOTHING_KEPT
    for _ in range(_WARM_UP):
        kept = await _poll(target)
    while kept.tls_files is None or not kept.tls_files.read_of:
        await asyncio.sleep(0.2)
        kept = await _poll(target)
    return kept


def measure(where: Place, polls: int) -> Cost:
    """Return what a poll costs that logs in by certificate over TLS."""
    target = Target(name="bench", parameters=where.login)

    async def run() -> Cost:
        kept = await _warm_up(target)
        walls = []
        server, own = where.cpu_seconds(), time.process_time()
        for _ in range(polls):
            began = time.perf_counter()
            kept = await _poll(target, kept)
            walls.append(time.perf_counter() - began)
        own, server = time.process_time() - own, where.cpu_seconds() - server
        return cost(
            "pg-replication-cert-exporter, one poll",
            walls,
            own_cpu_seconds=own,
            server_cpu_seconds=server,
        )

    return asyncio.run(run())


def traffic(where: Place) -> Traffic:
    """Return what one poll puts on the wire."""

    async def run() -> Traffic:
        kept = await _warm_up(Target(name="bench", parameters=where.login))
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
            await _poll(Target(name="bench", parameters=parameters), kept)
            await counter.idle.wait()
        return counter.traffic

    return asyncio.run(run())
