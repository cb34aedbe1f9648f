"""Reads one file without blocking: only a regular file, and only up to a size."""

import errno
import os
from dataclasses import dataclass
from io import FileIO

from exporter import regular_file
from exporter.model.inventory import InventoryFault

MOST_BYTES = 32 * 1024 * 1024
"""Twice a bundle of 10,000 certificates in PEM."""

_ATTEMPTS = 3
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
    """Why a file could not be read completely.

    Attributes:
        detail: one line for a person, without content of the file.
    """

    reason: InventoryFault
    detail: str


class Refused(Exception):  # noqa: N818  it is a finding, not an error of the program
    """A file cannot be read."""

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
"""A state that no file has."""


def fault_of(error: OSError | ValueError | regular_file.UnusableFile) -> FileFault:
    """Return the fault for an error; a ValueError comes from a path that cannot exist."""
    match error:
        case regular_file.NotRegular():
            return FileFault(InventoryFault.NOT_A_FILE, str(error))
        case regular_file.UnusableFile():
            return FileFault(InventoryFault.TOO_LARGE, str(error))
        case OSError():
            reason = _REASONS.get(error.errno or 0, InventoryFault.UNREADABLE)
            return FileFault(reason, error.strerror or type(error).__name__)
        case ValueError():
            return FileFault(InventoryFault.MISSING, "no such path")


def file_state(status: os.stat_result) -> FileState:
    """Return the state of a file.

    Raises:
        Refused: it is not a regular file, or too large.
    """
    try:
        regular_file.check_regular(status.st_mode)
        if status.st_size > MOST_BYTES:
            raise regular_file.TooLarge(MOST_BYTES)
    except regular_file.UnusableFile as error:
        raise Refused(fault_of(error)) from error
    return FileState(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def read_file(path: str) -> tuple[bytes, FileState]:
    """Return content and state of a file.

    The state belongs to the content. If it changed during the reading, as while a file grows, the
    file is read again. If it changes each time, the state returned is one that no file has, so
    that the file is read again at the next check.

    Raises:
        Refused: it cannot be read, or is no longer a regular file.
    """
    try:
        with regular_file.opened(path) as stream:
            return _content_with_state(stream)
    except regular_file.FAULTS as error:
        raise Refused(fault_of(error)) from error


def _content_with_state(stream: FileIO) -> tuple[bytes, FileState]:
    state = file_state(os.fstat(stream.fileno()))
    data = b""
    for _ in range(_ATTEMPTS):
        stream.seek(0)
        data = regular_file.content(stream, state.size, MOST_BYTES)
        before, state = state, file_state(os.fstat(stream.fileno()))
        if before == state and len(data) == state.size:
            return data, state
    return data, NEVER
