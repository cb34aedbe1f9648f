"""The metric catalogue: the explicit list of everything that /metrics tells."""

from exporter.publish.catalog_connection import CONNECTION_FAMILIES
from exporter.publish.catalog_exporter import EXPORTER_FAMILIES, ExporterReading
from exporter.publish.catalog_target import POLL_FAMILIES, SERVER_FAMILIES, TARGET_FAMILIES
from exporter.publish.family import Counter, Gauge
from exporter.publish.reading import Reading

PER_TARGET: tuple[Gauge[Reading] | Counter[Reading], ...] = (
    *POLL_FAMILIES,
    *TARGET_FAMILIES,
    *SERVER_FAMILIES,
    *CONNECTION_FAMILIES,
)
"""Families that carry the label ``target``; absent until the target's first poll has ended."""

CATALOG: tuple[
    Gauge[Reading] | Counter[Reading] | Gauge[ExporterReading] | Counter[ExporterReading], ...
] = (*EXPORTER_FAMILIES, *PER_TARGET)
"""All families, in the order in which they are published and documented."""
