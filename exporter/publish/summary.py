"""Texts and values that all publishers share: sums, exit code, state of a target, what to grant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from exporter.model.certificates_report import Matched
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.finding import Finding, RuleGoverns
from exporter.model.judgement import ForecastCause, Verdict
from exporter.model.record import TargetRecord
from exporter.model.report import (
    Connection,
    Governs,
    NoRule,
    TargetReport,
    Undecided,
)
from exporter.model.rule_text import rule_text
from exporter.model.wal_sender import OtherPeer, Peer
from exporter.publish.reading import WORST_FIRST, Reading, host_text
from exporter.publish.words.own_command import DEFAULT_COMMAND, OwnCommand, identifier

EXIT_INSECURE = 2
EXIT_UNKNOWN = 3

NO_SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all targets.

    Attributes:
        connections: of the targets that could be read, by verdict.
        unseen: targets that are down, blind, or not polled yet.
    """

    targets: int
    unseen: int
    connections: Counter[Verdict]

    def sentence(self) -> str:
        """Return the sums in one line, worst first."""
        number = self.connections.total()
        parts = ", ".join(f"{self.connections[v]} {v.value}" for v in WORST_FIRST)
        line = f"{_counted(number, 'connection')} on {_counted(self.targets, 'target')}: {parts}."
        if self.unseen:
            line += f" {_counted(self.unseen, 'target')} could not be read."
        return line


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def seen_connections(record: TargetRecord) -> tuple[Connection, ...] | None:
    """Return the connections of a target, worst first; None when they could not be read."""
    return None if record.report is None else Reading(record, record.report).connections


def totals(records: Sequence[TargetRecord]) -> Totals:
    """Return the sums over ``records``."""
    tally: Counter[Verdict] = Counter()
    unseen = 0
    for record in records:
        connections = seen_connections(record)
        if connections is None:
            unseen += 1
        else:
            tally.update(c.verdict for c in connections)
    return Totals(len(records), unseen, tally)


def exit_code(records: Sequence[TargetRecord]) -> int:
    """Return the exit code of ``check``.

    0: every target was read and every connection is secure or exempt. 2: a connection is
    insecure. 3: none is, but one is unknown or a target could not be read.
    """
    sums = totals(records)
    if sums.connections[Verdict.INSECURE]:
        return EXIT_INSECURE
    if sums.connections[Verdict.UNKNOWN] or sums.unseen:
        return EXIT_UNKNOWN
    return 0


def peer_text(peer: Peer) -> str:
    """Return where a client comes from, for a person."""
    match peer:
        case OtherPeer.UNIX_SOCKET:
            return "unix socket"
        case OtherPeer.HIDDEN:
            return "hidden"
        case _:
            return host_text(peer.address)


def server_facts(report: TargetReport) -> tuple[str, ...]:
    """Return what is known of the server, a few words each; empty when it was not read."""
    if report.server is None:
        return ()
    server = report.server
    if not server.tls_enabled:
        tls = "TLS off"
    elif server.requests_client_certificate:
        tls = "TLS on, asks for client certificates"
    else:
        tls = "TLS on, asks for no client certificate"
    rules = () if report.rules is None else (f"pg_hba.conf {report.rules.state.value}",)
    return (
        f"PostgreSQL {server.version}",
        "standby" if server.in_recovery else "primary",
        tls,
        *rules,
    )


def short_names(connections: Sequence[Connection]) -> dict[str, str]:
    """Return for each file that governs: its last part, or all of it where that is ambiguous."""
    files = {
        connection.rule_match.rule.location.file_name
        for connection in connections
        if isinstance(connection.rule_match, Governs)
    }
    last = [PurePosixPath(file).name or file for file in files]
    number = Counter(last)
    return {
        file: name if number[name] == 1 else file for file, name in zip(files, last, strict=True)
    }


def rule_place(connection: Connection, names: Mapping[str, str] = NO_SHORT_NAMES) -> str:
    """Return ``file:line`` of the governing rule, or why there is none to name.

    Args:
        connection: whose rule.
        names: shorter names of files; a file that is not in it is named in full.
    """
    match connection.rule_match:
        case Governs(rule):
            file = rule.location.file_name
            return f"{names.get(file, file)}:{rule.location.line_number}"
        case NoRule():
            return "none matches"
        case Undecided() as match:
            lines = ", ".join(str(rule.location.line_number) for rule in match.candidates)
            return f"undecided: {lines}" if lines else "not known"


def governing_rule_text(connection: Connection) -> str:
    """Return the rule as it may be written; empty unless exactly one governs."""
    match = connection.rule_match
    return rule_text(match.rule) if isinstance(match, Governs) else ""


def findings_after_rule(connection: Connection) -> tuple[Finding, ...]:
    """Return the findings without the governing rule, which is printed on a line of its own."""
    return tuple(f for f in connection.findings if not isinstance(f, RuleGoverns))


def certificate_end(connection: Connection) -> str:
    """Return the day from which a reconnect fails by dates, else on which the certificate ends.

    The day in UTC, and what ends where that is not the client's own certificate; empty where
    neither is known.
    """
    if connection.breaks_at is not None:
        day = f"{connection.breaks_at.astimezone(UTC):%Y-%m-%d}"
        cause = connection.breaks_cause
        own = cause is ForecastCause.EXPIRED
        return day if own else f"{day} ({cause.value})"
    if isinstance(connection.in_use, Matched):
        return f"{connection.in_use.certificate.not_after.astimezone(UTC):%Y-%m-%d}"
    return ""


def failed_readers(report: TargetReport) -> tuple[tuple[Reader, Unread], ...]:
    """Return what the poll tried to read and could not, in the order of the list."""
    return tuple(
        (reader, unread) for reader in Reader if (unread := report.readers.get(reader)) is not None
    )


def what_to_grant(
    reader: Reader, unread: Unread, report: TargetReport, own: OwnCommand = DEFAULT_COMMAND
) -> tuple[str, ...]:
    """Return the exact statements or command that let the exporter read this.

    Empty when a grant is not what is missing. (manual, "Predefined Roles"; the views
    pg_hba_file_rules and pg_ident_file_mappings need a grant on view and function.)
    """
    role = identifier(report.target.parameters.get("user", "") or "ROLE")
    match (reader, unread.reason):
        case (Reader.WAL_SENDERS, FailureReason.PERMISSION):
            return (f"GRANT pg_read_all_stats TO {role};",)
        case (Reader.HBA_RULES, FailureReason.PERMISSION):
            return _view_grants("pg_hba_file_rules", role)
        case (Reader.IDENT_MAPPINGS, FailureReason.PERMISSION):
            return _view_grants("pg_ident_file_mappings", role)
        case (_, FailureReason.PERMISSION | FailureReason.NOT_INSTALLED):
            return (own.install(report.target),)
        case _:
            return ()


def _view_grants(view: str, role: str) -> tuple[str, ...]:
    return (
        f"GRANT SELECT ON pg_catalog.{view} TO {role};",
        f"GRANT EXECUTE ON FUNCTION pg_catalog.{view}() TO {role};",
    )
