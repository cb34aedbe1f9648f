"""The board: the latest report of every target, and the counters across polls.

Pollers post to it, publishers take snapshots. Records are frozen and replaced, never changed, so
that a snapshot costs nothing and an unchanged record is the same object.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import product

from exporter.certificate_store import CertificateStore
from exporter.model.failure import FailureReason, Unread
from exporter.model.history import RulesHistory
from exporter.model.judgement import Verdict
from exporter.model.record import TargetRecord
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.model.wal_sender import ReplicationKind

Session = tuple[int, datetime]
"""One session of a server: process id and start."""


class Board:
    """Records by target, in the order of the configuration.

    Attributes:
        certificates: what polls have read about certificates.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self.certificates = CertificateStore()
        self._records: dict[str, TargetRecord] = {t.name: _fresh(t) for t in targets}
        self._histories: dict[str, RulesHistory] = {}
        self._sessions: dict[str, frozenset[Session]] = {}
        self._identifiers: dict[str, str] = {}

    def snapshot(self) -> tuple[TargetRecord, ...]:
        """Return the current records, one per configured target."""
        return tuple(self._records.values())

    def record(self, name: str) -> TargetRecord:
        """Return the record of target ``name``; raises KeyError if it is not configured."""
        return self._records[name]

    def history(self, name: str) -> RulesHistory:
        """Return the history from earlier polls of the target."""
        return self._histories.get(name, RulesHistory())

    def is_configured(self, target: Target) -> bool:
        """Return whether ``target`` is still configured exactly so."""
        record = self._records.get(target.name)
        return record is not None and record.target is target

    def same_cluster(self, name: str, system_identifier: str | None) -> bool:
        """Return whether the target is the same cluster as before, and remember this one.

        After a change the target's history is forgotten, because it is another cluster's.
        """
        if system_identifier is None:
            return True
        known = self._identifiers.setdefault(name, system_identifier)
        self._identifiers[name] = system_identifier
        if known == system_identifier:
            return True
        self._histories.pop(name, None)
        return False

    def post(self, report: TargetReport, history: RulesHistory) -> TargetRecord | None:
        """Put the outcome of one poll on the board.

        The report is dropped if the target is no longer configured or its configuration changed.

        Returns:
            The record before; None if the report was dropped.
        """
        name = report.target.name
        if not self.is_configured(report.target):
            return None
        record = self._records[name]
        self._histories[name] = history
        failures = dict(record.failures)
        if report.failure is not None:
            failures[report.failure.reason] = failures.get(report.failure.reason, 0) + 1
        self._records[name] = replace(
            record,
            report=report,
            polls=record.polls + 1,
            failures=failures,
            sessions_observed=self._count_sessions(record, report),
            last_success=report.polled_at if report.failure is None else record.last_success,
        )
        return record

    def configure(self, targets: Iterable[Target]) -> None:
        """Apply a new configuration; targets that did not change keep their records."""
        before = self._records
        self._records = {
            t.name: before[t.name] if t.name in before and before[t.name].target is t else _fresh(t)
            for t in targets
        }
        for kept in (self._histories, self._sessions, self._identifiers):
            for name in [n for n in kept if self._records.get(n) is not before.get(n)]:
                del kept[name]
        self.certificates.forget(lambda name: self._records.get(name) is not before.get(name))

    def _count_sessions(
        self, record: TargetRecord, report: TargetReport
    ) -> dict[tuple[ReplicationKind, Verdict], int]:
        counts = dict(record.sessions_observed)
        if isinstance(report.connections, Unread):
            return counts
        seen = self._sessions.get(record.target.name, frozenset())
        now = {(c.wal_sender.pid, c.wal_sender.backend_start): c for c in report.connections}
        for session, connection in now.items():
            if session not in seen:
                counts[connection.wal_sender.kind, connection.verdict] += 1
        self._sessions[record.target.name] = frozenset(now)
        return counts


def _fresh(target: Target) -> TargetRecord:
    return TargetRecord(
        target=target,
        report=None,
        polls=0,
        failures=dict.fromkeys(FailureReason, 0),
        sessions_observed=dict.fromkeys(product(ReplicationKind, Verdict), 0),
        last_success=None,
    )
