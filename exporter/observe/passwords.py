"""Passwords, read where the configuration says they are; nobody keeps them."""

import os
import stat
from pathlib import Path

from exporter import descriptors
from exporter.model.failure import FailureReason, Unread
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable

_MOST_BYTES = 64 * 1024


def read_password(password: Password) -> str | Unread:
    """Return the password in clear; empty when there is none.

    Raises:
        ExhaustedError: its file could not be opened by a limit of the exporter.
    """
    match password:
        case None:
            return ""
        case ClearPassword(value):
            return value
        case PasswordVariable(name):
            return os.environ.get(name) or _unreadable(f"environment variable {name}: not set")
        case PasswordFile(path):
            return _from_file(path)


def _from_file(path: Path) -> str | Unread:
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return _unreadable(f"password file {path}: is no regular file")
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        descriptors.raise_if_exhausted(error, f"password file {path}")
        return _unreadable(f"password file {path}: {error.strerror}")
    if len(data) > _MOST_BYTES:
        return _unreadable(f"password file {path}: is larger than {_MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _unreadable(f"password file {path}: not UTF-8")
    return text.removesuffix("\n").removesuffix("\r") or _unreadable(f"password file {path}: empty")


def _without_waiting(path: str, flags: int) -> int:
    # a pipe would wait for whoever writes into it, and all targets with it
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(detail: str) -> Unread:
    return Unread(FailureReason.AUTHENTICATION, detail)
