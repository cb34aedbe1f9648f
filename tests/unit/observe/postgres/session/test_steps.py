"""Steps that wait for a socket between them, in a thread and in the event loop."""

import asyncio
import socket
import threading
from collections.abc import Generator

import pytest

from exporter.observe.postgres.session import steps as steps_module
from exporter.observe.postgres.session.offload import Offload
from exporter.observe.postgres.session.steps import Session, take
from lab.wait import until

AT_ONCE = 0.01
LATER = 0.2
"""Longer than a thread waits for a step."""


class Line:
    """A socket and the end that the server would have, and what happens to their session."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.settimeout(0)
        self.seen: list[int] = []
        self.abandoned = threading.Event()
        self.offload = Offload("line")
        self.session = Session(self.near.fileno, self.seen.append, self.abandoned.set)

    def close(self) -> None:
        self.near.close()
        self.far.close()

    def send_after(self, seconds: float, data: bytes) -> None:
        timer = threading.Timer(seconds, lambda: self.far.send(data))
        timer.daemon = True
        timer.start()


@pytest.fixture
def line() -> Generator[Line, None, None]:
    opened = Line()
    yield opened
    assert Offload.all_ended(10)
    opened.close()


@pytest.mark.parametrize("seconds", [0.0, AT_ONCE, LATER])
async def test_a_step_is_taken_for_each_arrival_and_the_last_one_s_result_returned(
    line: Line, seconds: float
) -> None:
    threads = set()

    def steps() -> Generator[bool, None, bytes]:
        line.send_after(seconds, b"one")
        yield False
        first = line.near.recv(10)
        line.send_after(seconds, b"two")
        yield False
        threads.add(threading.current_thread())
        return first + line.near.recv(10)

    assert await take(line.offload, line.session, steps()) == b"onetwo"
    assert line.seen == [line.near.fileno()] * 2
    assert threading.main_thread() not in threads
    assert not line.offload.occupied


@pytest.mark.parametrize("full", [False, True])
async def test_a_step_may_wait_until_the_socket_can_be_written(line: Line, *, full: bool) -> None:
    sent = 0
    while full:
        try:
            sent += line.near.send(b"x" * 10_000)
        except BlockingIOError:
            break

    def steps() -> Generator[bool, None, int]:
        yield True
        return line.near.send(b"written")

    def make_room() -> None:
        left = sent
        while left:
            left -= len(line.far.recv(min(left, 65_536)))

    emptied = threading.Timer(LATER, make_room)
    emptied.start()
    assert await take(line.offload, line.session, steps()) == len(b"written")
    emptied.join()
    assert line.far.recv(10) == b"written"


async def test_what_a_step_raises_is_raised(line: Line) -> None:
    def steps() -> Generator[bool, None, None]:
        line.far.send(b"once")
        yield False
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError, match="lost"):
        await take(line.offload, line.session, steps())


async def test_nothing_is_watched_any_more_after_a_deadline(line: Line) -> None:
    def steps() -> Generator[bool, None, None]:
        while True:
            yield False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LATER):
            await take(line.offload, line.session, steps())
    assert not asyncio.get_running_loop().remove_reader(line.near.fileno())
    assert not line.offload.leave()
    assert not line.abandoned.is_set()


async def test_a_step_that_outlives_its_deadline_cleans_up_by_itself(line: Line) -> None:
    go_on = threading.Event()

    def steps() -> Generator[bool, None, None]:
        go_on.wait(30)
        yield False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(AT_ONCE):
            await take(line.offload, line.session, steps())
    assert line.offload.leave()
    another = Offload("line")
    assert another.occupied
    assert not Offload("another").occupied
    assert not Offload.all_ended(AT_ONCE)
    assert not line.abandoned.is_set()
    go_on.set()
    line.far.send(b"answer")
    until(line.abandoned.is_set, within=10, what="the step to end")
    assert Offload.all_ended(10)
    assert not another.occupied


async def test_steps_that_are_no_longer_awaited_end_although_there_is_more_to_read(
    line: Line,
) -> None:
    def steps() -> Generator[bool, None, None]:
        line.far.send(b"never read")
        while True:
            yield False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(AT_ONCE):
            await take(line.offload, line.session, steps())
    line.offload.leave()
    assert await line.offload.is_free(10)
    assert Offload.all_ended(10)


async def test_without_a_thread_to_be_had_nothing_stays_occupied(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_job: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(Offload._threads, "do", none)
        with pytest.raises(RuntimeError, match="thread"):
            await take(line.offload, line.session, _one_step())
    assert not line.offload.leave()
    assert not line.offload.occupied
    assert not line.offload.at_work


async def test_threads_are_kept_for_the_next_steps_but_not_for_ever(line: Line) -> None:
    together = threading.Barrier(30)

    def steps() -> Generator[bool, None, None]:
        together.wait(30)
        yield True

    before = threading.active_count()
    await asyncio.gather(*(take(Offload("crowd"), line.session, steps()) for _ in range(30)))
    until(lambda: threading.active_count() <= before + 8, within=10, what="threads to end")
    kept = {thread.ident for thread in threading.enumerate()}
    used: set[int | None] = set()

    def another() -> Generator[bool, None, None]:
        used.add(threading.current_thread().ident)
        yield True

    for _ in range(20):
        await take(line.offload, line.session, another())
    assert used
    assert used <= kept


async def test_a_crowd_of_threads_does_not_wait(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a fleet of silent servers does not need a thread each."""
    monkeypatch.setattr(steps_module, "_PATIENCE_MS", 60_000)
    inside = threading.Barrier(21)
    go_on = threading.Event()

    def busy() -> Generator[bool, None, None]:
        inside.wait(30)
        go_on.wait(30)
        yield True

    def silent() -> Generator[bool, None, bytes]:
        yield False
        return line.near.recv(10)

    crowd = asyncio.gather(*(take(Offload("crowd"), line.session, busy()) for _ in range(20)))
    await asyncio.to_thread(inside.wait, 30)
    waiting = asyncio.ensure_future(take(line.offload, line.session, silent()))
    await asyncio.sleep(0)  # until it has one
    async with asyncio.timeout(30):
        # the 21st thread gives up at once
        while line.offload.at_work > 20:
            await asyncio.sleep(AT_ONCE)
    line.far.send(b"answer")
    assert await waiting == b"answer"
    go_on.set()
    await crowd


def _one_step() -> Generator[bool, None, None]:
    yield True
