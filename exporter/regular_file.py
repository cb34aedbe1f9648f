"""Regular files, opened without waiting for what else may be found at their paths.

Opening a FIFO for reading blocks until another process writes to it, a device may never end, and
opening one may have an effect. A file system that does not answer still blocks: call these
functions in a thread that nothing has to wait for (daemon_threads.py).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

_KINDS = {stat.S_IFDIR: "directory", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
_CHUNK_BYTES = 1024 * 1024
_UNITS = (("MiB", 1024 * 1024), ("KiB", 1024))


class UnusableFile(Exception):  # noqa: N818  it is a finding, not an error of the program
    """A file that is not read; the text says why, without any of its content."""


class NotRegular(UnusableFile):
    """A FIFO, socket, device or directory."""


class TooLarge(UnusableFile):
    """A file with more bytes than are read."""

    def __init__(self, most_bytes: int) -> None:
        unit, size = next(((u, s) for u, s in _UNITS if most_bytes % s == 0), ("bytes", 1))
        super().__init__(f"is larger than {most_bytes // size} {unit}")


FAULTS = (OSError, ValueError, UnusableFile)
"""What the functions below raise; ValueError: the path holds a character that no path can have."""


def why(fault: OSError | ValueError | UnusableFile) -> str:
    """Return what is wrong with a file, as the rest of a sentence that begins with its name."""
    if isinstance(fault, UnusableFile):
        return str(fault)
    return f"cannot be read: {(isinstance(fault, OSError) and fault.strerror) or 'no such path'}"


def check_regular(mode: int) -> None:
    """Check that ``mode``, as ``stat`` returns it, is that of a regular file.

    Raises:
        NotRegular: it is not.
    """
    if not stat.S_ISREG(mode):
        raise NotRegular(f"is a {_KINDS.get(stat.S_IFMT(mode), 'device')}, not a regular file")


@contextmanager
def opened(path: str | Path) -> Iterator[FileIO]:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened.
        ValueError: the path holds a character that no path can have.
        NotRegular: it is something else.
    """
    check_regular(os.stat(path).st_mode)  # noqa: PTH116  five at each poll: a Path costs more
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with FileIO(os.open(path, flags)) as stream:
        # another file may have taken its place since
        check_regular(os.fstat(stream.fileno()).st_mode)
        yield stream


def read(path: str | Path, most_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read.
        ValueError: the path holds a character that no path can have.
        NotRegular: it is something else.
        TooLarge: it holds more than ``most_bytes``.
    """
    with opened(path) as stream:
        return content(stream, os.fstat(stream.fileno()).st_size, most_bytes)


def content(stream: FileIO, expected: int, most_bytes: int) -> bytes:
    """Return what is left of ``stream``.

    Args:
        stream: a regular file.
        expected: its likely size in bytes: one read suffices if it is right.
        most_bytes: what it may hold.

    Raises:
        OSError: it cannot be read.
        TooLarge: it holds more than ``most_bytes``.
    """
    data = stream.read(min(expected, most_bytes) + 1) or b""
    if len(data) == expected <= most_bytes:
        return data
    parts = [data]
    left = most_bytes + 1 - len(data)
    while left > 0 and (part := stream.read(min(_CHUNK_BYTES, left))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise TooLarge(most_bytes)
    return b"".join(parts)
