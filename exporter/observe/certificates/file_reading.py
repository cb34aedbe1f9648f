"""One file read without being held up by what it is: only a regular file, only so much of it."""

import errno
import os
import stat
from dataclasses import dataclass
from io import FileIO

from exporter.model.inventory import InventoryFault

MOST_BYTES = 32 * 1024 * 1024
"""Twice a bundle of 10,000 certificates in PEM."""

_ATTEMPTS = 3
_CHUNK_BYTES = 1024 * 1024
_KINDS = {stat.S_IFDIR: "folder", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
_REASONS = {
    errno.ENOENT: InventoryFault.MISSING,
    errno.ENOTDIR: InventoryFault.MISSING,
    errno.EACCES: InventoryFault.PERMISSION,
    errno.EPERM: InventoryFault.PERMISSION,
    errno.ELOOP: InventoryFault.LOOP,
    # a socket, or a device without a driver
    errno.ENXIO: InventoryFault.NOT_A_FILE,
    errno.ENODEV: InventoryFault.NOT_A_FILE,
}


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file tells nothing, or not all.

    Attributes:
        detail: one line for a person, without content of the file.
    """

    reason: InventoryFault
    detail: str


class Refused(Exception):  # noqa: N818  it is a finding, not an error of the program
    """A file tells nothing."""

    def __init__(self, fault: FileFault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class FileState:
    """What changes when the content of a file does."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


NEVER = FileState(-1, -1, -1, -1, -1)
"""The state of no file."""


def fault_of(error: OSError | ValueError) -> FileFault:
    """Return what an error of the operating system means; ValueError is that of an odd path."""
    if isinstance(error, ValueError):
        return FileFault(InventoryFault.MISSING, "no such path")
    reason = _REASONS.get(error.errno or 0, InventoryFault.UNREADABLE)
    return FileFault(reason, error.strerror or type(error).__name__)


def file_state(status: os.stat_result) -> FileState:
    """Return the state of a file.

    Raises:
        Refused: it is no regular file, or too large to be read.
    """
    if not stat.S_ISREG(status.st_mode):
        raise Refused(FileFault(InventoryFault.NOT_A_FILE, f"is a {_kind(status.st_mode)}"))
    if status.st_size > MOST_BYTES:
        raise _too_large()
    return FileState(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def read_file(path: str) -> tuple[bytes, FileState]:
    """Return content and state of a file that was looked at just before.

    The state is that of the content: when they part, as while a file grows, the file is read
    again; when they part each time, the state is one that no file has, so that it is read again
    when it is looked at next.

    Raises:
        Refused: it cannot be read, or is something else by now.
    """
    try:
        # not to wait for whoever writes into a pipe that took the file's place
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Refused(fault_of(error)) from error
    with FileIO(descriptor) as stream:
        try:
            return _content_with_state(stream)
        except OSError as error:
            raise Refused(fault_of(error)) from error


def _content_with_state(stream: FileIO) -> tuple[bytes, FileState]:
    state = file_state(os.fstat(stream.fileno()))
    data = b""
    for _ in range(_ATTEMPTS):
        stream.seek(0)
        data = _content(stream, state.size)
        before, state = state, file_state(os.fstat(stream.fileno()))
        if before == state and len(data) == state.size:
            return data, state
    return data, NEVER


def _content(stream: FileIO, expected: int) -> bytes:
    data = stream.read(expected + 1) or b""
    if len(data) == expected:
        return data
    parts = [data]
    left = MOST_BYTES + 1 - len(data)
    while left > 0 and (part := stream.read(min(_CHUNK_BYTES, left))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise _too_large()
    return b"".join(parts)


def _too_large() -> Refused:
    detail = f"is larger than {MOST_BYTES // 1024**2} MiB"
    return Refused(FileFault(InventoryFault.TOO_LARGE, detail))


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "device")
