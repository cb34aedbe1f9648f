"""The inventory from real files: found, read, bound, read again when they change, and only then."""

import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.model.inventory import (
    Binding,
    Inventory,
    InventoryCertificate,
    InventoryFault,
    InventorySource,
)
from exporter.observe.certificates.files import source_files
from exporter.observe.certificates.files.file_reading import NEVER
from exporter.observe.certificates.files.inventory import InventoryReader
from lab.pki import Authority, Issued, lab_name
from tests.chains import DAY, NOW, make

SETTLED = timedelta(seconds=10)
"""So long after a change, no clock of a file system is too coarse for it."""


def _now() -> datetime:
    return datetime.now(UTC) + SETTLED


def _source(
    *paths: Path | str, name: str = "standbys", roles: tuple[str, ...] = ()
) -> InventorySource:
    return InventorySource(name, tuple(map(str, paths)), frozenset(roles))


def _read(*paths: Path | str) -> Inventory:
    return InventoryReader([_source(*paths)]).read(_now())


def _names(inventory: Inventory) -> list[str]:
    return [entry.certificate.subject.common_name for entry in inventory.certificates]


def _faults(inventory: Inventory) -> dict[str, InventoryFault]:
    return {Path(error.path).name: error.reason for error in inventory.errors}


def _write(path: Path, *issued: Issued) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(one.certificate_path.read_bytes() for one in issued))
    return path


def test_of_a_crowd_of_authorities_no_more_are_a_chain_than_openssl_follows(
    tmp_path: Path,
) -> None:
    ends = [NOW + (one + 1) * DAY for one in range(101)]
    crowd = [make(lab_name("Root"), authority=True, begins=NOW, ends=each) for each in ends]
    file = tmp_path / "all.pem"
    file.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in crowd))
    assert {len(entry.chain) for entry in _read(file).certificates} == {100}


def _by_name(inventory: Inventory, name: str) -> InventoryCertificate:
    (found,) = [e for e in inventory.certificates if e.certificate.subject.common_name == name]
    return found


@pytest.fixture(scope="session")
def one(authority: Authority) -> Issued:
    return authority.issue(common_name="one")


@pytest.fixture(scope="session")
def two(authority: Authority) -> Issued:
    return authority.issue(common_name="two")


def test_a_folder_is_searched_to_its_depths(tmp_path: Path, one: Issued, two: Issued) -> None:
    _write(tmp_path / "one.crt", one)
    shutil.copy(one.key_path, tmp_path / "one.key")
    (tmp_path / "README").write_text("who has which")
    below = tmp_path / "site" / ".postgresql" / "postgresql.crt"
    below.parent.mkdir(parents=True)
    below.write_bytes(two.certificate.public_bytes(Encoding.DER))
    inventory = _read(tmp_path)
    assert _names(inventory) == ["one", "two"]
    assert _by_name(inventory, "two").paths == (str(below),)
    assert inventory.errors == ()


def test_one_certificate_in_many_places_is_one(tmp_path: Path, one: Issued, two: Issued) -> None:
    _write(tmp_path / "b.crt", one)
    _write(tmp_path / "a.crt", two, one)
    _write(tmp_path / "other" / "one.pem", one)
    reader = InventoryReader(
        [
            _source(tmp_path / "*.crt", roles=("r1",)),
            _source(tmp_path / "other", name="others", roles=("r2",)),
            _source(tmp_path / "b.crt", name="again", roles=("r1",)),
        ]
    )
    found = _by_name(reader.read(_now()), "one")
    assert found.paths == tuple(
        str(tmp_path / name) for name in ("a.crt", "b.crt", "other/one.pem")
    )
    assert found.bindings == (
        Binding(frozenset({"r1"}), frozenset()),
        Binding(frozenset({"r2"}), frozenset()),
    )


def test_the_authorities_of_a_file_are_the_chain(tmp_path: Path) -> None:
    root = Authority.create(tmp_path / "pki")
    leaf = root.intermediate().issue(common_name="leaf")
    data = leaf.certificate_path.read_bytes() + root.certificate_path.read_bytes()
    path = tmp_path / "leaf.crt"
    path.write_bytes(data)
    inventory = _read(path, root.certificate_path)
    chain = _by_name(inventory, "leaf").chain
    assert [c.subject.common_name for c in chain] == ["Lab Issuing CA", "Lab Root CA"]
    alone = _by_name(_read(root.certificate_path), "Lab Root CA")
    assert alone.certificate.is_authority
    assert alone.chain == ()


PATTERNS = {
    "*.crt": ["a.crt", "b.crt"],
    "?.crt": ["a.crt", "b.crt"],
    "[!a].crt": ["b.crt"],
    "*/*.crt": ["x/c.crt", "y/d.crt"],
    "x/*": ["x/c.crt"],
    "**/*.crt": ["a.crt", "b.crt", "x/c.crt", "x/deep/e.crt", "y/d.crt"],
    "**": ["a.crt", "b.crt", "x/c.crt", "x/deep/e.crt", "y/d.crt"],
    "**/**/deep/*": ["x/deep/e.crt"],
    "**/x/**/e.crt": ["x/deep/e.crt"],
    ".*": [".hidden.crt"],
    "*/.f.crt": ["x/.f.crt"],
    "z/*": [],
    "*.pem": [],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_wildcards_name_files(pattern: str, tmp_path: Path, one: Issued) -> None:
    files = ("a.crt", "b.crt", "x/c.crt", "y/d.crt", "x/deep/e.crt", ".hidden.crt", "x/.f.crt")
    for name in files:
        _write(tmp_path / name, one)
    inventory = _read(tmp_path / pattern)
    found = [path for entry in inventory.certificates for path in entry.paths]
    assert [str(Path(path).relative_to(tmp_path)) for path in found] == sorted(PATTERNS[pattern])
    if pattern != "z/*":
        assert inventory.errors == ()


def test_the_folder_of_a_pattern_that_is_not_there_is_missed(tmp_path: Path) -> None:
    (error,) = _read(tmp_path / "nowhere" / "*.crt").errors
    assert (error.reason, error.path) == (InventoryFault.MISSING, f"{tmp_path}/nowhere/*.crt")


def test_a_mounted_secret_is_listed_once_and_its_swap_is_seen(
    tmp_path: Path, one: Issued, two: Issued
) -> None:
    """As Kubernetes does it: names link to ..data, which links to the current version."""
    _write(tmp_path / "..2026_01_01" / "tls.crt", one)
    shutil.copy(one.key_path, tmp_path / "..2026_01_01" / "tls.key")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    reader = InventoryReader([_source(tmp_path), _source(tmp_path / "*.crt", name="pattern")])
    before = reader.read(_now())
    assert _by_name(before, "one").paths == (str(tmp_path / "tls.crt"),)
    _write(tmp_path / "..2026_02_02" / "tls.crt", two)
    (tmp_path / "..data_tmp").symlink_to("..2026_02_02")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    shutil.rmtree(tmp_path / "..2026_01_01")
    after = reader.read(_now())
    assert _names(after) == ["two"]
    assert _by_name(after, "two").paths == (str(tmp_path / "tls.crt"),)
    # the link to the key leads nowhere now
    assert _faults(after) == {"tls.key": InventoryFault.MISSING}


def test_nothing_changed_is_the_same_object(tmp_path: Path, one: Issued) -> None:
    _write(tmp_path / "one.crt", one)
    reader = InventoryReader([_source(tmp_path, tmp_path / "missing.crt")])
    before = reader.read(_now())
    assert before.errors
    later = _now() + timedelta(minutes=1)
    after = reader.read(later)
    assert after.certificates is before.certificates
    assert after.errors is before.errors
    assert after.read_at == later


def test_a_touched_file_changes_nothing(tmp_path: Path, one: Issued) -> None:
    path = _write(tmp_path / "one.crt", one)
    reader = InventoryReader([_source(tmp_path)])
    before = reader.read(_now())
    os.utime(path, (1, 1))
    assert reader.read(_now()).certificates is before.certificates


def test_only_what_changed_is_another_object(tmp_path: Path, one: Issued, two: Issued) -> None:
    _write(tmp_path / "a.crt", one)
    path = _write(tmp_path / "b.crt", two)
    reader = InventoryReader([_source(tmp_path)])
    before = reader.read(_now())
    _write(path, two, one)
    after = reader.read(_now())
    assert _by_name(after, "two") is _by_name(before, "two")
    assert _by_name(after, "one").paths == (str(tmp_path / "a.crt"), str(path))


def test_a_file_that_is_gone_is_forgotten(tmp_path: Path, one: Issued, two: Issued) -> None:
    _write(tmp_path / "a.crt", one)
    path = _write(tmp_path / "b.crt", two)
    reader = InventoryReader([_source(tmp_path)])
    assert _names(reader.read(_now())) == ["one", "two"]
    path.unlink()
    assert _names(reader.read(_now())) == ["one"]


def test_a_second_change_within_a_tick_of_the_clock_is_seen(
    tmp_path: Path, one: Issued, two: Issued
) -> None:
    """Size and times may be equal then; the state of so young a file is not relied upon."""
    path = _write(tmp_path / "one.crt", one)
    reader = InventoryReader([_source(path)])
    changed_at = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    assert _names(reader.read(changed_at)) == ["one"]
    # on this file system a rewrite changes its times: what is shown is that it is read again
    before = reader._sources[0]._held[str(path)]
    assert before[0] == NEVER
    _write(path, two)
    assert _names(reader.read(changed_at)) == ["two"]
    reader.read(changed_at + SETTLED)
    assert reader._sources[0]._held[str(path)][0] != NEVER


def test_a_file_that_grows_is_complete_in_the_end(tmp_path: Path, authority: Authority) -> None:
    issued = [authority.issue(common_name=f"s{number}") for number in range(40)]
    path = tmp_path / "bundle.pem"
    path.touch()
    reader = InventoryReader([_source(path)])

    def grow() -> None:
        with path.open("ab", buffering=0) as stream:
            for one in issued:
                data = one.certificate_path.read_bytes()
                stream.write(data[:100])
                stream.write(data[100:])

    thread = threading.Thread(target=grow)
    thread.start()
    while thread.is_alive():
        names = _names(reader.read(_now()))
        assert names == [f"s{number}" for number in range(len(names))]
    thread.join()
    inventory = reader.read(_now())
    assert len(inventory.certificates) == len(issued)
    assert inventory.errors == ()


def test_a_name_that_is_not_a_string_is_shown_as_text(tmp_path: Path, one: Issued) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.crt"))
    _write(path, one)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe.crt")).touch()
    inventory = _read(tmp_path)
    assert _by_name(inventory, "one").paths == (f"{tmp_path}/\\xff\\n.crt",)
    (error,) = inventory.errors
    assert error.path == f"{tmp_path}/\\xfe.crt"


def test_what_cannot_be_parsed_is_reported_and_the_rest_is_read(
    tmp_path: Path, one: Issued
) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    path = tmp_path / "bundle.pem"
    path.write_bytes(broken + one.certificate_path.read_bytes())
    inventory = _read(path)
    assert _names(inventory) == ["one"]
    (error,) = inventory.errors
    assert (error.reason, error.detail) == (
        InventoryFault.UNPARSABLE,
        "1 of 2 certificates and lists",
    )
    assert (error.source, error.path) == ("standbys", str(path))


@pytest.fixture
def two_files(tmp_path: Path, one: Issued, two: Issued) -> Path:
    _write(tmp_path / "a.crt", one)
    _write(tmp_path / "b.crt", two)
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_CERTIFICATES", 1), ("MOST_CERTIFICATE_BYTES", 600)]
)
def test_more_certificates_than_can_be_kept_are_left_out_and_reported(
    limit: str, value: int, two_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, limit, value)
    inventory = _read(two_files)
    assert _names(inventory) == ["one"]
    assert _faults(inventory) == {"b.crt": InventoryFault.TOO_MANY}


def test_no_source_is_an_empty_inventory() -> None:
    now = _now()
    assert InventoryReader([]).read(now) == Inventory((), (), now)


def test_a_revocation_list_is_not_a_fault_and_not_kept(authority: Authority) -> None:
    path = authority.revocation_list()
    reader = InventoryReader([_source(path)])
    inventory = reader.read(_now())
    assert (inventory.certificates, inventory.errors) == ((), ())
    [(_, held)] = reader._sources[0]._held.values()
    assert held.file.revocation_lists == ()
