"""A whole report that is given again while nothing that it rests on changes.

That is what nearly every poll of a fleet comes to; recall.py is for the others.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from exporter.assess.certificates.inventory_index import inventory_index
from exporter.assess.certificates.passed_dates import (
    list_boundaries,
    next_boundary,
    other_boundaries,
    validity_boundaries,
)
from exporter.assess.certificates.server_findings import EXPIRES_SOON, expiry_dates
from exporter.model.failure import Unread
from exporter.model.history import Remembered
from exporter.model.inventory import InventoryCertificate
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.policy import Policy
from exporter.model.report import TargetReport
from exporter.model.target import Target

_EARLIEST = datetime.min.replace(tzinfo=UTC) + EXPIRES_SOON


def remember(
    report: TargetReport, observation: Observation, knowledge: Knowledge, *, now: datetime
) -> Remembered:
    """Return ``report`` with all that it rests on.

    Args:
        report: on the target.
        observation: what the poll read.
        knowledge: of certificates.
        now: the time of the judgement.
    """
    until = next_boundary(
        now,
        inventory_index(_inventory(knowledge) or ()).boundaries,
        other_boundaries(observation, knowledge),
        sorted(_of_the_report_alone(observation, knowledge, report.target.policy)),
    )
    return Remembered(report, observation, knowledge, judged_at=now, until=until)


def again(
    last: Remembered | None,
    observation: Observation,
    target: Target,
    knowledge: Knowledge,
    *,
    now: datetime,
) -> TargetReport | None:
    """Return the last report with the times of this poll; None where it may be another one.

    Args:
        last: what was remembered.
        observation: what this poll read.
        target: as configured.
        knowledge: of certificates.
        now: the time to judge at.
    """
    if last is None or not last.judged_at <= now < last.until:
        return None
    before = last.observation
    # neither when nor how fast it was read
    compared = replace(observation, at=before.at, duration_seconds=before.duration_seconds)
    if (compared, target) != (before, last.report.target) or not _same(knowledge, last.knowledge):
        return None
    return replace(
        last.report, polled_at=observation.at, duration_seconds=observation.duration_seconds
    )


def _same(one: Knowledge, other: Knowledge) -> bool:
    # ten thousand certificates are not compared: the inventory hands out the same ones again
    return _inventory(one) is _inventory(other) and (
        replace(one, inventory=None) == replace(other, inventory=None)
    )


def _inventory(knowledge: Knowledge) -> tuple[InventoryCertificate, ...] | None:
    return None if knowledge.inventory is None else knowledge.inventory.certificates


def _of_the_report_alone(
    observation: Observation, knowledge: Knowledge, policy: Policy
) -> Iterable[datetime]:
    """Yield the times at which the report may change, and no connection's certificates do."""
    yield from (e.until for e in policy.exemptions if e.until is not None)
    served = knowledge.served
    if isinstance(served, Unread):
        served = None
    if served is not None and served.trust is not None and not isinstance(served.trust, Unread):
        yield from validity_boundaries(served.trust.authorities)
        yield from list_boundaries(served.trust.revocation_lists)
    for end in expiry_dates(observation.tls_files, served):
        yield max(end, _EARLIEST) - EXPIRES_SOON
