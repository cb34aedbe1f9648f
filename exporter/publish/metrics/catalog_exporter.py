"""Metric families for the exporter itself; they have no label ``target``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from exporter.model.inventory import Inventory
from exporter.publish.metrics.family import Counter, Gauge, Row


@dataclass(frozen=True, slots=True)
class ExporterState:
    """The state of the exporter, as the composition knows it.

    Attributes:
        version: of this program.
        config_reload_successful: whether the last attempt to load the configuration succeeded.
        config_reloaded_at: when the configuration in use was loaded.
        inventory: None when none is configured, or it was not read yet.
    """

    version: str
    config_reload_successful: bool
    config_reloaded_at: datetime
    inventory: Inventory | None = None


@dataclass(frozen=True, slots=True)
class ExporterReading:
    """What the exporter's own families are read off.

    Attributes:
        targets: how many are configured.
        family_errors: by the full name of the family, zeros included.
    """

    state: ExporterState
    targets: int
    family_errors: Mapping[str, int]


def _family_errors(reading: ExporterReading) -> Iterable[Row]:
    return (((name,), count) for name, count in reading.family_errors.items())


EXPORTER_FAMILIES: tuple[Gauge[ExporterReading] | Counter[ExporterReading], ...] = (
    Gauge(
        name="targets",
        meaning="Configured targets.",
        read=lambda r: (((), r.targets),),
    ),
    Gauge(
        name="exporter_build_info",
        meaning="Always 1; the version of the exporter.",
        labels=("version",),
        read=lambda r: (((r.state.version,), 1),),
    ),
    Gauge(
        name="exporter_config_last_reload_successful",
        meaning="1 if the last attempt to load the configuration succeeded, else 0 (the one "
        "before stays in use).",
        read=lambda r: (((), r.state.config_reload_successful),),
    ),
    Gauge(
        name="exporter_config_last_reload_success_timestamp_seconds",
        meaning="When the configuration in use was loaded, in unix time.",
        read=lambda r: (((), r.state.config_reloaded_at.timestamp()),),
    ),
    Counter(
        name="exporter_family_errors_total",
        meaning="Times a metric family of one target was left out because of a fault in the "
        "exporter; its log has the details.",
        labels=("family",),
        read=_family_errors,
    ),
)
