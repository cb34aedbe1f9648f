"""Drives the readers of one poll: sends statements, collects rows, builds the observation.

Rows are interpreted in the thread that receives them, most of them while the server is busy with
the next statement. Large rows, which a hostile server may send, then delay no other target.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from exporter.model.failure import Read, Reader, Unread
from exporter.model.observation import Observation
from exporter.observe.postgres.readers.all_readers import READERS
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import Context, Reading, Row, Statement


class Collection:
    """Collects the results of one poll and decides which statements to send next.

    Args:
        context: what is known after the login.
        readers: in the order in which their statements are sent.
    """

    def __init__(self, context: Context, readers: Sequence[ReaderSpec] = READERS) -> None:
        self._readers = readers
        self._needs: Mapping[Reader, frozenset[Reader]] = {r.reader: r.needs for r in readers}
        self._essential = frozenset(each.reader for each in readers if each.is_essential)
        self._results = Results(context)
        self._sent: dict[str, Reading[Any]] = {}

    def so_far(self) -> "Collection":
        """Return a copy, while a thread may still be at work on the original."""
        copy = Collection(self._results.context, self._readers)
        copy._results = self._results.copy()
        copy._sent = dict(self._sent)
        return copy

    def first_statements(self) -> dict[str, Statement]:
        """Return the statements of the first round trip, by name."""
        readings = (each.first(self._results.context) for each in self._readers)
        return self._send(each for each in readings if each is not None)

    def further_statements(self) -> dict[str, Statement]:
        """Return the statements that are needed because of the results, each once; mostly none."""
        if not self._extend_context():
            return self._restarted()
        pending = self._pending()
        wanted = [
            reading
            for each in self._readers
            if pending.isdisjoint(each.needs)
            for reading in each.second(self._results)
            if reading.name not in self._sent
        ]
        return self._send(sorted(wanted, key=lambda reading: not reading.reads_files))

    def add(self, name: str, rows: Read[list[Row]]) -> None:
        """Add the rows of a statement, and interpret what can be interpreted now."""
        self._results.add(name, rows)
        if not self._extend_context():
            return
        pending = self._pending()
        for reading in self._sent.values():
            if self._results.has(reading) and pending.isdisjoint(self._needs[reading.reader]):
                self._results.take(reading)

    def finish(self) -> None:
        """Interpret the large rows, once everything has arrived."""
        for reading in self._sent.values():
            if reading.is_large and self._results.arrived(reading):
                self._results.take_large(reading)

    def observation(
        self, target: str, missing: Unread, *, at: datetime, duration_seconds: float
    ) -> Observation | Unread:
        """Return what was read; ``missing`` is the reason for everything that did not arrive."""
        self._results.missing = missing
        self._extend_context()
        fields: dict[str, Any] = {}
        for each in self._readers:
            for name, value_of in each.fields.items():
                value = value_of(self._results)
                if each.is_essential and isinstance(value, Unread):
                    return value
                fields[name] = value
        return Observation(target=target, at=at, duration_seconds=duration_seconds, **fields)

    def _restarted(self) -> dict[str, Statement]:
        """Return the first round once more, with what essential readers ask instead; or nothing."""
        instead = [
            reading
            for each in self._readers
            if each.is_essential and (reading := each.restart(self._results)) is not None
        ]
        if not any(self._sent[reading.name] != reading for reading in instead):
            return {}
        by_name = {reading.name: reading for reading in instead}
        readings = (each.first(self._results.context) for each in self._readers)
        return self._send(by_name.get(each.name, each) for each in readings if each is not None)

    def _send(self, readings: Iterable[Reading[Any]]) -> dict[str, Statement]:
        by_name = {reading.name: reading for reading in readings}
        self._sent |= by_name
        version = self._results.context.version
        return {name: reading.statement(version) for name, reading in by_name.items()}

    def _extend_context(self) -> bool:
        """Extend the context by what has arrived; return False if an essential reader is not read.

        The order is that of the statements: what an essential reader adds, comes first.
        """
        for reading in self._sent.values():
            is_essential = reading.reader in self._essential
            if reading.extend is not None or is_essential:
                value = self._results.extend_context(reading)
                if is_essential and isinstance(value, Unread):
                    return False
        return True

    def _pending(self) -> frozenset[Reader]:
        """Return the readers of which a statement was sent and is not answered yet."""
        return frozenset(
            reading.reader for reading in self._sent.values() if not self._results.arrived(reading)
        )
