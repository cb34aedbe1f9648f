"""Sizes and times of the files that rules and TLS are read from, by the shipped function.

Source: manual, "Generic File Access Functions" (pg_stat_file(): whole seconds).
"""

from functools import lru_cache

from exporter.model.failure import Read, Reader
from exporter.model.hba import FileTimes, ServerFile
from exporter.observe.postgres.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    integer,
    moment_or_none,
    text,
)

_SETTINGS = frozenset(setting.value for setting in ServerFile)


def _statement(_version: int) -> Statement:
    return Statement(f"""
        SELECT setting, path, size, extract(epoch FROM modified), extract(epoch FROM changed)
          FROM replication_cert_exporter.file_times() LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  the limit is a constant


# from one poll to the next most rows are the same
@lru_cache(maxsize=4096)
def _times(row: Row) -> FileTimes:
    setting, path, size, modified, changed = row
    return FileTimes(
        setting=ServerFile(text(setting)),
        path=text(path),
        size=None if size is None else integer(size),
        modified=moment_or_none(modified),
        changed=moment_or_none(changed),
    )


def _interpret(rows: list[Row], _context: Context) -> Read[tuple[FileTimes, ...]]:
    # the shipped SQL of a later release may tell of more
    return tuple(_times(row) for row in rows if text(row[0]) in _SETTINGS)


FILE_TIMES = Reading(Reader.FILE_TIMES, _statement, _interpret)
