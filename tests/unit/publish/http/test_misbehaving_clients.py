"""Clients of the web server that send nothing, or read nothing, over real sockets."""

import asyncio
import logging
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from exporter.model.record import TargetRecord
from tests.descriptors import none_left
from tests.unit.publish.http.test_web import Site, site
from tests.unit.reports import PLAINTEXT, RECORD, with_connections

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


def large() -> TargetRecord:
    """A record whose metrics are several megabytes, more than the kernel takes for one client."""
    senders = (
        replace(PLAINTEXT.wal_sender, application_name="x" * 250 + str(number))
        for number in range(1000)
    )
    return with_connections([replace(PLAINTEXT, wal_sender=sender) for sender in senders])


LARGE = large()


@contextmanager
def connected(shown: Site, sends: bytes = b"") -> Iterator[socket.socket]:
    """Connect and send; what is not read stays with the server."""
    address = urlsplit(shown.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((address.hostname, address.port))
        client.sendall(sends)
        client.settimeout(0)
        yield client


def is_ended(client: socket.socket) -> bool:
    """Return whether the server has closed the connection, without reading from it."""
    watched = select.poll()
    watched.register(client, select.POLLRDHUP)
    return bool(watched.poll(0))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def healthy(shown: Site) -> bool:
    async with shown.client.get(f"{shown.url}/-/healthy") as answer:
        return await answer.text() == "healthy\n"


async def size_of_metrics(shown: Site) -> int:
    async with asyncio.timeout(20), shown.client.get(f"{shown.url}/metrics") as answer:
        return len(await answer.read())


@pytest.mark.parametrize("requests", [1, 300])
async def test_a_client_that_does_not_read_its_answer_is_closed(requests: int) -> None:
    async with site(LARGE, write_seconds=0.2) as shown:
        with connected(shown, REQUEST * requests) as client:
            await until(lambda: is_ended(client))
        assert await size_of_metrics(shown) > 1_000_000


async def test_a_client_that_does_not_read_is_closed_after_the_last_answer_too() -> None:
    # every answer is small, and the last one does not fit into the kernel any more
    async with site(RECORD, write_seconds=0.2) as shown:
        with connected(shown) as client:
            client.settimeout(20)
            with suppress(ConnectionError):
                while not is_ended(client):
                    client.sendall(REQUEST)
                    await asyncio.sleep(0)
            assert is_ended(client)


async def test_a_client_that_reads_slowly_gets_all_of_its_answer() -> None:
    async with site(LARGE, write_seconds=3.0) as shown:
        expected = await size_of_metrics(shown)
        last = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        with connected(shown, last) as client:
            loop = asyncio.get_running_loop()
            began, received = loop.time(), 0
            async with asyncio.timeout(60):
                while data := await loop.sock_recv(client, 8192):
                    received += len(data)
                    await asyncio.sleep(0.02)
    assert loop.time() - began > 3.0
    # the metrics of the process itself differ by a few digits
    assert received > expected * 0.99


async def test_a_client_that_sends_its_request_byte_by_byte_is_closed() -> None:
    async with site(RECORD, silence_seconds=0.3) as shown:
        with connected(shown) as client:
            with suppress(ConnectionError):
                for _ in range(2000):
                    client.send(b"G")
                    await asyncio.sleep(0.005)
            assert is_ended(client)


async def test_beyond_the_limit_the_connection_that_has_been_idle_longest_is_closed() -> None:
    async with site(RECORD, most_connections=lambda: 3) as shown:
        with ExitStack() as stack:
            idle = [stack.enter_context(connected(shown)) for _ in range(3)]
            late = stack.enter_context(connected(shown, HEALTHY))
            await until(lambda: is_ended(idle[0]))
            loop = asyncio.get_running_loop()
            assert (await loop.sock_recv(late, 1000)).endswith(b"healthy\n")
            assert not any(map(is_ended, (*idle[1:], late)))


async def test_a_connection_that_was_served_is_younger_than_one_that_was_idle_meanwhile() -> None:
    async with site(RECORD, most_connections=lambda: 2) as shown:
        loop = asyncio.get_running_loop()
        with connected(shown) as used, connected(shown) as idle:
            used.sendall(HEALTHY)
            await loop.sock_recv(used, 1000)
            with connected(shown, HEALTHY) as third:
                await loop.sock_recv(third, 1000)
                assert (is_ended(used), is_ended(idle)) == (False, True)


async def test_clients_that_do_not_read_make_room_for_others() -> None:
    async with site(LARGE, most_connections=lambda: 4) as shown:
        with ExitStack() as stack:
            unread = [stack.enter_context(connected(shown, REQUEST * 9)) for _ in range(4)]
            # each has some of its answer
            await until(lambda: all(select.select([each], [], [], 0)[0] for each in unread))
            assert await size_of_metrics(shown) > 1_000_000
            assert sum(map(is_ended, unread)) == 1


async def test_unread_answers_are_limited_in_size() -> None:
    async with site(LARGE, most_unsent_bytes=4_000_000) as shown:
        size = await size_of_metrics(shown)
        with ExitStack() as stack:
            unread = [stack.enter_context(connected(shown, REQUEST)) for _ in range(20)]
            await until(lambda: sum(map(is_ended, unread)) >= 20 - 4_000_000 // size)
            assert await size_of_metrics(shown) > 1_000_000


async def test_without_a_descriptor_it_says_so_and_accepts_again_when_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    async with site(RECORD) as shown:
        address = urlsplit(shown.url)
        with socket.socket() as waiting:
            waiting.settimeout(0)
            with none_left():
                loop = asyncio.get_running_loop()
                await loop.sock_connect(waiting, (address.hostname, address.port))
                await until(lambda: "cannot be accepted" in caplog.text)
            await loop.sock_sendall(waiting, HEALTHY)
            assert (await loop.sock_recv(waiting, 1000)).endswith(b"healthy\n")
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "HTTP connections cannot be accepted: too many open files: the limit of the exporter is "
    )


async def test_without_a_descriptor_an_idle_connection_is_closed_for_the_polls() -> None:
    async with site(RECORD) as shown:
        address = urlsplit(shown.url)
        with connected(shown, HEALTHY) as idle, socket.socket() as waiting:
            loop = asyncio.get_running_loop()
            await loop.sock_recv(idle, 1000)
            waiting.settimeout(0)
            with none_left():
                await loop.sock_connect(waiting, (address.hostname, address.port))
                await until(lambda: is_ended(idle))
