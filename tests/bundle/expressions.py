"""What PromQL expressions ask for, compared with the metric catalogue."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, VectorMatchCardinality, VectorSelector

from exporter.model.certificate import CertificateSource, CertificateUsage
from exporter.model.failure import FailureReason, Reader
from exporter.model.judgement import Forecast, HbaState, Posture, Reason, Verdict
from exporter.model.policy import Requirement
from exporter.model.wal_sender import ReplicationKind
from exporter.publish.metrics.catalog import CATALOG, PER_TARGET

SCRAPE_LABELS = frozenset({"job", "instance"})
"""What Prometheus adds to every series."""

CLOSED_LISTS: dict[str, type[StrEnum]] = {
    "posture": Posture,
    "verdict": Verdict,
    "state": HbaState,
    "reader": Reader,
    "kind": ReplicationKind,
    "forecast": Forecast,
    "require": Requirement,
    "usage": CertificateUsage,
    "source": CertificateSource,
}
REASONS: dict[str, type[StrEnum]] = {
    "pgrepl_connection_reason": Reason,
    "pgrepl_target_failure": FailureReason,
    "pgrepl_poll_failures_total": FailureReason,
    "pgrepl_reader_failure": FailureReason,
}
_WITHOUT_LABELS = frozenset({"absent", "scalar", "time", "vector"})
_OF_ALERTS = frozenset({"alertname", "alertstate", "severity"})


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


def selectors(text: str) -> list[VectorSelector]:
    """Return every selector of an expression.

    Raises:
        ValueError: it is no PromQL.
    """
    return [node for node in _nodes(text) if isinstance(node, VectorSelector)]


def kept_labels(
    expression: promql_parser.Expr | str, known: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the labels that the result of an expression can have.

    Args:
        expression: text, or part of one that is parsed.
        known: labels by name of family or recording.
    """
    parsed = promql_parser.parse(expression) if isinstance(expression, str) else expression
    kept: frozenset[str] = frozenset()
    match parsed:
        case VectorSelector():
            # a recording that holds its own last value adds nothing to what it keeps
            kept = known.get(str(parsed.name), kept)
        case promql_parser.MatrixSelector():
            kept = kept_labels(parsed.vector_selector, known)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            kept = kept_labels(parsed.expr, known)
        case promql_parser.Call() if parsed.func.name not in _WITHOUT_LABELS:
            kept = kept.union(*(kept_labels(a, known) for a in parsed.args))
        case AggregateExpr() if parsed.modifier is not None:
            # the rules group by labels that stay; there is no "without" among them
            kept = frozenset(parsed.modifier.labels)
        case BinaryExpr():
            kept = _kept_by_operator(parsed, known)
        case _:
            pass  # numbers and strings have none
    return kept


def _kept_by_operator(
    expression: BinaryExpr, known: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    left, right = kept_labels(expression.lhs, known), kept_labels(expression.rhs, known)
    operator, modifier = str(expression.op), expression.modifier
    if operator == "or":
        return left | right
    if operator in {"and", "unless"} or modifier is None or modifier.matching is None:
        return left or right
    if modifier.card == VectorMatchCardinality.ManyToOne:
        return left | set(modifier.group_labels or ())
    return frozenset(modifier.matching.labels)


def faults(text: str, recorded: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """Return what an expression asks for that no series has.

    Args:
        text: of the expression.
        recorded: labels of the recordings that it may use, by name.

    Raises:
        ValueError: it is no PromQL.
    """
    recordings = dict(recorded or {})
    families = labels_of_families() | recordings
    families["ALERTS"] = _OF_ALERTS.union(*recordings.values())
    nodes = _nodes(text)
    asked = [n for n in nodes if isinstance(n, VectorSelector)]
    problems = [f"no family {s.name}" for s in asked if s.name not in families]
    known = [s for s in asked if s.name in families]
    for selector in known:
        name = str(selector.name)
        for matcher in selector.matchers.matchers:
            if matcher.name not in families[name]:
                problems.append(f"{name} has no label {matcher.name}")
            problems.extend(_unlisted(name, matcher.name, matcher.value))
    usable = frozenset[str]().union(*(families[str(s.name)] for s in known))
    problems.extend(
        f"no family here has the label {w}" for w in _grouping(nodes) if w not in usable
    )
    return problems


def _grouping(nodes: Iterable[promql_parser.Expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, AggregateExpr) and node.modifier is not None:
            yield from node.modifier.labels
        if isinstance(node, BinaryExpr) and node.modifier is not None:
            if node.modifier.matching is not None:
                yield from node.modifier.matching.labels
            yield from node.modifier.group_labels or ()


def _unlisted(family: str, label: str, value: str) -> list[str]:
    """Return what is wrong with the value of a label that has a closed list."""
    if label == "source" and family == "pgrepl_inventory_errors":
        return []
    values = REASONS.get(family) if label == "reason" else CLOSED_LISTS.get(label)
    if values is None or value.startswith("$"):
        return []
    listed = {member.value for member in values}
    return [
        f'{family}: {label} is never "{word}"'
        for word in re.split(r"\|", value)
        if not any(re.fullmatch(word, one) for one in listed)
    ]
