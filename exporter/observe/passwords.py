"""Reads passwords from the configured places, at each use; none is kept."""

import os
from pathlib import Path

from exporter import descriptors, regular_file
from exporter.model.failure import FailureReason, Unread
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable

_MOST_BYTES = 64 * 1024


def read_password(password: Password) -> str | Unread:
    """Return the password in clear; empty when there is none.

    It blocks as long as the file system does: call it in a thread if it may read a file.

    Raises:
        ExhaustedError: its file could not be opened because of a limit of the exporter.
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


def overdue(path: Path, seconds: float) -> Unread:
    """Return the failure of a poll whose deadline passed while the password file was read."""
    return _unreadable(f"password file {path} was not read within {seconds:g} s")


def _from_file(path: Path) -> str | Unread:
    try:
        text = regular_file.read(path, _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        return _unreadable(f"password file {path} is not UTF-8")
    except regular_file.FAULTS as fault:
        descriptors.raise_if_exhausted(fault, f"password file {path}")
        return _unreadable(f"password file {path} {regular_file.why(fault)}")
    password = text.removesuffix("\n").removesuffix("\r")
    return password or _unreadable(f"password file {path} is empty")


def _unreadable(detail: str) -> Unread:
    return Unread(FailureReason.AUTHENTICATION, detail)
