"""The files of a login, looked at as libpq will look at them."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from exporter.config.files import file_fault, key_permissions_fault
from tests.unit.config.conftest import FaultsOf

HOSTED = "targets:\n- name: db1\n  host: db1.example\n"

PASSWORD_FILES = {
    b"": "is empty: write the password into it",
    b"\n": "is empty: write the password into it",
    b"\r\n": "is empty: write the password into it",
    b"hunter2\nhunter3\n": "holds more than one line: a password is one line of text",
    b"hunter\0": "holds more than one line: a password is one line of text",
    b"hunter\xff": "is not UTF-8: save the password in that encoding",
    b"x" * 65_537: "is larger than 64 KiB: it holds no password",
}


@pytest.mark.parametrize(
    ("content", "expected"), PASSWORD_FILES.items(), ids=list(map(str, range(7)))
)
def test_a_file_without_a_password_is_reported(
    folder: Path, faults_of: FaultsOf, content: bytes, expected: str
) -> None:
    (folder / "password").write_bytes(content)
    assert faults_of(f"{HOSTED}  password_file: password\n") == [
        f"config.yml:4: targets.0.password_file: {expected}"
    ]


def test_a_pipe_is_not_accepted_as_a_password_file(folder: Path, faults_of: FaultsOf) -> None:
    os.mkfifo(folder / "pipe")
    assert faults_of(f"{HOSTED}  password_file: pipe\n") == [
        "config.yml:4: targets.0.password_file: is a FIFO, not a regular file"
    ]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("  sslrootcert: pipe", "targets.0.sslrootcert"),
        ("  sslcrl: pipe", "targets.0.sslcrl"),
        ("  sslcert: pipe\n  sslkey: client.key", "targets.0.sslcert"),
        ("  sslkey: pipe\n  sslcert: client.crt", "targets.0.sslkey"),
        ("  parameters: {passfile: pipe}", "targets.0.parameters.passfile"),
        ("  served_certificate: {authority: pipe}", "targets.0.served_certificate.authority"),
        (
            "defaults: {served_certificate: {authority: pipe}}",
            "defaults.served_certificate.authority",
        ),
        (
            "inventory:\n- {name: a, paths: b, password_file: pipe}",
            "inventory.0.password_file",
        ),
        ("targets_from: pipe", "pipe"),
    ],
)
def test_a_pipe_is_none_of_the_files_that_are_named(
    folder: Path, faults_of: FaultsOf, lines: str, place: str
) -> None:
    os.mkfifo(folder / "pipe")
    (fault,) = faults_of(f"{HOSTED}{lines}\n")
    assert fault.endswith(f"{place}: is a FIFO, not a regular file")


def test_an_impossible_path_is_reported(faults_of: FaultsOf) -> None:
    assert faults_of(f"{HOSTED}  password_file: {'x' * 300}\n") == [
        "config.yml:4: targets.0.password_file: cannot be read: File name too long"
    ]


def test_a_password_file_is_read_through_a_link(folder: Path, faults_of: FaultsOf) -> None:
    (folder / "link").symlink_to("password")
    assert faults_of(f"{HOSTED}  password_file: link\n") == []


def test_a_private_key_that_libpq_would_refuse_is_reported(
    folder: Path, faults_of: FaultsOf
) -> None:
    (folder / "client.key").chmod(0o644)
    assert faults_of(f"{HOSTED}  sslcert: client.crt\n  sslkey: client.key\n") == [
        (
            "config.yml:5: targets.0.sslkey: is open to its group or to others, and libpq refuses"
            " it: chmod 0600 (0640 is allowed when root owns it)"
        )
    ]


def test_a_file_of_passwords_that_libpq_would_pass_over_is_reported(
    folder: Path, faults_of: FaultsOf
) -> None:
    (folder / "password").chmod(0o640)
    assert faults_of(f"{HOSTED}  parameters: {{passfile: password}}\n") == [
        (
            "config.yml:4: targets.0.parameters.passfile: is open to its group or to others, and"
            " libpq ignores it: chmod 0600"
        )
    ]


@pytest.mark.parametrize(
    ("mode", "owner", "taken"),
    [
        (0o100600, 1000, True),
        (0o100400, 1000, True),
        (0o100700, 1000, True),
        (0o100640, 1000, False),
        (0o100610, 1000, False),
        (0o100604, 1000, False),
        (0o100601, 1000, False),
        (0o100600, 0, True),
        (0o100640, 0, True),
        (0o100660, 0, False),
        (0o100650, 0, False),
        (0o100644, 0, False),
        (0o100641, 0, False),
    ],
)
def test_a_private_key_is_taken_with_the_permissions_that_libpq_takes(
    mode: int, owner: int, *, taken: bool
) -> None:
    assert (key_permissions_fault(mode, owner) is None) == taken


@pytest.fixture
def unreadable() -> Iterator[Path]:
    """Yield a file that may not be read, and act as an unprivileged user (root could read it)."""
    user = os.geteuid()
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        file = Path(name, "file")
        file.touch(0o000)
        if user == 0:
            os.seteuid(65_534)
        yield file
        os.seteuid(user)


def test_a_file_that_may_not_be_read_is_reported(unreadable: Path) -> None:
    assert file_fault(unreadable) == "cannot be read: Permission denied"
