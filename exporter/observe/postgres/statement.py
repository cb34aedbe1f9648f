"""One SQL statement of a poll, the raw rows it returned, and how rows become model values.

Everything is asked for as text: the server's text forms are documented and stable, and a few dozen
rows make their cost small. The session's client_encoding is SQL_ASCII, so that the server converts
nothing and can fail at nothing; bytes become text here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Generic, TypeVar

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.hba import FileTimes
from exporter.model.kept import Kept

MAXIMUM_ROWS = 10_000
"""More rows than this make a reader ``limit_exceeded``; statements ask for one more at most."""

Row = tuple[bytes | None, ...]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


_LONGEST_TEXT = 65_536
"""Bytes. What is no UTF-8 takes long to decode, and nothing else in Python runs meanwhile."""
_SMALL_ROW = 2_048
"""Bytes of a row that is worth remembering."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_NOTHING_KEPT = Kept()


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters in PostgreSQL's text form."""

    sql: str
    parameters: tuple[bytes | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What is known once all rows of a round trip have arrived.

    Attributes:
        version: ``server_version_num``.
        backend_pid: of our own session, as the server announced it at login.
        statistics_visible: our role has the rights of pg_read_all_stats.
        hba_file, ident_file: the main files' names as locations tell them.
        asked_at: now() of the first statement, by the server's clock.
        file_times: what FILE_TIMES told, if it did.
        kept: of an earlier poll.
    """

    version: int
    backend_pid: int
    statistics_visible: bool = False
    hba_file: str = "pg_hba.conf"
    ident_file: str = "pg_ident.conf"
    asked_at: datetime = _NEVER
    file_times: tuple[FileTimes, ...] = ()
    kept: Kept = _NOTHING_KEPT


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """One thing read: its statement for a server version and what its rows mean.

    Attributes:
        statement: for a ``server_version_num``.
        interpret: raises ValueError for rows that no PostgreSQL sends.
    """

    reader: Reader
    statement: Callable[[int], Statement]
    interpret: Callable[[list[Row], Context], Read[T_co]]

    def take(self, rows: Read[list[Row]], context: Context) -> Read[T_co]:
        """Interpret rows; what cannot be rows of this statement is a ``protocol`` failure."""
        if isinstance(rows, Unread):
            return rows
        if len(rows) > MAXIMUM_ROWS:
            return Unread(FailureReason.LIMIT_EXCEEDED, f"more than {MAXIMUM_ROWS} rows")
        try:
            return self.interpret(rows, context)
        except (ValueError, TypeError, LookupError, OverflowError, OSError) as error:
            # OSError: datetime.fromtimestamp() on some platforms; only the kind of error is
            # told, as its text may quote what a hostile server sent
            return Unread(
                FailureReason.PROTOCOL,
                f"{self.reader}: rows that PostgreSQL does not send ({type(error).__name__})",
            )


def remembered(function: Callable[[Row], T]) -> Callable[[Row], T]:
    """Have ``function`` return again what it returned for an equal row, if that is small.

    From one poll to the next most rows are the same.
    """
    cached = lru_cache(maxsize=4096)(function)

    @wraps(function)
    def call(row: Row) -> T:
        # what a hostile server sends is not to be kept
        small = sum([len(value) for value in row if value is not None]) <= _SMALL_ROW
        return cached(row) if small else function(row)

    return call


def text_or_none(value: bytes | None) -> str | None:
    r"""Decode UTF-8; bytes that are none become ``\xNN``, which loses nothing.

    Raises:
        ValueError: no value of this kind is so long.
    """
    return None if value is None else text(value)


def text(value: bytes | None) -> str:
    """Decode a value that is never NULL; as text_or_none()."""
    if value is None:
        raise ValueError("NULL where PostgreSQL has none")
    if len(value) > _LONGEST_TEXT:
        raise ValueError("longer than PostgreSQL has it")
    return value.decode("utf-8", "backslashreplace")


def integer(value: bytes | None) -> int:
    """Read a whole number of any size that the model can hold (serial numbers have 20 bytes)."""
    return int(text(value))


def boolean(value: bytes | None) -> bool:
    """Read ``t`` or ``f``."""
    match value:
        case b"t":
            return True
        case b"f":
            return False
        case _:
            raise ValueError("neither t nor f")


def binary(value: bytes | None) -> bytes:
    r"""Read bytea in the form ``\x00ff`` (the session's bytea_output is hex)."""
    marked = text(value)
    if not marked.startswith("\\x"):
        raise ValueError("not in hexadecimal digits")
    return bytes.fromhex(marked[2:])


def moment(value: bytes | None) -> datetime:
    """Read ``extract(epoch from …)``, which does not depend on the session's time zone."""
    return datetime.fromtimestamp(float(text(value)), UTC)


def moment_or_none(value: bytes | None) -> datetime | None:
    """Like moment(), for a column that may be NULL."""
    return None if value is None else moment(value)
