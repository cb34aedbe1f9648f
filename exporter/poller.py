"""Polls each target at its interval: observe, judge, post the report, log what changed."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from exporter import descriptors, judging
from exporter.assess.report import failed
from exporter.board import Board
from exporter.decision_log import log_decisions
from exporter.judging import Inputs, Judged
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.report import TargetReport
from exporter.model.served import ServedCertificateCheck
from exporter.model.target import Target
from exporter.observe.certificates.tls.served import has_wire, served_chain
from exporter.observe.certificates.tls.verification import verify
from exporter.observe.postgres.poll import observe

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

_ANOTHER_CLUSTER = Unread(
    FailureReason.IDENTITY_CHANGED,
    "another cluster answers than before (another system identifier); a target is one node, not "
    "an address that moves",
)

SPREAD_SECONDS = 0.02
"""First polls begin this far apart on average, so that a large fleet does not start together."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was read from a target at one time, in addition to what the board keeps.

    Attributes:
        duration_seconds: of reading all of it.
    """

    target: Target
    observation: Read[Observation]
    duration_seconds: float


async def poll_once(target: Target, board: Board, *, now: Callable[[], datetime]) -> None:
    """Poll ``target`` and post the outcome; raises nothing but CancelledError."""
    looked = await look(target, board, now=now)
    if board.is_configured(target):
        await judge_in_thread(looked, board, now=now)


async def look(target: Target, board: Board, *, now: Callable[[], datetime]) -> Look:
    """Read ``target`` and, concurrently, the chain that it serves if that is due.

    After the server has loaded its files that chain is read again, so that the files are compared
    with what is served now. The values are kept on the board, so that other targets can be judged
    by them. Raises nothing but CancelledError.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    store = board.certificates
    check = target.served_certificate if has_wire(target) else None
    served: asyncio.Task[None] | None = None

    async def look_at_chain(check: ServedCertificateCheck) -> None:
        at, loaded_at = loop.time(), store.loaded_at(target.name)
        chain = await _guarded(target, board, served_chain(target, check, now=now))
        if board.is_configured(target):
            store.post_served(target.name, chain, at, loaded_at)

    async with asyncio.TaskGroup() as group:
        kept = store.kept(target.name)
        polling = group.create_task(_guarded(target, board, observe(target, now=now, kept=kept)))
        if check is not None and store.served_is_due(target, started):
            served = group.create_task(look_at_chain(check))
    if board.is_configured(target):
        store.post_observed(target, polling.result())
        # the chain may have been read before the load: the next poll reads it again
        if check is not None and served is None and store.served_is_outdated(target.name):
            await look_at_chain(check)
    return Look(target, polling.result(), loop.time() - started)


async def _guarded(
    target: Target, board: Board, reading: Coroutine[None, None, Read[T]]
) -> Read[T]:
    """Await ``reading``; a fault in the exporter must not end the polling of a target."""
    try:
        return await reading
    except Exception as error:  # noqa: BLE001  whatever it is
        return _unread(target, board, error)


def _unread(target: Target, board: Board, error: Exception) -> Unread:
    """Return ``error`` as the failure of a poll: a limit of the exporter, or a fault in it."""
    if words := descriptors.shortage(error):
        return Unread(FailureReason.EXPORTER_LIMITS, words)
    return _fault(target, board, error)


def _fault(target: Target, board: Board, error: Exception) -> Unread:
    """Return a fault in the exporter as a failure; log it unless the last poll had the same."""
    place = extract_tb(error.__traceback__)[-1]
    kind = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    fault = Unread(
        FailureReason.INTERNAL, f"a fault in the exporter ({kind}); its log has the traceback"
    )
    report = board.record(target.name).report if board.is_configured(target) else None
    if report is None or fault not in {report.failure, *report.readers.values()}:
        _LOG.exception("target=%s: the poll failed because of a fault in the exporter", target.name)
    return fault


def judge(looked: Look, board: Board, *, now: Callable[[], datetime]) -> Inputs:
    """Judge what was read, in the calling thread, post the report, and return the inputs."""
    inputs = _inputs(looked, board)
    try:
        judged = judging.judge(inputs, now=now)
    except Exception as error:  # noqa: BLE001  a fault in the exporter must not end the polling
        judged = _failed(inputs, _unread(inputs.target, board, error), now=now)
    _post(judged, board)
    return inputs


async def judge_in_thread(looked: Look, board: Board, *, now: Callable[[], datetime]) -> Inputs:
    """Judge what was read, in a thread, post the report, and return the inputs."""
    inputs = _inputs(looked, board)
    try:
        judged = await judging.judge_in_thread(inputs, now=now)
    except Exception as error:  # noqa: BLE001  as above
        judged = _failed(inputs, _unread(inputs.target, board, error), now=now)
    _post(judged, board)
    return inputs


def _failed(inputs: Inputs, why: Unread, *, now: Callable[[], datetime]) -> Judged:
    """Return the report on a judgement that failed, without the served chain, which may be why."""
    report = failed(
        inputs.target,
        why,
        replace(inputs.knowledge, served=None),
        at=now(),
        duration_seconds=inputs.duration_seconds,
    )
    return report, inputs.history


def _inputs(looked: Look, board: Board) -> Inputs:
    """Return what the judgement depends on, as it is now: later polls do not change it."""
    target, observation = looked.target, looked.observation
    identifier = None if isinstance(observation, Unread) else observation.server.system_identifier
    if not isinstance(observation, Unread) and not board.same_cluster(target.name, identifier):
        observation = _ANOTHER_CLUSTER
    return Inputs(
        target=target,
        observation=observation,
        duration_seconds=looked.duration_seconds,
        history=board.history(target.name),
        knowledge=board.certificates.knowledge(target.name, identifier, verify),
    )


def _post(judged: Judged, board: Board) -> None:
    report, history = judged
    log_decisions(report)
    before = board.post(report, history)
    if before is not None:
        board.certificates.post_judged(report.target.name, report)
        _log_changes(before.report, report)


async def poll_for_ever(
    target: Target, board: Board, *, now: Callable[[], datetime], fleet: int
) -> None:
    """Poll ``target`` at its interval, from start to start, until cancelled.

    Args:
        target: the target.
        board: where the reports go.
        now: the clock.
        fleet: how many targets there are: their first polls are spread out accordingly.
    """
    loop = asyncio.get_running_loop()
    spread = min(target.interval_seconds, SPREAD_SECONDS * (fleet - 1))
    # not used for a secret
    due = loop.time() + random.uniform(0, spread)  # noqa: S311
    while True:
        await asyncio.sleep(due - loop.time())
        await poll_once(target, board, now=now)
        due = max(due + target.interval_seconds, loop.time())


def _log_changes(before: TargetReport | None, report: TargetReport) -> None:
    """Log what differs from the previous poll; a lasting state is shown by metrics."""
    name = report.target.name
    was = None if before is None else before.failure
    if report.failure is not None:
        if was is None or was.reason is not report.failure.reason:
            _LOG.warning(
                "target=%s cannot be read: %s (%s)",
                name,
                report.failure.reason.value,
                report.failure.detail,
            )
    elif was is not None:
        _LOG.info("target=%s is readable again", name)
    if report.failure is None:
        # if the target cannot be read at all, its parts are not reported as well
        _tell_readers(before, report)
    _tell_rules(before, report)


def _tell_readers(before: TargetReport | None, report: TargetReport) -> None:
    for reader, unread in report.readers.items():
        earlier = None if before is None else before.readers.get(reader)
        if unread is not None and (earlier is None or earlier.reason is not unread.reason):
            _LOG.warning(
                "target=%s %s cannot be read: %s (%s)",
                report.target.name,
                reader.value,
                unread.reason.value,
                unread.detail,
            )


def _tell_rules(before: TargetReport | None, report: TargetReport) -> None:
    if report.rules is None:
        return
    state = report.rules.state
    earlier = None if before is None or before.rules is None else before.rules.state
    if state is not earlier and not (earlier is None and state is HbaState.LOADED):
        _LOG.log(
            logging.INFO if state is HbaState.LOADED else logging.WARNING,
            "target=%s the rules of pg_hba.conf are %s",
            report.target.name,
            state.value,
        )
