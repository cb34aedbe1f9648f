"""Checks of the files that a login needs, as libpq will check them. No content is kept.

Source: fe-secure-openssl.c, initialize_SSL(); fe-connect.c, passwordFromFile().
"""

import os
import stat
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from exporter import regular_file

# Tokens that are used as passwords (AWS IAM) reach some KiB.
_LARGEST_PASSWORD_BYTES = 64 * 1024


def file_fault(path: Path) -> str | None:
    """Return why ``path`` cannot be read as a regular file, or None."""
    return _look(path, lambda _: None)


def directory_fault(path: Path) -> str | None:
    """Return why ``path`` cannot be read as a directory, or None."""
    try:
        os.scandir(path).close()
    except (OSError, ValueError) as fault:
        return regular_file.why(fault)
    return None


def private_key_fault(path: Path) -> str | None:
    """Return why libpq would refuse the private key in ``path``, or None."""

    def look(stream: FileIO) -> str | None:
        status = os.fstat(stream.fileno())
        return key_permissions_fault(status.st_mode, status.st_uid)

    return _look(path, look)


def key_permissions_fault(mode: int, owner: int) -> str | None:
    """Return why libpq would refuse a key with these permissions, or None.

    Args:
        mode: of the file, as ``stat`` returns it.
        owner: user id; if root (0), the group may read, so that one key can serve a service user.
    """
    group = stat.S_IWGRP | stat.S_IXGRP if owner == 0 else stat.S_IRWXG
    if not mode & (group | stat.S_IRWXO):
        return None
    return (
        "is open to its group or to others, and libpq refuses it:"
        " chmod 0600 (0640 is allowed when root owns it)"
    )


def password_file_fault(path: Path) -> str | None:
    """Return why ``path`` gives no password, or None."""
    try:
        return _password_fault(regular_file.read(path, _LARGEST_PASSWORD_BYTES))
    except regular_file.TooLarge as fault:
        return f"{fault}: it holds no password"
    except regular_file.FAULTS as fault:
        return regular_file.why(fault)


def passfile_fault(path: Path) -> str | None:
    """Return why libpq would ignore the password file in ``path``, or None."""

    def look(stream: FileIO) -> str | None:
        if os.fstat(stream.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return "is open to its group or to others, and libpq ignores it: chmod 0600"
        return None

    return _look(path, look)


def _password_fault(data: bytes) -> str | None:
    password = data.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        return "is empty: write the password into it"
    if b"\n" in password or b"\0" in password:
        return "holds more than one line: a password is one line of text"
    try:
        password.decode()
    except UnicodeDecodeError:
        return "is not UTF-8: save the password in that encoding"
    return None


def _look(path: Path, look: Callable[[FileIO], str | None]) -> str | None:
    """Return the fault that ``look`` finds in the open file, or why it cannot be opened."""
    try:
        with regular_file.opened(path) as stream:
            return look(stream)
    except regular_file.FAULTS as fault:
        return regular_file.why(fault)
