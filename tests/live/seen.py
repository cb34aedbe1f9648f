"""What live tests have produced of the closed lists, so that nothing in them is an empty promise.

Every report of a poll that a live test makes, and every failure, is noted here; the test that runs
last holds the notes against the lists (tests/live/scenarios/test_every_value.py).
"""

from dataclasses import fields
from enum import StrEnum

from exporter.model.failure import Unread
from exporter.model.observation import Observation
from exporter.model.report import TargetReport

SEEN: set[StrEnum] = set()
"""Values of Posture, Verdict, Reason, HbaState and FailureReason, since the session began."""


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
    """Note all that ``report`` tells."""
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
