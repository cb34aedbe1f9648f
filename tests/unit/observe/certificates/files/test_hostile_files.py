"""Files that are none, or too much of one: a reason for each, and the rest is still read."""

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.model.inventory import Inventory, InventoryFault, InventorySource
from exporter.observe.certificates.files import file_formats, file_search
from exporter.observe.certificates.files.file_reading import MOST_BYTES, Refused, read_file
from exporter.observe.certificates.files.inventory import InventoryReader
from lab.pki import Authority

MEBIBYTE = 1024 * 1024
NOBODY = 65534


@pytest.fixture
def folder(authority: Authority) -> Iterator[Path]:
    """A folder with one sound certificate; its path is short enough for a socket."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        sound = authority.issue(common_name="sound").certificate_path.read_bytes()
        (path / "sound.crt").write_bytes(sound)
        yield path


def _read(*paths: Path) -> Inventory:
    source = InventorySource("hostile", tuple(map(str, paths)))
    return InventoryReader([source]).read(datetime.now(UTC))


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _large(path: Path) -> None:
    path.touch()
    os.truncate(path, 100 * MEBIBYTE)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _folder_in_itself(path: Path) -> None:
    path.mkdir()
    (path / "sound.crt").write_bytes((path.parent / "sound.crt").read_bytes())
    (path / "x.crt").symlink_to(".")


def _empty(path: Path) -> None:
    path.touch()


def _deep(path: Path) -> None:
    path.joinpath(*["deep"] * 20).mkdir(parents=True)


def _many_blocks(path: Path) -> None:
    path.write_bytes(b"-----BEGIN X-----\n" * (file_formats.MOST_BLOCKS + 1))


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 100)


def _java_keystore(path: Path) -> None:
    path.write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")


def _cut(path: Path) -> None:
    path.write_bytes((path.parent / "sound.crt").read_bytes()[:-100])


HOSTILE: dict[Callable[[Path], None], InventoryFault] = {
    _fifo: InventoryFault.NOT_A_FILE,
    _socket: InventoryFault.NOT_A_FILE,
    _device: InventoryFault.NOT_A_FILE,
    _large: InventoryFault.TOO_LARGE,
    _link_to_nothing: InventoryFault.MISSING,
    _link_to_itself: InventoryFault.LOOP,
    _folder_in_itself: InventoryFault.LOOP,
    _deep: InventoryFault.TOO_MANY,
    _many_blocks: InventoryFault.TOO_LARGE,
    _empty: InventoryFault.NO_CERTIFICATE,
    _binary: InventoryFault.NO_CERTIFICATE,
    _java_keystore: InventoryFault.NO_CERTIFICATE,
    _cut: InventoryFault.UNPARSABLE,
}


@pytest.mark.parametrize("make", HOSTILE)
def test_in_a_folder_it_has_its_reason_and_the_rest_is_read(
    make: Callable[[Path], None], folder: Path
) -> None:
    make(folder / "x.crt")
    inventory = _read(folder)
    assert [e.certificate.subject.common_name for e in inventory.certificates] == ["sound"]
    assert [error.reason for error in inventory.errors] == [HOSTILE[make]]
    assert inventory.errors[0].detail or make is _binary


@pytest.mark.parametrize("make", HOSTILE)
def test_named_it_has_its_reason_and_the_rest_is_read(
    make: Callable[[Path], None], folder: Path
) -> None:
    make(folder / "x.crt")
    inventory = _read(folder / "x.crt", folder / "sound.crt")
    assert [e.certificate.subject.common_name for e in inventory.certificates] == ["sound"]
    assert [error.reason for error in inventory.errors] == [HOSTILE[make]]


@pytest.mark.parametrize("name", ["x.crt", "sound.crt/x.crt", "x/" * 3000])
def test_an_impossible_path_is_reported(name: str, folder: Path) -> None:
    inventory = _read(folder / name, folder / "sound.crt")
    assert len(inventory.certificates) == 1
    (error,) = inventory.errors
    too_long = InventoryFault.UNREADABLE
    assert error.reason is (too_long if len(name) > 1000 else InventoryFault.MISSING)


def test_a_device_is_not_even_opened() -> None:
    # opening some devices does something; this one would be refused to everybody without a terminal
    (error,) = _read(Path("/dev/tty")).errors
    assert (error.reason, error.detail) == (
        InventoryFault.NOT_A_FILE,
        "is a device, not a regular file",
    )


def test_what_may_not_be_read_is_reported(folder: Path) -> None:
    closed = folder / "closed.crt"
    closed.write_text("secret")
    closed.chmod(0)
    below = folder / "below"
    below.mkdir(mode=0)
    privileged = os.geteuid() == 0
    if privileged:  # root may read everything
        os.seteuid(NOBODY)
    try:
        inventory = _read(folder)
    finally:
        if privileged:
            os.seteuid(0)
    below.chmod(stat.S_IRWXU)
    assert len(inventory.certificates) == 1
    assert [(Path(error.path).name, error.reason) for error in inventory.errors] == [
        ("below", InventoryFault.PERMISSION),
        ("closed.crt", InventoryFault.PERMISSION),
    ]


def test_a_fifo_that_takes_a_files_place_does_not_hold_up_the_reader(folder: Path) -> None:
    (folder / "sound.crt").unlink()
    os.mkfifo(folder / "sound.crt")
    with pytest.raises(Refused) as refused:
        read_file(str(folder / "sound.crt"))
    assert refused.value.fault.reason is InventoryFault.NOT_A_FILE


def test_a_file_that_is_gone_by_now_is_missing(folder: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_file(str(folder / "gone.crt"))
    assert refused.value.fault.reason is InventoryFault.MISSING


def test_a_file_of_the_largest_size_is_read(folder: Path) -> None:
    path = folder / "padded.crt"
    path.write_bytes((folder / "sound.crt").read_bytes())
    os.truncate(path, MOST_BYTES)
    assert len(read_file(str(path))[0]) == MOST_BYTES
    os.truncate(path, MOST_BYTES + 1)
    with pytest.raises(Refused) as refused:
        read_file(str(path))
    assert refused.value.fault.reason is InventoryFault.TOO_LARGE


def test_a_file_of_unknown_size_is_read_again_each_time() -> None:
    (error,) = _read(Path("/proc/self/status")).errors
    assert error.reason is InventoryFault.NO_CERTIFICATE


def test_files_beyond_the_limit_are_reported_and_the_others_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_search, "MOST_ENTRIES", 5)
    many = folder / "many"
    many.mkdir()
    for number in range(10):
        (many / f"{number}.txt").touch()
    inventory = _read(folder)
    assert len(inventory.certificates) == 1
    (error,) = inventory.errors
    assert (error.reason, error.path) == (InventoryFault.TOO_MANY, str(folder))
    inventory = _read(many / "*", many, folder / "sound.crt")
    assert len(inventory.certificates) == 1
    assert [(error.reason, error.path) for error in inventory.errors] == [
        (InventoryFault.TOO_MANY, str(many)),
        (InventoryFault.TOO_MANY, f"{many}/*"),
    ]


def test_folders_that_link_to_each_other_are_read_once(folder: Path) -> None:
    # read as often as there are ways, these would be 2^16 folders
    for number in range(16):
        (folder / str(number)).mkdir()
    for number in range(15):
        for name in ("a", "b"):
            (folder / str(number) / name).symlink_to(f"../{number + 1}")
    inventory = _read(folder)
    assert len(inventory.certificates) == 1
    assert inventory.errors == ()
    assert _read(folder / "**" / "*.crt").errors == ()
