"""When a target is polled, and what becomes of a poll: observed, judged, posted, told."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime

from exporter.assess.report import assess, failed
from exporter.board import Board
from exporter.model.failure import FailureReason, Unread
from exporter.model.judgement import HbaState
from exporter.model.knowledge import Knowledge
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.model.verification import NOT_CHECKED, Verification
from exporter.observe.postgres.poll import observe

_LOG = logging.getLogger(__name__)


def _nobody_asked(*_asked: object, **_for: object) -> Verification:
    return Verification(NOT_CHECKED)


_KNOWLEDGE = Knowledge(_nobody_asked)
"""Of no certificate beside what a poll reads."""

SPREAD_SECONDS = 0.02
"""First polls begin this far apart on average, so that a large fleet does not start at once."""


async def poll_once(target: Target, board: Board, *, now: Callable[[], datetime]) -> None:
    """Poll ``target`` and post the outcome; never raises but for cancellation."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    history = board.history(target.name)
    try:
        observation = await observe(target, now=now)
        if isinstance(observation, Unread):
            report = failed(
                target,
                observation,
                _KNOWLEDGE,
                at=now(),
                duration_seconds=loop.time() - started,
            )
        elif not board.same_cluster(target.name, observation.server.system_identifier):
            history = board.history(target.name)
            changed = Unread(
                FailureReason.IDENTITY_CHANGED,
                "another cluster answers than before (another system identifier); a target is "
                "one node, not an address that moves",
            )
            report = failed(
                target,
                changed,
                _KNOWLEDGE,
                at=observation.at,
                duration_seconds=observation.duration_seconds,
            )
        else:
            report, history = assess(observation, target, history, _KNOWLEDGE, now=now())
    except Exception:  # noqa: BLE001  a fault of ours must not end the polling of a target
        _LOG.exception("target=%s: the poll failed by a fault in the exporter", target.name)
        fault = Unread(FailureReason.INTERNAL, "a fault in the exporter; its log tells more")
        report = failed(target, fault, _KNOWLEDGE, at=now(), duration_seconds=loop.time() - started)
    before = board.post(report, history)
    if before is not None:
        _tell_changes(before.report, report)


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
    # no secret hangs on it
    due = loop.time() + random.uniform(0, spread)  # noqa: S311
    while True:
        await asyncio.sleep(due - loop.time())
        await poll_once(target, board, now=now)
        due = max(due + target.interval_seconds, loop.time())


def _tell_changes(before: TargetReport | None, report: TargetReport) -> None:
    """Log what is different from the poll before; a state that lasts is a metric."""
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
            "target=%s pg_hba.conf is %s: %s",
            report.target.name,
            state.value,
            report.rules.explanation[0],
        )
