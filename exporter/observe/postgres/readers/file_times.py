"""Sizes and times of the files that rules and TLS are read from, by the shipped functions.

file_times() needs PL/pgSQL, whose library a fresh session first has to load: it would cost the
server as much as all other statements together. file_times_at_once() does not need it, and fails as
a whole if the server is not permitted to stat one of the files.

Source: manual, "Generic File Access Functions" (pg_stat_file(): whole seconds).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.hba import FileTimes, ServerFile
from exporter.observe.postgres.readers.hba_rules import FILE_NAMES_ARE_TOLD
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    LARGEST_BIGINT,
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    integer,
    remembered,
    text,
    timestamp_or_none,
)

_SETTINGS = frozenset(setting.value for setting in ServerFile)

_OF_ONE_FILE = frozenset(
    {FailureReason.PERMISSION, FailureReason.FILE_MISSING, FailureReason.INTERNAL}
)
"""SQLSTATE with which file_times_at_once() fails if the server may not stat a file."""

_SETTLED = timedelta(seconds=2)
"""File times are in whole seconds, and the kernel's clock for them runs a little behind."""


def _from(function: str) -> Callable[[int], Statement]:
    sql = f"""
        SELECT setting, path, size, extract(epoch FROM modified), extract(epoch FROM changed)
          FROM replication_cert_exporter.{function}() LIMIT {MAXIMUM_ROWS + 1}
    """  # noqa: S608  constants
    return lambda _version: Statement(sql)


@remembered
def _times(row: Row) -> FileTimes:
    setting, path, size, modified, changed = row
    return FileTimes(
        setting=ServerFile(text(setting)),
        path=text(path),
        size=None if size is None else integer(size, 0, LARGEST_BIGINT),
        modified=timestamp_or_none(modified),
        changed=timestamp_or_none(changed),
    )


def _interpret(rows: list[Row], _context: Context) -> Read[tuple[FileTimes, ...]]:
    # the shipped SQL of a later release may report more files
    return tuple(_times(row) for row in rows if text(row[0]) in _SETTINGS)


def _extend(context: Context, file_times: tuple[FileTimes, ...]) -> Context:
    """Add the times, and before 16 the file names, which the views do not show."""
    if file_times == context.file_times:
        return context
    context = replace(context, file_times=file_times)
    if context.version >= FILE_NAMES_ARE_TOLD:
        return context
    paths = {times.setting: times.path for times in file_times}
    return replace(
        context,
        hba_file=paths.get(ServerFile.HBA, context.hba_file),
        ident_file=paths.get(ServerFile.IDENT, context.ident_file),
    )


FILE_TIMES = Reading(Reader.FILE_TIMES, _from("file_times"), _interpret, extend=_extend)
FILE_TIMES_AT_ONCE = replace(FILE_TIMES, statement=_from("file_times_at_once"))
FILE_TIMES_AGAIN = replace(FILE_TIMES, name="file_times again", reads_files=True)
"""Of a second round: after the lines of pg_hba.conf, and before the contents of other files."""


def times_of(
    settings: Collection[ServerFile], file_times: tuple[FileTimes, ...]
) -> tuple[FileTimes, ...]:
    """Return the times of the files of some settings."""
    return tuple(each for each in file_times if each.setting in settings)


def lasting(times: tuple[FileTimes, ...], context: Context) -> tuple[FileTimes, ...]:
    """Return ``times`` if a change of the files from now on changes them too; else nothing.

    A file that was written within the second of the poll may be written again in that second. The
    inode's time (ctime) decides where there is one, because mtime may be set to anything.

    Args:
        times: of files, taken before they were read.
        context: of the poll.
    """
    newest = [changed for each in times if (changed := each.changed or each.modified) is not None]
    return () if any(c + _SETTLED > context.asked_at for c in newest) else times


def latest_times(results: Results) -> Read[tuple[FileTimes, ...]]:
    """Return the times as they were read last."""
    again = results.has(FILE_TIMES_AGAIN)
    return results.take(FILE_TIMES_AGAIN if again else FILE_TIMES)


def why_unread(results: Results) -> Unread:
    """Return why the content of a file was not read: that of the times, if they were not read."""
    times = latest_times(results)
    return times if isinstance(times, Unread) else results.missing


def functions_exist(results: Results) -> bool:
    """Return whether the shipped functions are in the database; else none of them is asked."""
    times = latest_times(results)
    return not isinstance(times, Unread) or times.reason is not FailureReason.NOT_INSTALLED


def _first(context: Context) -> Reading[tuple[FileTimes, ...]]:
    return FILE_TIMES if context.kept.out_of_reach else FILE_TIMES_AT_ONCE


def _second(results: Results) -> Iterable[Reading[tuple[FileTimes, ...]]]:
    return (FILE_TIMES_AGAIN,) if _failed_for_one_file(results) else ()


def _failed_for_one_file(results: Results) -> bool:
    """Return whether a statement failed as it does where the server may not read some file."""
    for reading in (FILE_TIMES, FILE_TIMES_AGAIN):
        rows = results.rows(reading)
        if results.has(reading) and isinstance(rows, Unread) and rows.reason in _OF_ONE_FILE:
            return True
    return False


def _out_of_reach(results: Results) -> frozenset[str]:
    before = results.context.kept.out_of_reach
    if not before and not _failed_for_one_file(results):
        return frozenset()
    times = results.context.file_times
    found = frozenset(each.path for each in times if each.modified is None)
    # after a change, the next poll tries file_times_at_once() again
    return found if not before or found == before else frozenset()


SPEC = ReaderSpec(
    Reader.FILE_TIMES,
    {"file_times": latest_times, "out_of_reach": _out_of_reach},
    first=_first,
    second=_second,
)
