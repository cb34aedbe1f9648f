"""Sizes and times of the files that rules and TLS are read from, by the shipped functions.

file_times() needs PL/pgSQL, whose library a fresh session has yet to load: it would cost the server
as much as all the rest together. file_times_at_once() does not, and fails as a whole where the
server may not look at one of the files.

Source: manual, "Generic File Access Functions" (pg_stat_file(): whole seconds).
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta

from exporter.model.failure import Read, Reader
from exporter.model.hba import FileTimes, ServerFile
from exporter.observe.postgres.readers.hba_rules import FILE_NAMES_ARE_TOLD
from exporter.observe.postgres.session.statement import (
    LARGEST_BIGINT,
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    integer,
    moment_or_none,
    remembered,
    text,
)

_SETTINGS = frozenset(setting.value for setting in ServerFile)

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
        modified=moment_or_none(modified),
        changed=moment_or_none(changed),
    )


def _interpret(rows: list[Row], _context: Context) -> Read[tuple[FileTimes, ...]]:
    # the shipped SQL of a later release may tell of more
    return tuple(_times(row) for row in rows if text(row[0]) in _SETTINGS)


FILE_TIMES = Reading(Reader.FILE_TIMES, _from("file_times"), _interpret)
FILE_TIMES_AT_ONCE = Reading(Reader.FILE_TIMES, _from("file_times_at_once"), _interpret)


def times_of(
    settings: Collection[ServerFile], file_times: tuple[FileTimes, ...]
) -> tuple[FileTimes, ...]:
    """Return those of the files of some settings."""
    return tuple(each for each in file_times if each.setting in settings)


def lasting(times: tuple[FileTimes, ...], context: Context) -> tuple[FileTimes, ...]:
    """Return ``times`` if a change of the files from now on changes them too; else nothing.

    A file that was written within the second of the poll may be written again in that second. The
    inode's time decides where there is one: the other may be set to anything.

    Args:
        times: of files, taken before they were read.
        context: of the poll.
    """
    newest = [changed for each in times if (changed := each.changed or each.modified) is not None]
    return () if any(c + _SETTLED > context.asked_at for c in newest) else times


def with_times(context: Context, file_times: tuple[FileTimes, ...]) -> Context:
    """Add the times, and before 16 the names: the views do not tell them, the shipped SQL does."""
    context = replace(context, file_times=file_times)
    if context.version >= FILE_NAMES_ARE_TOLD:
        return context
    paths = {times.setting: times.path for times in file_times}
    return replace(
        context,
        hba_file=paths.get(ServerFile.HBA, context.hba_file),
        ident_file=paths.get(ServerFile.IDENT, context.ident_file),
    )
