"""What PromQL expressions ask for, held against the metric catalogue."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

import promql_parser

from exporter.model.failure import FailureReason, Reader
from exporter.model.judgement import Forecast, HbaState, Posture, Reason, Verdict
from exporter.model.wal_sender import ReplicationKind
from exporter.publish.catalog import CATALOG, PER_TARGET

SCRAPE_LABELS = frozenset({"job", "instance"})
"""What Prometheus adds to every series."""

CLOSED_LISTS: dict[str, type[StrEnum]] = {
    "posture": Posture,
    "verdict": Verdict,
    "state": HbaState,
    "reader": Reader,
    "kind": ReplicationKind,
    "forecast": Forecast,
}
REASONS: dict[str, type[StrEnum]] = {
    "pgrepl_connection_reason": Reason,
    "pgrepl_target_failure": FailureReason,
    "pgrepl_poll_failures_total": FailureReason,
    "pgrepl_reader_failure": FailureReason,
}


def labels_of_families() -> dict[str, frozenset[str]]:
    """Return every label that a series of each published family carries when it is scraped."""
    own = {family.full_name: frozenset(family.labels) for family in CATALOG}
    for family in PER_TARGET:
        own[family.full_name] |= {"target"}
    return {name: labels | SCRAPE_LABELS for name, labels in own.items()}


def _nodes(text: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(text), found.append)
    return found


def faults(text: str) -> list[str]:
    """Return what an expression asks for that no series has.

    Raises:
        ValueError: it is no PromQL.
    """
    families = labels_of_families()
    nodes = _nodes(text)
    selectors = [n for n in nodes if isinstance(n, promql_parser.VectorSelector)]
    told = [f"no family {s.name}" for s in selectors if s.name not in families]
    known = [s for s in selectors if s.name in families]
    for selector in known:
        name = str(selector.name)
        for matcher in selector.matchers.matchers:
            if matcher.name not in families[name]:
                told.append(f"{name} has no label {matcher.name}")
            told.extend(_unlisted(name, matcher.name, matcher.value))
    usable = frozenset[str]().union(*(families[str(s.name)] for s in known))
    told.extend(f"no family here has the label {w}" for w in _grouping(nodes) if w not in usable)
    return told


def _grouping(nodes: Iterable[promql_parser.Expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            yield from node.modifier.labels
        if isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
            if node.modifier.matching is not None:
                yield from node.modifier.matching.labels
            yield from node.modifier.group_labels or ()


def _unlisted(family: str, label: str, value: str) -> list[str]:
    """Return what is wrong with the value of a label that has a closed list."""
    values = REASONS.get(family) if label == "reason" else CLOSED_LISTS.get(label)
    if values is None or value.startswith("$"):
        return []
    return [
        f'{family}: {label} is never "{word}"'
        for word in re.split(r"\|", value)
        if word not in {member.value for member in values}
    ]
