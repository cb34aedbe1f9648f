"""The frozen settings that the rest of the program sees."""

from dataclasses import dataclass
from pathlib import Path

from exporter.config.faults import Fault
from exporter.model.inventory import InventorySource
from exporter.model.target import Target


@dataclass(frozen=True, slots=True)
class Settings:
    """A faultless configuration.

    Attributes:
        targets: at least one, in reading order, no two of one name.
        sources: the configuration files that were read, the main file first.
        inventory: no two sources of one name.
        inventory_interval_seconds: from one check of the inventory's files to the next.
        warnings: settings that are usable but dangerous, in reading order.
    """

    targets: tuple[Target, ...]
    sources: tuple[Path, ...]
    inventory: tuple[InventorySource, ...] = ()
    inventory_interval_seconds: float = 60.0
    warnings: tuple[Fault, ...] = ()
