"""What pg_hba_file_rules loses of a line: quotes, ``@`` files, clientname, continuation.

Read by the shipped function hba_lines(), which never returns a line's text. It is called only if
the times of the files differ from those of the previous reading. Columns that came later are
read through jsonb: where an older version of the function is installed they are NULL.
"""

import json
from collections.abc import Iterable
from posixpath import normpath
from typing import Any

from exporter.model.failure import Read, Reader, Unread
from exporter.model.hba import (
    FileTimes,
    HbaContent,
    LineTraits,
    Quoting,
    RuleLocation,
    ServerFile,
)
from exporter.observe.postgres.readers.file_times import (
    FILE_TIMES,
    FILE_TIMES_AGAIN,
    functions_exist,
    lasting,
    latest_times,
    times_of,
    why_unread,
)
from exporter.observe.postgres.readers.hba_rules import FILE_NAMES_ARE_TOLD, HBA_RULES
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    boolean,
    integer,
    text,
    text_or_none,
)

_SETTINGS = frozenset({ServerFile.HBA, ServerFile.HBA_INCLUDED})


def _statement(_version: int) -> Statement:
    return Statement(f"""
        SELECT file_name, line_number, holds_quote, holds_file_reference, holds_clientname,
               continues, row ->> 'clientname', row ->> 'quoted_databases', row ->> 'quoted_roles',
               row ->> 'quoted_address', row ->> 'is_patroni_header'
          FROM replication_cert_exporter.hba_lines() AS line, to_jsonb(line) AS row
         LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  the limit is a constant


def _quoted(value: bytes | None) -> tuple[bool, ...] | None:
    """Return a JSON array of booleans; None where it is missing or one of them is null."""
    answers: object = None if value is None else json.loads(text(value))
    if answers is None:
        return None
    if not isinstance(answers, list) or not all(isinstance(a, bool | None) for a in answers):
        raise ValueError("not an array of booleans")
    return None if None in answers else tuple(answers)


def _quoting(databases: bytes | None, roles: bytes | None, address: bytes | None) -> Quoting | None:
    if databases is None:
        # the shipped SQL of an older exporter, whose rows do not have these columns
        return None
    quoted = _quoted(b"[%s]" % (address or b"null"))
    return Quoting(_quoted(databases), _quoted(roles), None if quoted is None else quoted[0])


def _line(row: Row, context: Context) -> LineTraits:
    file_name, line_number, quote, reference, clientname, continues, *later = row
    value, databases, roles, address, patroni = later
    # before 16 there is one file, which the rules' locations name as the context does
    # and from 16 on the view shows paths without ./, ../ and // (path.c, canonicalize_path())
    name = normpath(text(file_name)) if context.version >= FILE_NAMES_ARE_TOLD else context.hba_file
    return LineTraits(
        location=RuleLocation(name, integer(line_number, 1)),
        holds_quote=boolean(quote),
        holds_file_reference=boolean(reference),
        holds_clientname=boolean(clientname),
        continues=boolean(continues),
        clientname=text_or_none(value),
        quoted=_quoting(databases, roles, address),
        is_patroni_header=patroni == b"true",
    )


def _interpret(rows: list[Row], context: Context) -> Read[tuple[LineTraits, ...]]:
    return tuple(_line(row, context) for row in rows)


HBA_LINES = Reading(Reader.HBA_LINES, _statement, _interpret, reads_files=True)


def times(file_times: tuple[FileTimes, ...]) -> tuple[FileTimes, ...]:
    """Return those of the files that lines are read from."""
    return times_of(_SETTINGS, file_times)


def read_of(context: Context) -> tuple[FileTimes, ...]:
    """Return the times of the files if every change of the lines changes them, too; else nothing.

    A file that is missing or unreadable may become readable without a change of these times.
    """
    found = times(context.file_times)
    return () if any(each.modified is None for each in found) else lasting(found, context)


def known(context: Context, hba: Read[HbaContent]) -> tuple[LineTraits, ...] | None:
    """Return what an earlier poll read, if it is still valid; None if the lines must be read.

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


def _kept(results: Results) -> tuple[LineTraits, ...] | None:
    return known(results.context, results.take(HBA_RULES))


def _second(results: Results) -> Iterable[Reading[Any]]:
    if not functions_exist(results) or _kept(results) is not None:
        return ()
    if isinstance(latest_times(results), Unread):
        return (HBA_LINES,)
    # the times after the lines, too: a file written between the rules and the lines has other times
    return (HBA_LINES, FILE_TIMES_AGAIN)


def _lines(results: Results) -> Read[tuple[LineTraits, ...]]:
    kept = _kept(results)
    if kept is not None:
        return kept
    unread = why_unread(results)
    if isinstance(latest_times(results), Unread):
        return results.take(HBA_LINES) if results.has(HBA_LINES) else unread
    # without the times after the lines, a line written after the rules looks older than it is
    return results.take(HBA_LINES) if results.has(FILE_TIMES_AGAIN) else unread


def _lines_of(results: Results) -> tuple[FileTimes, ...]:
    """Return the times that the lines were read under; nothing if they changed meanwhile."""
    after = read_of(results.context)
    if _kept(results) is not None:
        return after
    if not results.has(FILE_TIMES_AGAIN) or isinstance(latest_times(results), Unread):
        return ()
    first = results.take(FILE_TIMES)
    before = () if isinstance(first, Unread) else times(first)
    return after if after == before else ()


SPEC = ReaderSpec(
    Reader.HBA_LINES,
    {"hba_lines": _lines, "hba_lines_of": _lines_of},
    needs=frozenset({Reader.HBA_RULES, Reader.FILE_TIMES}),
    second=_second,
)
