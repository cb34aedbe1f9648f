"""Steps that wait for a socket between them."""

import asyncio
import socket
from collections.abc import Generator

import pytest

from exporter.observe.postgres.steps import Steps


class Line:
    """A socket and the end that the server would have; can be opened anew under its number."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.number = self.near.fileno()

    def reopen(self) -> None:
        self.close()
        self.near, self.far = socket.socketpair()
        assert self.near.fileno() == self.number

    def close(self) -> None:
        self.near.close()
        self.far.close()

    def descriptor(self) -> int:
        return self.near.fileno()


@pytest.fixture
def line() -> Generator[Line, None, None]:
    opened = Line()
    yield opened
    opened.close()


async def test_a_step_is_taken_for_each_arrival_and_the_last_one_s_result_returned(
    line: Line,
) -> None:
    seen: list[int] = []

    def steps() -> Generator[bool, None, bytes]:
        line.far.send(b"one")
        yield False
        first = line.near.recv(10)
        line.far.send(b"two")
        yield False
        return first + line.near.recv(10)

    assert await Steps(steps(), line.descriptor, seen.append).take() == b"onetwo"
    assert seen == [line.number] * 2


async def test_a_step_may_wait_until_the_socket_can_be_written(line: Line) -> None:
    def steps() -> Generator[bool, None, str]:
        yield True
        return "written"

    assert await Steps(steps(), line.descriptor, lambda _: None).take() == "written"


async def test_somebody_else_s_socket_of_the_same_number_stays_watched(line: Line) -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def watch() -> None:
        line.reopen()
        loop.add_reader(line.number, woken.set)

    def steps() -> Generator[bool, None, None]:
        line.far.send(b"once")
        yield False
        line.close()
        loop.call_soon(watch)
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError, match="lost"):
        await Steps(steps(), line.descriptor, lambda _: None).take()
    line.far.send(b"for somebody else")
    try:
        await asyncio.wait_for(woken.wait(), 10)
    finally:
        loop.remove_reader(line.number)


async def test_who_is_cancelled_watches_nothing_any_more(line: Line) -> None:
    def steps() -> Generator[bool, None, None]:
        while True:
            yield False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Steps(steps(), line.descriptor, lambda _: None).take()
    assert not asyncio.get_running_loop().remove_reader(line.number)
