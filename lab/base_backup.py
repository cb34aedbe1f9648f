"""A base backup by the backup functions, as not every package carries pg_basebackup.

Manual, "Continuous Archiving and Point-in-Time Recovery", "Making a Base Backup Using the
Low Level API".
"""

import shutil
from pathlib import Path
from typing import Any

import psycopg

_RENAMED_SINCE = 150000
_LEFT_OUT = ("postmaster.pid", "postmaster.opts", "pg_replslot", "pg_wal", "standby.signal")
_EMPTY_DIRECTORIES = ("pg_replslot", "pg_wal", "pg_wal/archive_status")


def copy_cluster(
    connection: psycopg.Connection[tuple[Any, ...]], source: Path, target: Path
) -> None:
    """Copy the running cluster in ``source`` to ``target``, with the WAL that makes it whole.

    Args:
        connection: a superuser's session on that cluster, kept for the whole backup.
        source: its data directory, on this machine.
        target: must not exist; belongs to the present user afterwards.
    """
    renamed = connection.info.server_version >= _RENAMED_SINCE
    connection.execute(
        "SELECT pg_backup_start('lab', true)"
        if renamed
        else "SELECT pg_start_backup('lab', true, false)"
    )
    shutil.copytree(
        source,
        target,
        symlinks=True,
        copy_function=_copy,
        ignore=lambda directory, _names: _LEFT_OUT if Path(directory) == source else (),
    )
    row = connection.execute(
        "SELECT labelfile FROM pg_backup_stop(false)"
        if renamed
        else "SELECT labelfile FROM pg_stop_backup(false, false)"
    ).fetchone()
    if row is None:
        raise RuntimeError("the server gave no backup label")
    (target / "backup_label").write_text(str(row[0]), encoding="utf-8")
    for name in _EMPTY_DIRECTORIES:
        (target / name).mkdir(mode=0o700)
    for segment in (source / "pg_wal").iterdir():
        if segment.is_file():
            _copy(str(segment), str(target / "pg_wal" / segment.name))


def _copy(source: str, target: str) -> str:
    # A file may be dropped meanwhile; replay of the WAL makes up for it.
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        Path(target).unlink(missing_ok=True)
    return target
