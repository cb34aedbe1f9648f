"""The record of one target: its latest report and the counters across polls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from exporter.model.failure import FailureReason
from exporter.model.judgement import Verdict
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.model.wal_sender import ReplicationKind


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """One target as the publishers see it.

    Attributes:
        report: None until the first poll has ended.
        polls, failures: counters since the exporter started.
        sessions_observed: sessions counted once each (pid and start) by the verdict they had
            when first seen.
        last_success: when a poll last ended without a failure; None for never.
    """

    target: Target
    report: TargetReport | None
    polls: int
    failures: Mapping[FailureReason, int]
    sessions_observed: Mapping[tuple[ReplicationKind, Verdict], int]
    last_success: datetime | None
