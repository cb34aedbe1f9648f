"""Readers made up for tests of what drives them: each has one row with one value."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import Context, Reading, Row, Statement

NOW = datetime(2026, 1, 2, tzinfo=UTC)
AT_LOGIN = Context(180000, 1)
REFUSED = Unread(FailureReason.PERMISSION, "refused")
CUT = Unread(FailureReason.TIMEOUT, "cut off")
NOT_SENT = Unread(FailureReason.INTERNAL, "not sent")
ROWS: list[Row] = [(b"x",)]

Interpreted = list[tuple[str, Context]]


def reading(reader: Reader, interpreted: Interpreted | None = None, **changes: Any) -> Reading[str]:
    """Return a statement whose rows mean the first value of the first row."""

    def interpret(rows: list[Row], context: Context) -> Read[str]:
        ((value,),) = rows
        if interpreted is not None:
            interpreted.append((name, context))
        return (value or b"").decode()

    name = changes.get("name", reader.value)
    sql = f"SELECT {name}"
    return Reading(reader, lambda _version: Statement(sql), interpret, **changes)


def spec(
    first: Reading[str],
    second: Callable[[Results], Iterable[Reading[str]]] = lambda _results: (),
    *,
    field: str = "",
    needs: frozenset[Reader] = frozenset(),
) -> ReaderSpec:
    fields = {field: lambda results: results.take(first)} if field else {}
    return ReaderSpec(
        first.reader, fields, first=lambda _context: first, second=second, needs=needs
    )


def extend(context: Context, value: str) -> Context:
    return replace(context, hba_file=value)


def answered(collection: Collection, statements: dict[str, Statement]) -> list[str]:
    """Answer every statement with ROWS; return the names in the order of sending."""
    for name in statements:
        collection.add(name, ROWS)
    return list(statements)


SERVER = reading(Reader.SERVER, extend=extend)
ALTERNATIVE = replace(SERVER, statement=lambda _version: Statement("SELECT less"))


def alternative(results: Results) -> Reading[str] | None:
    return ALTERNATIVE if isinstance(results.rows(SERVER), Unread) else None


ESSENTIAL = ReaderSpec(
    Reader.SERVER,
    {"server": lambda results: results.take(SERVER)},
    first=lambda _context: SERVER,
    is_essential=True,
    restart=alternative,
)
SENDERS = reading(Reader.WAL_SENDERS)
