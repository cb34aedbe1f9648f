"""Regular files whose opening blocks, as on a file system that does not answer.

The kernel asks a listener of fanotify for permission before it opens a file, and this one does not
answer. Needs CAP_SYS_ADMIN. Source: fanotify_init(2), fanotify_mark(2), fanotify(7).
"""

import ctypes
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.wait import until

_CLASS_CONTENT = 0x4
_CLOSE_ON_EXEC = 0x1
_MARK_ADD = 0x1
_OPEN_PERMISSION = 0x10000
_CURRENT_DIRECTORY = -100
_EVENT_BYTES = 24
_WITHIN_SECONDS = 60.0


class Blocked:
    """Files that nobody can open until the context ends; `stat` answers."""

    def __init__(self, listener: int) -> None:
        self._listener = listener
        self._opens = 0

    def opens(self) -> int:
        """Return how many attempts to open one of them have been made so far."""
        while select.select([self._listener], [], [], 0)[0]:
            events = os.read(self._listener, _EVENT_BYTES)
            os.close(int.from_bytes(events[16:20], "little", signed=True))
            self._opens += 1
        return self._opens

    def wait_for_open(self, number: int = 1) -> None:
        """Wait until somebody tries to open one of them."""
        until(lambda: self.opens() >= number, _WITHIN_SECONDS, "a blocked file to be opened")


@contextmanager
def blocked(*files: Path) -> Iterator[Blocked]:
    """Have every attempt to open one of ``files`` block until the context ends; then it succeeds.

    Raises:
        OSError: the kernel does not allow it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    listener = library.fanotify_init(_CLASS_CONTENT | _CLOSE_ON_EXEC, os.O_RDONLY | os.O_CLOEXEC)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    try:
        for file in files:
            mark = library.fanotify_mark(
                listener,
                _MARK_ADD,
                ctypes.c_uint64(_OPEN_PERMISSION),
                _CURRENT_DIRECTORY,
                os.fsencode(file),
            )
            if mark < 0:
                raise OSError(ctypes.get_errno(), "fanotify_mark", file)
        yield Blocked(listener)
    finally:
        os.close(listener)
