"""Judgements outside the event loop: what they return, and that they block nothing."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from inspect import cleandoc
from ipaddress import ip_address
from threading import Event, current_thread

import pytest

from exporter.assess.work import MOST_STEPS
from exporter.judging import (
    ROWS_COMPARED_AT_ONCE,
    SMALL_AT_ONCE,
    STEPS_OF_A_SMALL_ONE,
    Inputs,
    Judged,
    judge,
    judge_in_thread,
    none_under_way,
)
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.history import RulesHistory
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.verification import VERIFIED, Verification
from exporter.model.wal_sender import TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    KNOWLEDGE,
    NOW,
    PLAIN,
    POLL,
    TARGET,
    mapping,
    maps,
    rules,
)
from tests.unit.assess.with_certificates import SERVED

WAIT_SECONDS = 60.0
UNREAD = Unread(FailureReason.TIMEOUT, "no answer")


def now() -> datetime:
    return NOW


def inputs(observation: Read[Observation] = POLL, knowledge: Knowledge = KNOWLEDGE) -> Inputs:
    return Inputs(TARGET, observation, 0.01, RulesHistory(), knowledge)


def senders(number: int) -> tuple[WalSender, ...]:
    return tuple(
        replace(PLAIN, pid=n, peer=TcpPeer(ip_address(0x0A000000 + n), 1)) for n in range(number)
    )


LARGE = replace(POLL, wal_senders=senders(300))
"""More than a small judgement may be, and much less than one may be at all."""
ENORMOUS = replace(POLL, wal_senders=senders(5000))


class Gate:
    """OpenSSL that answers only once it may, in threads whose name begins so."""

    def __init__(self, threads: str = "judge") -> None:
        self.entered, self.opened = Event(), Event()
        self._threads = threads

    def __call__(self, *_asked: object, **_for: object) -> Verification:
        if current_thread().name.startswith(self._threads):
            self.entered.set()
            assert self.opened.wait(WAIT_SECONDS)
        return Verification(VERIFIED)


def behind(gate: Gate) -> Knowledge:
    """Return knowledge that makes a judgement ask ``gate``."""
    return Knowledge(gate, served=SERVED)


async def came_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


def judging(judged: Inputs) -> asyncio.Task[Judged]:
    return asyncio.create_task(judge_in_thread(judged, now=now))


@asynccontextmanager
async def all_busy() -> AsyncIterator[None]:
    """Keep every thread for small judgements busy."""
    gates = [Gate() for _ in range(SMALL_AT_ONCE)]
    tasks = [judging(inputs(knowledge=behind(gate))) for gate in gates]
    await came_true(lambda: all(gate.entered.is_set() for gate in gates))
    try:
        yield
    finally:
        for gate in gates:
            gate.opened.set()
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("observation", [POLL, UNREAD, LARGE])
async def test_a_judgement_is_the_same_in_a_thread(observation: Read[Observation]) -> None:
    judged = inputs(observation)
    assert await judge_in_thread(judged, now=now) == judge(judged, now=now)


def test_the_large_observation_is_too_large_for_a_small_judgement() -> None:
    report, _ = judge(inputs(LARGE), now=now, most_steps=STEPS_OF_A_SMALL_ONE)
    assert report.failure is not None
    assert report.failure.reason is FailureReason.LIMIT_EXCEEDED


async def test_an_enormous_observation_reaches_the_whole_limit() -> None:
    report, history = await judge_in_thread(inputs(ENORMOUS), now=now)
    assert report.failure is not None
    assert report.failure.reason is FailureReason.LIMIT_EXCEEDED
    assert report.failure.detail.endswith(f"takes more than {MOST_STEPS} steps")
    assert report.connections == report.failure
    assert history.judged.connections == ()


async def test_another_judgement_ends_while_one_is_under_way() -> None:
    gate = Gate()
    slow = judging(inputs(knowledge=behind(gate)))
    await came_true(gate.entered.is_set)
    await judge_in_thread(inputs(), now=now)
    assert not slow.done()
    assert not none_under_way()
    gate.opened.set()
    report, _ = await slow
    assert report.failure is None
    await came_true(none_under_way)


async def test_large_judgements_delay_each_other_and_no_small_one() -> None:
    ended: list[str] = []
    gate = Gate("judge-large")
    first = judging(inputs(LARGE, behind(gate)))
    first.add_done_callback(lambda _: ended.append("first"))
    await came_true(gate.entered.is_set)
    second = judging(inputs(LARGE))
    second.add_done_callback(lambda _: ended.append("second"))
    for _ in range(20):
        await judge_in_thread(inputs(), now=now)
    assert ended == []
    gate.opened.set()
    await asyncio.gather(first, second)
    await came_true(lambda: len(ended) == 2)
    assert ended == ["first", "second"]


async def test_a_report_that_still_holds_needs_no_thread() -> None:
    _, first = judge(inputs(), now=now)
    report, second = judge(replace(inputs(), history=first), now=now)
    async with all_busy():
        again, history = await judge_in_thread(replace(inputs(), history=second), now=now)
    assert history is second
    assert again == report


@pytest.mark.parametrize(
    "observation",
    [
        replace(POLL, wal_senders=senders(ROWS_COMPARED_AT_ONCE)),
        replace(POLL, hba=rules(*[CERT] * ROWS_COMPARED_AT_ONCE)),
        replace(POLL, ident=maps(*[mapping("a", "b")] * ROWS_COMPARED_AT_ONCE)),
    ],
)
async def test_a_long_comparison_is_made_in_a_thread(observation: Observation) -> None:
    _, first = judge(inputs(observation), now=now)
    report, second = judge(replace(inputs(observation), history=first), now=now)
    async with all_busy():
        comparing = judging(replace(inputs(observation), history=second))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not comparing.done()
    again, history = await comparing
    assert history is second
    assert again == report


async def test_a_judgement_that_is_no_longer_awaited_does_not_begin() -> None:
    gate = Gate()
    async with all_busy():
        waiting = judging(inputs(knowledge=behind(gate)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await came_true(none_under_way)
    assert not gate.entered.is_set()


async def test_a_fault_in_a_judgement_is_raised_where_it_is_waited_for() -> None:
    def faulty(*_asked: object, **_for: object) -> Verification:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await judge_in_thread(inputs(knowledge=Knowledge(faulty, served=SERVED)), now=now)


def test_the_process_ends_though_a_judgement_does_not() -> None:
    script = cleandoc("""
        import asyncio
        import sys
        from exporter.app import leave
        from tests.unit.test_judging import Gate, behind, came_true, inputs, judging

        async def main():
            gate = Gate()
            judged = judging(inputs(knowledge=behind(gate)))
            await came_true(gate.entered.is_set)
            judged.cancel()

        asyncio.run(main())
        sys.exit(leave(3))
    """)
    done = subprocess.run([sys.executable, "-c", script], timeout=WAIT_SECONDS / 2, check=False)
    assert done.returncode == 3
