"""The values of the closed lists that live tests have produced: none may be unreachable.

Every report of a poll that a live test makes, and every failure, is noted here; the test that runs
last compares the notes with the lists (tests/live/scenarios/test_every_value.py). Tests that run in
several processes leave their notes in the folder that the variable PGREPL_SEEN names.
"""

import os
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

from exporter.model.failure import Unread
from exporter.model.observation import Observation
from exporter.model.report import TargetReport

SEEN: set[StrEnum] = set()
"""Values of Posture, Verdict, Reason, HbaState and FailureReason, since the session began."""


def folder() -> Path | None:
    """Return where the notes of several processes are; None if there is but this one."""
    named = os.environ.get("PGREPL_SEEN")
    return Path(named) if named else None


def leave_notes() -> None:
    """Write down what this process has seen, if others want to know."""
    where = folder()
    if where is not None and SEEN:
        lines = sorted(f"{type(value).__name__}.{value.name}\n" for value in SEEN)
        (where / f"{os.getpid()}.txt").write_text("".join(lines))


def seen(closed: type[StrEnum]) -> set[StrEnum]:
    """Return the values of ``closed`` that this process, or any that left notes, has seen."""
    where = folder()
    lines = [] if where is None else [n for p in where.glob("*.txt") for n in p.read_text().split()]
    noted = {value for value in closed if f"{closed.__name__}.{value.name}" in lines}
    return noted | {value for value in SEEN if isinstance(value, closed)}


def note_failure(failure: Unread) -> None:
    """Note why a poll, or a reader of it, failed."""
    SEEN.add(failure.reason)


def note_read(read: Observation | Unread) -> None:
    """Note what a bare observation failed at, in all or in a reader."""
    if isinstance(read, Unread):
        note_failure(read)
        return
    for field in fields(read):
        value = getattr(read, field.name)
        if isinstance(value, Unread):
            note_failure(value)


def note_report(report: TargetReport) -> None:
    """Record all values that ``report`` contains."""
    if report.failure is not None:
        note_failure(report.failure)
    for unread in report.readers.values():
        if unread is not None:
            note_failure(unread)
    if report.rules is not None:
        SEEN.add(report.rules.state)
    if not isinstance(report.connections, Unread):
        for connection in report.connections:
            SEEN.update({connection.posture, connection.verdict, *connection.reasons})
