"""What a reader declares, and the results that its functions get.

A reader is everything that is read under one label value of ``Reader``: its statements, and the
fields of ``Observation`` that are computed from them. collect.py drives the readers without knowing
any single one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from exporter.model.failure import NotAsked, Read, Reader, Unread
from exporter.observe.postgres.session.statement import Context, Reading, Row

T = TypeVar("T")

_NOT_YET = NotAsked()


class Results:
    """Rows of one poll's statements, as far as they have arrived, and what they mean.

    Rows are interpreted once for as long as neither they nor the context change.

    Attributes:
        context: what is known of the session.
        missing: the reason given for rows that have not arrived.
    """

    def __init__(self, context: Context) -> None:
        self.context = self._context_at_login = context
        self.missing: Unread = _NOT_YET
        self._rows: dict[str, Read[list[Row]]] = {}
        self._interpreted: dict[str, tuple[object, Context, object]] = {}
        self._large: dict[str, object] = {}
        self._extended_by: dict[str, object] = {}
        self._computed: dict[Callable[..., object], tuple[tuple[object, ...], object]] = {}

    def copy(self) -> "Results":
        """Return a copy to be interpreted anew, while a thread may still change the original.

        Large rows that the thread has not interpreted count as missing.
        """
        copy = Results(self._context_at_login)
        copy._rows = dict(self._rows)
        copy._large = dict(self._large)
        return copy

    def add(self, name: str, rows: Read[list[Row]]) -> None:
        """Add the rows of a statement, or the reason why it failed."""
        self._rows[name] = rows

    def arrived(self, reading: Reading[object]) -> bool:
        """Return whether the server has answered the statement."""
        return reading.name in self._rows

    def has(self, reading: Reading[object]) -> bool:
        """Return whether take() returns what the server answered, and not ``missing``."""
        return reading.name in (self._large if reading.is_large else self._rows)

    def rows(self, reading: Reading[object]) -> Read[list[Row]]:
        """Return the rows as they arrived."""
        return self._rows.get(reading.name, self.missing)

    def take(self, reading: Reading[T]) -> Read[T]:
        """Return the interpreted rows, or why there are none."""
        name = reading.name
        if reading.is_large:
            return cast("Read[T]", self._large.get(name, self.missing))
        rows = self._rows.get(name)
        if rows is None:
            return self.missing
        before = self._interpreted.get(name)
        if (
            before is None
            or before[0] is not rows
            or (before[1] is not self.context and reading.extend is None)
        ):
            before = (rows, self.context, reading.take(rows, self.context))
            self._interpreted[name] = before
        return cast("Read[T]", before[2])

    def take_large(self, reading: Reading[object]) -> None:
        """Interpret large rows, for take() to return them from now on."""
        self._large[reading.name] = reading.take(self.rows(reading), self.context)

    def extend_context(self, reading: Reading[T]) -> Read[T]:
        """Interpret rows, and extend the context by them unless that was done before."""
        value = self.take(reading)
        rows = self._rows.get(reading.name)
        is_new = self._extended_by.get(reading.name) is not rows
        if is_new and reading.extend is not None and not isinstance(value, Unread):
            self._extended_by[reading.name] = rows
            self.context = reading.extend(self.context, value)
        return value

    def compute(self, function: Callable[..., T], *arguments: object) -> T:
        """Return ``function(*arguments)``, computed once for as long as these are the same objects.

        For values that a reader needs to decide on its second round, and again for its fields.
        """
        before = self._computed.get(function)
        if before is None or any(
            old is not new for old, new in zip(before[0], arguments, strict=True)
        ):
            before = self._computed[function] = (arguments, function(*arguments))
        return cast("T", before[1])


def _nothing(_: object) -> tuple[()]:
    return ()


def _no_reading(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """One reader: its statements, the readers that it depends on, and the fields it computes.

    Attributes:
        reader: its label value.
        fields: the fields of ``Observation`` by name, each with the function that computes it from
            the results, whether or not everything has arrived. Its return type is the field's.
        first: returns the statement for the first round trip, None if there is none.
        needs: readers whose statements must all be answered, by rows or by a failure, before the
            rows of this one are interpreted and before ``second`` is called. An essential reader
            is needed by every other one, and must have succeeded.
        second: returns the statements to send in a second round trip, depending on the results.
            One that was sent before is not sent again.
        is_essential: without it, nothing is known of the server: no other reader sends a further
            statement, and the poll fails with its reason.
        restart: returns the statement that an essential reader sends instead after it failed,
            once; None for none.
            The whole first round is sent again with it, because its rows are only consistent with
            those of the others if no reload of the server's configuration lies between them.
    """

    reader: Reader
    fields: Mapping[str, Callable[[Results], object]]
    first: Callable[[Context], Reading[Any] | None] = _no_reading
    needs: frozenset[Reader] = field(default=frozenset())
    second: Callable[[Results], Iterable[Reading[Any]]] = _nothing
    is_essential: bool = False
    restart: Callable[[Results], Reading[Any] | None] = _no_reading
