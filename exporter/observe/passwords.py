"""Passwords, read where the configuration says they are; nobody keeps them."""

import os
from pathlib import Path

from exporter.model.failure import FailureReason, Unread
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable


def read_password(password: Password) -> str | Unread:
    """Return the password in clear; empty when there is none."""
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
        text = path.read_text("utf-8")
    except OSError as error:
        return _unreadable(f"password file {path}: {error.strerror}")
    except UnicodeDecodeError:
        return _unreadable(f"password file {path}: not UTF-8")
    return text.removesuffix("\n").removesuffix("\r") or _unreadable(f"password file {path}: empty")


def _unreadable(detail: str) -> Unread:
    return Unread(FailureReason.AUTHENTICATION, detail)
