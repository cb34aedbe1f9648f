"""Judgements, made in threads outside of the event loop.

Judging is plain Python, and a server chooses how much there is to judge. In a thread it shares the
interpreter with the event loop, which then waits some milliseconds (sys.getswitchinterval()) where
it would otherwise wait until the judgement ends.

Each judgement first gets a small limit of work, in one of a few threads. One that reaches it starts
again with the whole limit, in a thread for such judgements only. So targets with very many rules or
connections delay each other, and no other target.
"""

import asyncio
from collections.abc import Callable, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from exporter.assess.remembered_report import again
from exporter.assess.report import assess, failed
from exporter.assess.work import MOST_STEPS
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.history import RulesHistory
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.report import TargetReport
from exporter.model.target import Target

STEPS_OF_A_SMALL_ONE = MOST_STEPS // 30
"""Limit of a judgement that others may have to wait for: about a tenth of a second."""

ROWS_COMPARED_AT_ONCE = 1000
"""Rows that the event loop compares with those of the poll before: some milliseconds at most."""

SMALL_AT_ONCE = 4

_SMALL = ThreadPoolExecutor(max_workers=SMALL_AT_ONCE, thread_name_prefix="judge")
_LARGE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge-large")


Judged = tuple[TargetReport, RulesHistory]
"""The report, and the history after it."""

_under_way: set[Future[Judged]] = set()


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that one judgement depends on besides the time; values that do not change.

    Attributes:
        observation: what the poll read, or why it read nothing.
        duration_seconds: of the poll.
        history: after the poll before.
    """

    target: Target
    observation: Read[Observation]
    duration_seconds: float
    history: RulesHistory
    knowledge: Knowledge


def judge(inputs: Inputs, *, now: Callable[[], datetime], most_steps: int = MOST_STEPS) -> Judged:
    """Return the judgement, made in the calling thread.

    Args:
        inputs: what is judged.
        now: the clock.
        most_steps: the limit of work.
    """
    target, observation, knowledge = inputs.target, inputs.observation, inputs.knowledge
    if isinstance(observation, Unread):
        duration = inputs.duration_seconds
        report = failed(target, observation, knowledge, at=now(), duration_seconds=duration)
        return report, inputs.history
    return assess(observation, target, inputs.history, knowledge, now=now(), most_steps=most_steps)


async def judge_in_thread(inputs: Inputs, *, now: Callable[[], datetime]) -> Judged:
    """Return the judgement, made in a thread unless the one of the last poll still holds.

    Raises the exceptions of ``judge``.

    Args:
        inputs: what is judged.
        now: the clock.

    Raises:
        RuntimeError: no thread can be started.
    """
    if (remembered := _remembered(inputs, now())) is not None:
        return remembered, inputs.history
    small = partial(judge, inputs, now=now, most_steps=STEPS_OF_A_SMALL_ONE)
    report, history = await _run(_SMALL, small)
    # if the history is the same, it is a failure of the poll, or the previous poll's report
    if history is inputs.history or not _reached_limit(report):
        return report, history
    return await _run(_LARGE, partial(judge, inputs, now=now))


def _remembered(inputs: Inputs, now: datetime) -> TargetReport | None:
    """Return the report of the last poll if it still holds and the comparison takes little time.

    This is the usual case, and a thread would cost more than the comparison.
    """
    observation = inputs.observation
    if isinstance(observation, Unread) or _rows(observation) > ROWS_COMPARED_AT_ONCE:
        return None
    return again(inputs.history.last, observation, inputs.target, inputs.knowledge, now=now)


def _rows(observation: Observation) -> int:
    hba, ident = observation.hba, observation.ident
    several: tuple[Read[Sized], ...] = (
        observation.wal_senders,
        hba if isinstance(hba, Unread) else hba.rules,
        observation.hba_lines,
        ident if isinstance(ident, Unread) else ident.mappings,
        observation.file_times,
        observation.role_memberships,
        observation.regular_expressions,
    )
    return sum(len(each) for each in several if not isinstance(each, Unread))


def none_under_way() -> bool:
    """Return whether no thread judges, so that the process can end in the usual way."""
    return not _under_way


def _reached_limit(report: TargetReport) -> bool:
    return report.failure is not None and report.failure.reason is FailureReason.LIMIT_EXCEEDED


async def _run(threads: ThreadPoolExecutor, judgement: Callable[[], Judged]) -> Judged:
    job = threads.submit(judgement)
    _under_way.add(job)
    job.add_done_callback(_under_way.discard)
    return await asyncio.wrap_future(job)
