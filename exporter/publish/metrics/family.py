"""The strict layer between what was judged and prometheus_client's data model.

prometheus_client does not check the number of label values (it zips and drops), nor that a series
is exposed once, nor that a value is a number. Prometheus rejects a whole scrape for a repeated
series.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Generic, TypeAlias, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from exporter.publish.label_value import label_value

SubjectT = TypeVar("SubjectT")

Row: TypeAlias = tuple[tuple[str, ...], float]
"""Label values in the order of the family's labels, and the value."""

PREFIX = "pgrepl_"

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class FamilyError(ValueError):
    """A family was about to publish something that is not a set of well-formed series."""


# the same few tuples come again for every target; the bound is for configured labels
@lru_cache(maxsize=1024)
def _fault_of_names(names: tuple[str, ...]) -> str:
    """Return what is wrong with these label names; empty if nothing is."""
    if len(set(names)) != len(names):
        return "a label name is repeated"
    for name in names:
        if not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            return f"{name!r} is not a label name"
    return ""


def _no_more_labels(_subject: object) -> tuple[str, ...]:
    """Return no label: the family has the labels it declares."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family(ABC, Generic[SubjectT]):
    """One metric family: its name, what it means, and how it is read off its subject.

    Attributes:
        name: without the prefix ``pgrepl_``.
        meaning: one sentence or two, with the unit.
        source: where PostgreSQL shows it; empty for what the exporter itself knows.
        labels: beyond ``target``.
        read: all rows, most important first.
        more_labels: names of labels that depend on the subject, after ``labels``.
        cap: the most rows to publish of one subject; None for no limit.
    """

    name: str
    meaning: str
    source: str = ""
    labels: tuple[str, ...] = ()
    read: Callable[[SubjectT], Iterable[Row]]
    more_labels: Callable[[SubjectT], tuple[str, ...]] = _no_more_labels
    cap: int | None = None

    kind: ClassVar[str]

    @property
    def full_name(self) -> str:
        """The name as it is scraped."""
        return PREFIX + self.name

    def family(
        self, subject: SubjectT, common: Mapping[str, str]
    ) -> GaugeMetricFamily | CounterMetricFamily:
        """Return the series of ``subject``.

        Args:
            subject: what the rows are read off.
            common: labels that all rows share, put first.

        Raises:
            FamilyError: for a wrong number of labels, an ill-formed or repeated label name, a
                repeated series, or a value that is not a number.
        """
        names = (*common, *self.labels, *self.more_labels(subject))
        fault = _fault_of_names(names)
        if fault:
            raise FamilyError(f"{self.full_name}: {fault}")
        family = self.empty(names)
        lead = tuple(label_value(value) for value in common.values())
        seen: set[tuple[str, ...]] = set()
        for number, (values, value) in enumerate(self.read(subject)):
            if self.cap is not None and number >= self.cap:
                break
            key = (*lead, *(self._checked_label(label) for label in values))
            if len(key) != len(names):
                raise FamilyError(f"{self.full_name}: {len(key)} label values for {len(names)}")
            if key in seen:
                raise FamilyError(f"{self.full_name}: a series is repeated")
            seen.add(key)
            family.add_metric(key, self._checked_value(value))
        return family

    def dropped(self, subject: SubjectT) -> int:
        """Return how many series of ``subject`` the cap leaves out."""
        if self.cap is None:
            return 0
        return max(0, sum(1 for _ in self.read(subject)) - self.cap)

    @abstractmethod
    def empty(self, names: tuple[str, ...] = ()) -> GaugeMetricFamily | CounterMetricFamily:
        """Return the family without a series."""

    def _checked_label(self, value: object) -> str:
        # callers are typed, but an enum or None that slips through would be published as its repr
        if not isinstance(value, str):
            raise FamilyError(f"{self.full_name}: a label value is {type(value).__name__}, no text")
        return label_value(str(value))

    def _checked_value(self, value: object) -> float:
        if not isinstance(value, int | float) or math.isnan(value):
            raise FamilyError(f"{self.full_name}: a value is {type(value).__name__}, no number")
        return float(value)


class Gauge(Family[SubjectT]):
    """A value that goes up and down."""

    __slots__ = ()
    kind = "gauge"

    def empty(self, names: tuple[str, ...] = ()) -> GaugeMetricFamily:
        """Return the family without a series."""
        return GaugeMetricFamily(self.full_name, self.meaning, labels=names)


class Counter(Family[SubjectT]):
    """A value that only grows while the exporter runs; its name ends in ``_total``."""

    __slots__ = ()
    kind = "counter"

    def empty(self, names: tuple[str, ...] = ()) -> CounterMetricFamily:
        """Return the family without a series.

        Raises:
            FamilyError: for a name that does not end in ``_total``.
        """
        if not self.name.endswith("_total"):
            raise FamilyError(f"{self.full_name}: the name of a counter ends in _total")
        return CounterMetricFamily(self.full_name, self.meaning, labels=names)

    def _checked_value(self, value: object) -> float:
        checked = super()._checked_value(value)
        if checked < 0:
            raise FamilyError(f"{self.full_name}: a counter below zero")
        return checked
