"""What pg_hba_file_rules loses of a line: quotes, ``@`` files, clientname, continuation.

By the shipped function hba_lines(), which never returns a line's text. It is asked only where the
times of the files are others than those of what the poll before read.
"""

from posixpath import normpath

from exporter.model.failure import Read, Reader, Unread
from exporter.model.hba import FileTimes, HbaContent, LineTraits, RuleLocation, ServerFile
from exporter.observe.postgres.file_times import lasting, times_of
from exporter.observe.postgres.hba_rules import FILE_NAMES_ARE_TOLD
from exporter.observe.postgres.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    boolean,
    integer,
    text,
)

_SETTINGS = frozenset({ServerFile.HBA, ServerFile.HBA_INCLUDED})


def _statement(_version: int) -> Statement:
    return Statement(f"""
        SELECT file_name, line_number, holds_quote, holds_file_reference, holds_clientname,
               continues
          FROM replication_cert_exporter.hba_lines() LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  the limit is a constant


def _line(row: Row, context: Context) -> LineTraits:
    file_name, line_number, quote, reference, clientname, continues = row
    # before 16 there is one file, which the rules' locations name as the context does
    # and from 16 on the view tells paths without ./, ../ and // (path.c, canonicalize_path())
    name = normpath(text(file_name)) if context.version >= FILE_NAMES_ARE_TOLD else context.hba_file
    return LineTraits(
        location=RuleLocation(name, integer(line_number)),
        holds_quote=boolean(quote),
        holds_file_reference=boolean(reference),
        holds_clientname=boolean(clientname),
        continues=boolean(continues),
    )


def _interpret(rows: list[Row], context: Context) -> Read[tuple[LineTraits, ...]]:
    return tuple(_line(row, context) for row in rows)


HBA_LINES = Reading(Reader.HBA_LINES, _statement, _interpret)


def times(file_times: tuple[FileTimes, ...]) -> tuple[FileTimes, ...]:
    """Return those of the files that lines are read from."""
    return times_of(_SETTINGS, file_times)


def read_of(context: Context) -> tuple[FileTimes, ...]:
    """Return the times of the files if whatever changes their lines changes them too; else nothing.

    That a file is missing, or out of the server's reach, ends without a time.
    """
    found = times(context.file_times)
    return () if any(each.modified is None for each in found) else lasting(found, context)


def known(context: Context, hba: Read[HbaContent]) -> tuple[LineTraits, ...] | None:
    """Return what an earlier poll read, if it holds still; None if the lines have to be read.

    The rules must be the same as well: a symbolic link may lead to another file of the same size
    and times, as a deployment puts them there, and has no times of its own here.

    Args:
        context: of the poll.
        hba: the rules that it read.
    """
    kept = context.kept
    if isinstance(hba, Unread) or kept.hba is None or not kept.hba_lines_of:
        return None
    same_times = kept.hba_lines_of == times(context.file_times)
    same_rules = kept.hba.digest_as_read == hba.digest_as_read
    return kept.hba_lines if same_times and same_rules else None
