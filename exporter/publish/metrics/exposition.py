"""The text of /metrics: rendered once per change of a record, and always able to answer.

Rendering is plain Python and takes a third of a second for 50,000 samples, so it must not run on
the event loop: `Exposition.page` blocks and belongs in a worker thread, one call at a time.
"""

import logging
import threading
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporter.model.inventory import Inventory
from exporter.model.record import TargetRecord
from exporter.publish.metrics.catalog import CATALOG, INVENTORY_ONLY, PER_TARGET
from exporter.publish.metrics.catalog_certificate import INVENTORY_FAMILIES, InventoryReading
from exporter.publish.metrics.catalog_exporter import (
    EXPORTER_FAMILIES,
    ExporterReading,
    ExporterState,
)
from exporter.publish.metrics.family import Counter, Gauge, SubjectT
from exporter.publish.reading import Reading

_LOG = logging.getLogger(__name__)

_END = b"# EOF\n"

# level 1: 9 would cost three times the time for a sixth less
_GZIP_LEVEL = 1
_GZIP_CONTAINER = 31


class Format(Enum):
    """An exposition format; the value is its content type."""

    TEXT = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST

    def encode(self, metrics: Iterable[Metric]) -> bytes:
        """Return ``metrics`` in this format, without the closing line of OpenMetrics."""
        collector = _Fixed(metrics)
        match self:
            case Format.TEXT:
                return generate_latest(collector)
            case Format.OPENMETRICS:
                # not annotated in prometheus_client
                page: bytes = openmetrics.generate_latest(collector)  # type: ignore[no-untyped-call]
                return page.removesuffix(_END)

    @property
    def end(self) -> bytes:
        """The end of a page."""
        return _END if self is Format.OPENMETRICS else b""


def negotiate(accept: str) -> Format:
    """Return the format to answer an Accept header with: text unless OpenMetrics is accepted."""
    for offer in accept.split(","):
        media_type, _, parameters = offer.partition(";")
        if media_type.strip().lower() == "application/openmetrics-text" and _wanted(parameters):
            return Format.OPENMETRICS
    return Format.TEXT


def gzip_accepted(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header accepts gzip."""
    for offer in accept_encoding.split(","):
        coding, _, parameters = offer.partition(";")
        if coding.strip().lower() == "gzip":
            return _wanted(parameters)
    return False


def _wanted(parameters: str) -> bool:
    """Return whether an offer has another weight than zero (RFC 9110, section 12.4.2)."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value) > 0
            except ValueError:
                return False
    return True


class _Fixed(Collector):
    """Metrics that are already there, in the shape that the encoders take."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


@dataclass(slots=True)
class _Page:
    """What all targets make in one format, kept until a record changes."""

    records: tuple[TargetRecord, ...]
    inventory: Inventory | None
    body: bytes
    packed: bytes = b""
    # the state after `packed`, from which every answer continues in a copy: one gzip member
    packer: "zlib._Compress | None" = None


class Exposition:
    """Renders records and the exporter's own state; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors = dict.fromkeys((family.full_name for family in CATALOG), 0)
        self._targets: dict[tuple[Format, str], tuple[TargetRecord, tuple[bytes, ...]]] = {}
        self._pages: dict[Format, _Page] = {}
        self._headers: dict[tuple[Format, str], bytes] = {}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def page(
        self,
        records: Sequence[TargetRecord],
        state: ExporterState,
        form: Format = Format.TEXT,
        *,
        gzip: bool = False,
    ) -> bytes:
        """Return the whole page, compressed if ``gzip``. Blocks; never fails for one family."""
        with self._lock:
            page = self._page_of_targets(tuple(records), state.inventory, form)
            rest = self._exporter(len(records), state, form) + form.end
            if not gzip:
                return page.body + rest
            if page.packer is None:
                packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_CONTAINER)
                page.packed = packer.compress(page.body) + packer.flush(zlib.Z_SYNC_FLUSH)
                page.packer = packer
            goes_on = page.packer.copy()
            return page.packed + goes_on.compress(rest) + goes_on.flush()

    def _page_of_targets(
        self, records: tuple[TargetRecord, ...], inventory: Inventory | None, form: Format
    ) -> _Page:
        page = self._pages.get(form)
        if page is not None and page.inventory is inventory and _same(page.records, records):
            return page
        bodies = [self._target(record, form) for record in records]
        self._forget_others(form, records)
        of_inventory = self._inventory(inventory, records, form)
        parts: list[bytes] = []
        for number, family in enumerate(PER_TARGET):
            lines = [body[number] for body in bodies if body and body[number]]
            lines.append(of_inventory.get(family.full_name, b""))
            if any(lines):
                parts += [self._header(family, form), *lines]
        for only in INVENTORY_ONLY:
            if lines_of_one := of_inventory.get(only.full_name):
                parts += [self._header(only, form), lines_of_one]
        page = _Page(records, inventory, b"".join(parts))
        self._pages[form] = page
        return page

    def _forget_others(self, form: Format, records: tuple[TargetRecord, ...]) -> None:
        names = {record.target.name for record in records}
        for key in [k for k in self._targets if k[0] is form and k[1] not in names]:
            del self._targets[key]

    def _target(self, record: TargetRecord, form: Format) -> tuple[bytes, ...]:
        """Return the sample lines of ``record``, one entry per family of PER_TARGET."""
        if record.report is None:
            return ()
        name = record.target.name
        kept = self._targets.get((form, name))
        if kept is not None and kept[0] is record:
            return kept[1]
        reading = Reading(record, record.report)
        common = {"target": name}
        lines = tuple(self._lines(family, reading, common, form) for family in PER_TARGET)
        self._targets[form, name] = (record, lines)
        return lines

    def _inventory(
        self, inventory: Inventory | None, records: tuple[TargetRecord, ...], form: Format
    ) -> dict[str, bytes]:
        """Return the sample lines of the inventory by the full name of the family."""
        if inventory is None:
            return {}
        reading = InventoryReading(inventory, records)
        return {f.full_name: self._lines(f, reading, {}, form) for f in INVENTORY_FAMILIES}

    def _exporter(self, targets: int, state: ExporterState, form: Format) -> bytes:
        # the counts come last in the catalogue, so that a fault counted now is in them; a copy,
        # because a fault may be counted while they are read
        parts: list[bytes] = []
        for family in EXPORTER_FAMILIES:
            reading = ExporterReading(state, targets, dict(self._errors))
            lines = self._lines(family, reading, {}, form)
            if lines:
                parts += [self._header(family, form), lines]
        try:
            parts.append(form.encode(self._process.collect()))
        except Exception:  # noqa: BLE001  /proc may be missing or strange; our own metrics are not
            _LOG.warning("the metrics of the process itself could not be read", exc_info=True)
        return b"".join(parts)

    def _lines(
        self,
        family: Gauge[SubjectT] | Counter[SubjectT],
        subject: SubjectT,
        common: dict[str, str],
        form: Format,
    ) -> bytes:
        try:
            metric = family.family(subject, common)
            if not metric.samples:
                return b""
            return form.encode((metric,)).removeprefix(self._header(family, form))
        except Exception:  # noqa: BLE001  one family must not take the page down
            if self._errors[family.full_name] == 0:
                _LOG.exception(
                    "metric family %s is left out of /metrics (logged once)", family.full_name
                )
            self._errors[family.full_name] += 1
            return b""

    def _header(self, family: Gauge[SubjectT] | Counter[SubjectT], form: Format) -> bytes:
        key = (form, family.full_name)
        if key not in self._headers:
            self._headers[key] = form.encode((family.empty(),))
        return self._headers[key]


def _same(before: tuple[TargetRecord, ...], now: tuple[TargetRecord, ...]) -> bool:
    """Return whether these are the same objects; records are frozen, so they are not compared."""
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))
