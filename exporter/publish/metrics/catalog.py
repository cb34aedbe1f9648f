"""The metric catalogue: the explicit list of every family that /metrics exposes."""

from exporter.publish.metrics.catalog_certificate import (
    CERTIFICATE_FAMILIES,
    INVENTORY_FAMILIES,
    InventoryReading,
)
from exporter.publish.metrics.catalog_connection import CONNECTION_FAMILIES
from exporter.publish.metrics.catalog_exporter import EXPORTER_FAMILIES, ExporterReading
from exporter.publish.metrics.catalog_target import POLL_FAMILIES, SERVER_FAMILIES, TARGET_FAMILIES
from exporter.publish.metrics.family import Counter, Gauge
from exporter.publish.reading import Reading

PER_TARGET: tuple[Gauge[Reading] | Counter[Reading], ...] = (
    *POLL_FAMILIES,
    *TARGET_FAMILIES,
    *SERVER_FAMILIES,
    *CONNECTION_FAMILIES,
    *CERTIFICATE_FAMILIES,
)
"""Families that carry the label ``target``; absent until the target's first poll has ended."""

_NAMES_PER_TARGET = frozenset(family.name for family in PER_TARGET)

INVENTORY_ONLY: tuple[Gauge[InventoryReading], ...] = tuple(
    family for family in INVENTORY_FAMILIES if family.name not in _NAMES_PER_TARGET
)
"""Families of the inventory that no target has."""

CATALOG: tuple[
    Gauge[Reading]
    | Counter[Reading]
    | Gauge[ExporterReading]
    | Counter[ExporterReading]
    | Gauge[InventoryReading],
    ...,
] = (*EXPORTER_FAMILIES, *PER_TARGET, *INVENTORY_ONLY)
"""All families, each once, in the order in which they are published and documented."""
