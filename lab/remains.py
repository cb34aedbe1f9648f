"""What a killed postmaster leaves behind: sessions about to end, and a shared memory segment.

A postmaster that is asked to end takes everything with it; one that got SIGKILL cannot. Its
children see that it is gone and exit by themselves. Every PostgreSQL process has the data
directory as its working directory, which tells them from all others.
"""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

from lab.wait import NotWithinTimeError, until

_IPC_RMID = 0
_SHARED_MEMORY_LINE = 6
_CHILDREN_END_SECONDS = 5.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def clear(data_directory: Path) -> None:
    """See every process of the cluster end, and remove its shared memory.

    Args:
        data_directory: of a cluster of ours whose postmaster has ended.
    """
    try:
        until(lambda: not processes(data_directory), _CHILDREN_END_SECONDS, "sessions to end")
    except NotWithinTimeError:
        for pid in processes(data_directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    # postmaster.pid, which a clean end removes: its seventh line is "key id" (miscinit.c).
    with contextlib.suppress(FileNotFoundError):
        lines = (data_directory / "postmaster.pid").read_text("utf-8").splitlines()
        for identifier in lines[_SHARED_MEMORY_LINE:][:1]:
            _LIBC.shmctl(int(identifier.split()[1]), _IPC_RMID, None)


def processes(data_directory: Path) -> list[int]:
    """Return the processes that work in ``data_directory``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == data_directory:
                found.append(int(entry.name))
    return found
