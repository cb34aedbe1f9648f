"""One SQL statement of a poll, the raw rows it returned, and how rows become model values.

Everything is asked for as text: the server's text forms are documented and stable, and a few dozen
rows make their cost small. The session's client_encoding is SQL_ASCII, so that the server converts
nothing and can fail at nothing; bytes become text here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, wraps
from ipaddress import ip_address
from typing import Any, Generic, TypeVar

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.hba import FileTimes
from exporter.model.kept import Kept
from exporter.model.wal_sender import IpAddress

MAXIMUM_ROWS = 10_000
"""More rows than this make a reader ``limit_exceeded``; statements ask for one more at most."""

Row = tuple[bytes | None, ...]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LARGEST_INTEGER = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
HIGHEST_PORT = 65_535

_LONGEST_TEXT = 65_536
"""Bytes. Invalid UTF-8 takes long to decode, and nothing else in Python runs meanwhile."""
_SMALL_ROW = 2_048
"""Bytes of a row that is worth remembering."""

_INTEGER = re.compile(rb"-?[0-9]{1,100}")
_MOMENT = re.compile(rb"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_WORD = re.compile(rb"[a-z_ ]{1,63}")

_NO_ADDRESS = "not an IP address"

_FIRST_MOMENT = datetime(2, 1, 1, tzinfo=UTC).timestamp()
_LAST_MOMENT = datetime(9998, 12, 31, tzinfo=UTC).timestamp()

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
        hba_file, ident_file: the main files' names as in locations.
        asked_at: now() of the first statement, by the server's clock.
        file_times: what FILE_TIMES read; empty if it failed.
        kept: of an earlier poll.
        may_receive: False if the server said at login that it is not a standby, so that it has no
            WAL receiver.
    """

    version: int
    backend_pid: int
    statistics_visible: bool = False
    hba_file: str = "pg_hba.conf"
    ident_file: str = "pg_ident.conf"
    asked_at: datetime = _NEVER
    file_times: tuple[FileTimes, ...] = ()
    kept: Kept = _NOTHING_KEPT
    may_receive: bool = True


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """One statement of a reader: its SQL for a server version and what its rows mean.

    Attributes:
        statement: for a ``server_version_num``.
        interpret: raises ValueError for rows that no PostgreSQL sends.
        name: what it is called among the statements of a poll, and in the detail of a timeout;
            the reader's label value if it is given none.
        extend: returns the context with what the interpreted rows add to it; None if they add
            nothing. Such rows are interpreted only once, with the context as it was before.
        reads_files: in a second round it is sent before statements that read no files, so that
            little time passes between the file times and the contents.
        is_large: its rows are interpreted only after everything else has arrived, and not at all
            in a poll that is cut off.
    """

    reader: Reader
    statement: Callable[[int], Statement]
    interpret: Callable[[list[Row], Context], Read[T_co]]
    name: str = ""
    extend: Callable[[Context, Any], Context] | None = None
    reads_files: bool = False
    is_large: bool = False

    def __post_init__(self) -> None:
        # an attribute, as a poll looks it up a few hundred times
        object.__setattr__(self, "name", self.name or self.reader.value)

    def take(self, rows: Read[list[Row]], context: Context) -> Read[T_co]:
        """Interpret rows; what cannot be rows of this statement is a ``protocol`` failure."""
        if isinstance(rows, Unread):
            return rows
        if len(rows) > MAXIMUM_ROWS:
            return Unread(FailureReason.LIMIT_EXCEEDED, f"more than {MAXIMUM_ROWS} rows")
        try:
            return self.interpret(rows, context)
        except MalformedError as error:
            problem = str(error)
        except (ValueError, TypeError, LookupError, OverflowError, OSError) as error:
            # OSError: datetime.fromtimestamp() on some platforms; only the kind of error is
            # shown, as its text may quote what a hostile server sent
            problem = type(error).__name__
        return Unread(
            FailureReason.PROTOCOL,
            f"{self.reader}: rows that PostgreSQL does not send ({problem})",
        )


class MalformedError(ValueError):
    """A value that PostgreSQL does not send.

    The text is the exporter's own. It quotes nothing: a hostile server could send the password
    that it was given, and a line of pg_hba.conf holds passwords too.
    """


def remembered(function: Callable[[Row], T]) -> Callable[[Row], T]:
    """Have ``function`` return again what it returned for an equal row, if that is small.

    From one poll to the next most rows are the same.
    """
    cached = lru_cache(maxsize=4096)(function)

    @wraps(function)
    def call(row: Row) -> T:
        # large rows, which a hostile server may send, are not kept
        small = sum([len(value) for value in row if value is not None]) <= _SMALL_ROW
        return cached(row) if small else function(row)

    return call


def text_or_none(value: bytes | None) -> str | None:
    r"""Decode UTF-8; invalid bytes become ``\xNN``, which loses nothing.

    Raises:
        MalformedError: no value of this kind is so long.
    """
    return None if value is None else text(value)


def text(value: bytes | None) -> str:
    """Decode a value that is never NULL; as text_or_none()."""
    raw = _present(value)
    if len(raw) > _LONGEST_TEXT:
        raise MalformedError("longer than PostgreSQL has it")
    return raw.decode("utf-8", "backslashreplace")


def word(value: bytes | None) -> str:
    """Read one of a few words, such as a state; later versions may have others."""
    if not _WORD.fullmatch(_present(value)):
        raise MalformedError("not a word that PostgreSQL has there")
    return text(value)


def integer(value: bytes | None, lowest: int, highest: int = LARGEST_INTEGER) -> int:
    """Read a whole number from ``lowest`` to ``highest``."""
    raw = _present(value)
    if not _INTEGER.fullmatch(raw):
        raise MalformedError("not a whole number")
    number = int(raw)
    if not lowest <= number <= highest:
        raise MalformedError("a whole number out of range")
    return number


def boolean(value: bytes | None) -> bool:
    """Read ``t`` or ``f``."""
    match value:
        case b"t":
            return True
        case b"f":
            return False
        case _:
            raise MalformedError("neither t nor f")


def binary(value: bytes | None) -> bytes:
    r"""Read bytea in the form ``\x00ff`` (the session's bytea_output is hex)."""
    marked = text(value)
    if not marked.startswith("\\x"):
        raise MalformedError("not in hexadecimal digits")
    return bytes.fromhex(marked[2:])


def inet(value: bytes | None) -> IpAddress:
    """Read an IP address as PostgreSQL writes it: without a prefix length and without a zone."""
    written = text(value)
    try:
        read = ip_address(written)
    except ValueError:
        raise MalformedError(_NO_ADDRESS) from None
    if "%" in written:
        raise MalformedError(_NO_ADDRESS)
    return read


def timestamp(value: bytes | None) -> datetime:
    """Read ``extract(epoch from …)``, which does not depend on the session's time zone.

    Raises:
        MalformedError: it is not a number, or so far away that the dates next to it do not exist.
    """
    raw = _present(value)
    if not _MOMENT.fullmatch(raw):
        raise MalformedError("not a timestamp")
    seconds = float(raw)
    if not _FIRST_MOMENT <= seconds <= _LAST_MOMENT:
        raise MalformedError("a timestamp out of range")
    return datetime.fromtimestamp(seconds, UTC)


def timestamp_or_none(value: bytes | None) -> datetime | None:
    """Like timestamp(), for a column that may be NULL."""
    return None if value is None else timestamp(value)


def _present(value: bytes | None) -> bytes:
    if value is None:
        raise MalformedError("NULL where PostgreSQL has none")
    return value
