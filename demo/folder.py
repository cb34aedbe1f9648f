"""The demo's folder: removed at its end, or by the next demo if it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.account import server_account, workspace

_PREFIX = "pgrepl-demo-"
_LOCK = "lock"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder of the servers' account, held by a lock that ends with this process."""
    remove_forsaken()
    with workspace(_PREFIX) as directory, (directory / _LOCK).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def remove_forsaken() -> None:
    """Remove the folders of demos that were killed: those of ours whose lock nobody holds."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            owners = (os.geteuid(), server_account().uid)
            if directory.is_symlink() or directory.stat().st_uid not in owners:
                continue
            with (directory / _LOCK).open("r+", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
