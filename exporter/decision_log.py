"""Writes a judgement to the debug log: one line per target and one per connection."""

import logging

from exporter.model.failure import Unread
from exporter.model.report import Connection, Governs, NoRule, RuleMatch, TargetReport

_LOG = logging.getLogger(__name__)


def log_decisions(report: TargetReport) -> None:
    """Log the judgement of one target, at level debug."""
    if not _LOG.isEnabledFor(logging.DEBUG):
        return
    name = report.target.name
    if isinstance(report.connections, Unread):
        why = report.connections
        _LOG.debug("target=%s decided: not read: %s (%s)", name, why.reason.value, why.detail)
        return
    _LOG.debug(
        "target=%s decided: pg_hba.conf is %s; %d connections; the poll took %.3f s",
        name,
        "not known" if report.rules is None else report.rules.state.value,
        len(report.connections),
        report.duration_seconds,
    )
    for connection in report.connections:
        _LOG.debug("target=%s decided: %s", name, _decision(connection))


def _decision(connection: Connection) -> str:
    sender = connection.wal_sender
    facts = {
        "pid": sender.pid,
        "application_name": sender.application_name,
        "role": sender.role,
        "verdict": connection.verdict.value,
        "posture": connection.posture.value,
        "reasons": ",".join(reason.value for reason in connection.reasons) or "none",
        "rule": _rule(connection.rule_match),
        "exemption": connection.exemption or "none",
        "reconnect": connection.forecast.value,
    }
    return " ".join(f"{name}={value}" for name, value in facts.items())


def _rule(match: RuleMatch) -> str:
    if isinstance(match, Governs):
        location = match.rule.location
        return f"{location.file_name}:{location.line_number}"
    return "none" if isinstance(match, NoRule) else "undecided"
