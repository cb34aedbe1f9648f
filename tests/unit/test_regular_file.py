"""Only regular files are read, and nothing else at their paths blocks."""

import os
import socket
import stat
from pathlib import Path

import pytest

from exporter import regular_file
from exporter.regular_file import NotRegular, TooLarge, opened, read, why


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a socket's path may be too long otherwise."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("fifo", "is a FIFO, not a regular file"),
        ("socket", "is a socket, not a regular file"),
        ("folder", "is a directory, not a regular file"),
        ("/dev/zero", "is a device, not a regular file"),
        ("link", "is a FIFO, not a regular file"),
    ],
)
def test_what_is_not_a_regular_file_is_refused(folder: Path, kind: str, expected: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "fifo":
                os.mkfifo("fifo")
            case "socket":
                listener.bind("socket")
            case "folder":
                Path("folder").mkdir()
            case "link":
                os.mkfifo("fifo")
                Path("link").symlink_to("fifo")
            case _:
                pass
        with pytest.raises(NotRegular) as raised:
            read(folder / kind, 10)
    assert why(raised.value) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("absent", "cannot be read: No such file or directory"),
        ("file/below", "cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0b", "cannot be read: no such path"),
    ],
)
def test_what_cannot_be_opened_is_reported_in_the_words_of_the_system(
    folder: Path, path: str, expected: str
) -> None:
    (folder / "file").touch()
    with pytest.raises(regular_file.FAULTS) as raised:
        read(path, 10)
    assert not isinstance(raised.value, NotRegular)
    assert why(raised.value) == expected  # type: ignore[arg-type]  # it is one of FAULTS


def test_a_fifo_that_took_the_place_of_the_file_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    regular = folder / "file"
    regular.touch()
    os.mkfifo(folder / "fifo")
    status = regular.stat()
    # what stat() said of the path before it was replaced
    with monkeypatch.context() as replaced:
        replaced.setattr(os, "stat", lambda _: status)
        with pytest.raises(NotRegular):
            read(folder / "fifo", 10)
    assert stat.S_ISREG(status.st_mode)


@pytest.mark.parametrize("length", [0, 1, 9, 10])
def test_a_file_is_read_up_to_the_limit(folder: Path, length: int) -> None:
    (folder / "file").write_bytes(b"x" * length)
    assert read("file", 10) == b"x" * length


@pytest.mark.parametrize("length", [11, 12, 5_000_000])
def test_a_file_beyond_the_limit_is_refused(folder: Path, length: int) -> None:
    (folder / "file").write_bytes(b"x" * length)
    with pytest.raises(TooLarge, match=r"^is larger than 10 bytes$"):
        read("file", 10)


@pytest.mark.parametrize(
    ("most", "words"), [(64 * 1024, "64 KiB"), (8 * 1024 * 1024, "8 MiB"), (1025, "1025 bytes")]
)
def test_the_limit_is_written_in_the_largest_unit(most: int, words: str) -> None:
    assert why(TooLarge(most)) == f"is larger than {words}"


def test_a_file_without_a_size_is_read_to_its_end() -> None:
    # the kernel's own files have size 0
    assert b"Name:" in read("/proc/self/status", 100_000)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(folder: Path) -> None:
    (folder / "file").write_bytes(b"x" * 3_000_000)
    with opened("file") as stream:
        assert len(regular_file.content(stream, 5, 4_000_000)) == 3_000_000


def test_no_descriptor_stays_open(folder: Path) -> None:
    os.mkfifo("fifo")
    (folder / "file").write_bytes(b"x" * 11)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("fifo", "file", "absent"):
        with pytest.raises(regular_file.FAULTS):
            read(path, 10)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
