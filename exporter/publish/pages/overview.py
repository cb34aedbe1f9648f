"""The overview as values: sums, what needs attention, and one line for each target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from exporter.model.judgement import HbaState, Verdict
from exporter.model.record import TargetRecord
from exporter.model.report import Connection
from exporter.publish.pages.dates import day, left, urgency
from exporter.publish.pages.query import ANY, UNREADABLE, Query
from exporter.publish.reading import WORST_FIRST
from exporter.publish.summary import (
    Totals,
    peer_text,
    rule_place,
    seen_connections,
    server_facts,
    short_names,
    totals,
)

TARGETS_PER_PAGE = 200
MAX_ATTENTION = 50
"""Connections shown above the targets; the pages of the targets have them all."""

_ATTENTION = (Verdict.INSECURE, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class End:
    """The first timestamp from which something fails because of a date.

    Attributes:
        what: a few words.
        urgency: class of style.
    """

    day: str
    left: str
    what: str
    urgency: str


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """One connection that is insecure or unknown."""

    target: str
    url: str
    connection: Connection
    application_name: str
    peer: str
    rule: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target.

    Attributes:
        state: ``up``, ``not polled yet``, or the reason of the failure.
        counts: connections by verdict, worst first; None when they could not be read.
    """

    name: str
    url: str
    state: str
    state_class: str
    facts: str
    counts: tuple[tuple[Verdict, int], ...] | None
    end: End | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows.

    Attributes:
        totals: of all targets, whatever is asked for.
        first_end: of all connections.
        attention_left: connections that need attention and are not shown.
        found: targets that match the query.
    """

    totals: Totals
    first_end: End | None
    attention: tuple[AttentionRow, ...]
    attention_left: int
    rows: tuple[TargetRow, ...]
    found: int
    pages: int
    query: Query


def target_url(name: str) -> str:
    """Return the path of a target's page."""
    return f"/targets/{quote(name, safe='')}"


def overview(records: Sequence[TargetRecord], query: Query, now: datetime) -> Overview:
    """Return what the overview shows of ``records``."""
    matching = [record for record in records if _matches(record, query)]
    matching.sort(key=_worst_first)
    pages = max(1, -(-len(matching) // TARGETS_PER_PAGE))
    start = (min(query.page, pages) - 1) * TARGETS_PER_PAGE
    attention = [row for record in matching for row in _attention(record, query)]
    attention.sort(key=lambda row: WORST_FIRST.index(row.connection.verdict))
    ends = [end for record in records if (end := _first_end(record)) is not None]
    return Overview(
        totals=totals(records),
        first_end=_end(*min(ends, key=lambda e: e[0]), now) if ends else None,
        attention=tuple(attention[:MAX_ATTENTION]),
        attention_left=max(0, len(attention) - MAX_ATTENTION),
        rows=tuple(_row(r, now) for r in matching[start : start + TARGETS_PER_PAGE]),
        found=len(matching),
        pages=pages,
        query=query,
    )


def _connection_text(connection: Connection) -> str:
    sender = connection.wal_sender
    return " ".join(
        (
            sender.application_name,
            sender.role,
            peer_text(sender.peer),
            sender.kind.value,
            connection.posture.value,
            *(reason.value for reason in connection.reasons),
        )
    ).casefold()


def _target_text(record: TargetRecord) -> str:
    target = record.target
    return " ".join((target.name, target.cluster_name, *target.labels.values())).casefold()


def _connection_matches(record: TargetRecord, connection: Connection, query: Query) -> bool:
    return query.verdict in (ANY, connection.verdict.value) and query.matches(
        f"{_target_text(record)} {_connection_text(connection)}"
    )


def _matches(record: TargetRecord, query: Query) -> bool:
    connections = seen_connections(record)
    if query.verdict == UNREADABLE:
        return connections is None and query.matches(_target_text(record))
    if query.verdict == ANY and query.matches(_target_text(record)):
        return True
    return any(_connection_matches(record, c, query) for c in connections or ())


def _badness(record: TargetRecord) -> tuple[bool, int, int]:
    connections = seen_connections(record)
    verdicts = [c.verdict for c in connections or ()]
    return (
        record.report is not None and connections is None,
        verdicts.count(Verdict.INSECURE),
        verdicts.count(Verdict.UNKNOWN),
    )


def _worst_first(record: TargetRecord) -> tuple[bool, int, int]:
    unreadable, insecure, unknown = _badness(record)
    return (not unreadable, -insecure, -unknown)


def _attention(record: TargetRecord, query: Query) -> list[AttentionRow]:
    connections = [
        c
        for c in seen_connections(record) or ()
        if c.verdict in _ATTENTION and _connection_matches(record, c, query)
    ]
    names = short_names(connections)
    return [
        AttentionRow(
            target=record.target.name,
            url=target_url(record.target.name),
            connection=c,
            application_name=c.wal_sender.application_name or "(none)",
            peer=peer_text(c.wal_sender.peer),
            rule=rule_place(c, names),
        )
        for c in connections
    ]


def _row(record: TargetRecord, now: datetime) -> TargetRow:
    report, connections = record.report, seen_connections(record)
    if report is None:
        state, state_class = "not polled yet", "unknown"
    elif report.failure is not None:
        state, state_class = f"not readable ({report.failure.reason.value})", "insecure"
    elif report.rules is not None and report.rules.state is HbaState.REJECTED:
        state, state_class = "up, rules rejected", "insecure"
    else:
        state, state_class = "up", ""
    ends = _first_end(record)
    return TargetRow(
        name=record.target.name,
        url=target_url(record.target.name),
        state=state,
        state_class=state_class,
        facts=", ".join(server_facts(report)) if report is not None else "",
        counts=None
        if connections is None
        else tuple((v, sum(c.verdict is v for c in connections)) for v in WORST_FIRST),
        end=None if ends is None else _end(*ends, now),
    )


def _first_end(record: TargetRecord) -> tuple[datetime, str] | None:
    """Return when the first reconnect of a target's connections breaks, and whose."""
    ends = [
        (c.breaks_at, f"{c.wal_sender.application_name} ({c.breaks_cause.value})")
        for c in seen_connections(record) or ()
        if c.breaks_at is not None
    ]
    return min(ends, default=None)


def _end(at: datetime, what: str, now: datetime) -> End:
    return End(day(at), left(at, now), what, urgency(at, now))
