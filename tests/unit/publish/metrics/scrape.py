"""Reading back what /metrics says, with prometheus_client's own parsers."""

from collections.abc import Sequence
from typing import TypeAlias

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.model.record import TargetRecord
from exporter.publish.metrics.catalog_exporter import ExporterState
from exporter.publish.metrics.exposition import Exposition, Format
from tests.unit.reports import NOW

STATE = ExporterState(version="1.2.3", config_reload_successful=True, config_reloaded_at=NOW)

Series: TypeAlias = tuple[str, frozenset[tuple[str, str]]]


def parsed(page: bytes, form: Format = Format.TEXT) -> list[Metric]:
    """Return the families of a page."""
    text = page.decode("utf-8")
    # neither parser is annotated
    if form is Format.OPENMETRICS:
        return list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    return list(parse_text(text))


def series_of(page: bytes, form: Format = Format.TEXT) -> dict[Series, float]:
    """Return the values of a page by name and labels, ours only; a repeated series fails."""
    values: dict[Series, float] = {}
    for family in parsed(page, form):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in values, f"repeated: {key}"
            if sample.name.startswith("pgrepl_"):
                values[key] = sample.value
    return values


def scraped(*records: TargetRecord) -> dict[Series, float]:
    """Return what a scrape of ``records`` exposes."""
    return series_of(Exposition().page(records, STATE))


def values(series: dict[Series, float], name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return the values of one family by the values of ``labels``."""
    return {
        tuple(dict(own)[label] for label in labels): value
        for (own_name, own), value in series.items()
        if own_name == name
    }


def names(series: dict[Series, float]) -> set[str]:
    """Return the names that are there."""
    return {name for name, _ in series}


def page_of(records: Sequence[TargetRecord], form: Format = Format.TEXT) -> bytes:
    """Return a page rendered from nothing."""
    return Exposition().page(records, STATE, form)
