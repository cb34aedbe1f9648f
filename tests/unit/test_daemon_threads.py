"""Calls in daemon threads: one that blocks is not awaited, and they do not pile up."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from exporter.daemon_threads import BoundedThreads, SharedCalls, all_ended, call, start
from lab.wait import until

WITHIN_SECONDS = 30.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What calls of the test block at; open afterwards."""
    event = threading.Event()
    yield event
    event.set()


def test_a_result_comes_with_the_future() -> None:
    assert start(lambda: 3).result(WITHIN_SECONDS) == 3


def test_an_exception_comes_with_the_future() -> None:
    with pytest.raises(ZeroDivisionError):
        start(lambda: 1 // 0).result(WITHIN_SECONDS)


def test_the_end_of_all_calls_can_be_waited_for(gate: threading.Event) -> None:
    start(gate.wait)
    start(gate.wait, BoundedThreads("test", 1))
    assert not all_ended(0.01)
    gate.set()
    assert all_ended(WITHIN_SECONDS)


def test_it_is_a_daemon_thread_and_not_this_one() -> None:
    thread = start(threading.current_thread).result(WITHIN_SECONDS)
    assert thread.daemon
    assert thread is not threading.current_thread()


def test_a_thread_is_used_again() -> None:
    first = start(threading.current_thread).result(WITHIN_SECONDS)

    def used_again() -> bool:
        return start(threading.current_thread).result(WITHIN_SECONDS) is first

    until(used_again, WITHIN_SECONDS, "the thread to take another call")


async def test_a_call_can_be_waited_for_in_the_event_loop() -> None:
    assert await call(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        await call(lambda: 1 // 0)


async def test_the_wait_ends_at_a_deadline_and_the_call_later(gate: threading.Event) -> None:
    ended = threading.Event()

    def step() -> None:
        gate.wait()
        ended.set()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await call(step)
    assert not ended.is_set()
    gate.set()
    assert ended.wait(WITHIN_SECONDS)


async def test_who_asks_meanwhile_gets_the_same_answer(gate: threading.Event) -> None:
    calls: SharedCalls[int] = SharedCalls()
    made = []

    def step() -> int:
        made.append(1)
        gate.wait()
        return len(made)

    waiting = [asyncio.create_task(calls.call("key", step)) for _ in range(5)]
    other = asyncio.create_task(calls.call("another key", lambda: -1))
    assert await other == -1
    gate.set()
    assert await asyncio.gather(*waiting) == [1] * 5
    assert await calls.call("key", step) == 2


async def test_a_call_that_blocks_holds_one_thread_however_often_it_is_given_up(
    gate: threading.Event,
) -> None:
    calls: SharedCalls[bool] = SharedCalls()
    made = []

    def step() -> bool:
        made.append(1)
        return gate.wait()

    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await calls.call("key", step)
    last = asyncio.create_task(calls.call("key", step))
    await asyncio.sleep(0)  # until it waits
    gate.set()
    assert await last
    assert made == [1]


async def test_a_call_that_fails_is_repeated() -> None:
    calls: SharedCalls[int] = SharedCalls()
    with pytest.raises(ZeroDivisionError):
        await calls.call("key", lambda: 1 // 0)
    assert await calls.call("key", lambda: 3) == 3


def test_only_so_many_threads_are_at_work_and_the_others_follow_in_order(
    gate: threading.Event,
) -> None:
    threads = BoundedThreads("test", 2)
    began: list[int] = []

    def step(number: int) -> int:
        began.append(number)
        gate.wait()
        return number

    answers = [start(lambda number=number: step(number), threads) for number in range(6)]  # type: ignore[misc]
    until(lambda: len(began) == 2, WITHIN_SECONDS, "two calls to begin")
    assert sorted(began) == [0, 1]
    gate.set()
    assert [answer.result(WITHIN_SECONDS) for answer in answers] == list(range(6))
    assert sorted(began[:2]) == [0, 1]
    assert sorted(began) == list(range(6))
    # all are free again
    assert start(lambda: 7, threads).result(WITHIN_SECONDS) == 7
