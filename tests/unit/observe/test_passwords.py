"""A password file is read at each poll: whatever is found at its path, the read does not block."""

import os
from pathlib import Path

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.target import PasswordFile
from exporter.observe.passwords import read_password


@pytest.mark.parametrize("written", ["planted", "planted\n", "planted\r\n"])
def test_a_file_holds_one_line(tmp_path: Path, written: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(written.encode())
    assert read_password(PasswordFile(file)) == "planted"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("fifo", "is a FIFO, not a regular file"),
        ("device", "is a device, not a regular file"),
        ("folder", "is a directory, not a regular file"),
        ("missing", "cannot be read: No such file or directory"),
        ("huge", "is larger than 64 KiB"),
        ("empty", "is empty"),
        ("binary", "is not UTF-8"),
    ],
)
def test_what_is_none_has_a_reason(tmp_path: Path, kind: str, why: str) -> None:
    file = tmp_path / kind
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "folder":
            file.mkdir()
        case "huge":
            file.write_bytes(b"planted" * 10_000)
        case "empty":
            file.touch()
        case "binary":
            file.write_bytes(b"planted\xff")
        case _:
            pass
    expected = Unread(FailureReason.AUTHENTICATION, f"password file {file} {why}")
    assert read_password(PasswordFile(file)) == expected
