"""The authorities that the standbys trust, read from real files."""

import os
import socket
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.model.failure import FailureReason, Unread
from exporter.model.verification import Trust
from exporter.observe.certificates.tls.authority_file import authorities
from lab.pki import lab_name
from tests.chains import DAY, NOW, make, read

ROOTS = tuple(
    make(lab_name(name), authority=True, begins=NOW - DAY, ends=NOW + DAY).certificate
    for name in ("One", "Two")
)
PEM = b"# comment\n".join(one.public_bytes(Encoding.PEM) for one in ROOTS)
TRUST = Trust(tuple(read(one) for one in ROOTS))


def test_every_certificate_of_the_file_is_an_authority(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.write_bytes(PEM)
    assert authorities(str(file)) == TRUST


def test_the_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.write_bytes(PEM)
    authorities(str(file))
    file.write_bytes(ROOTS[1].public_bytes(Encoding.PEM))
    assert authorities(str(file)) == Trust(TRUST.authorities[1:])


def test_system_is_the_default_file_of_openssl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "system.crt"
    file.write_bytes(PEM)
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(file))
    assert authorities("system") == TRUST


def test_system_without_such_a_file_is_that_of_the_distribution_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, "/no/such/file")
    found = authorities("system")
    if isinstance(found, Unread):
        assert found.detail == "authority file system: this machine has no file of authorities"
    else:
        assert found.authorities


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("folder", "is a directory, not a regular file"),
        ("fifo", "is a FIFO, not a regular file"),
        ("device", "is a device, not a regular file"),
        ("socket", "is a socket, not a regular file"),
        ("empty", "holds no certificate"),
        ("other", "holds no certificate"),
        ("huge", "is larger than 1 MiB"),
        ("crowd", "holds more than 500 blocks of PEM"),
        ("impossible", "cannot be read: no such path"),
    ],
)
def test_a_file_that_gives_none_has_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, why: str
) -> None:
    path = tmp_path / kind
    file = {"device": "/dev/zero", "impossible": f"{path}\0"}.get(kind, str(path))
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "folder":
                path.mkdir()
            case "fifo":
                os.mkfifo(path)
            case "socket":
                monkeypatch.chdir(tmp_path)  # its name may be too long for a socket's
                listener.bind("socket")
            case "empty":
                path.touch()
            case "other":
                path.write_text("-----BEGIN RSA PRIVATE KEY-----\n")
            case "huge":
                path.write_bytes(PEM + b"\n" * 1024 * 1024)
            case "crowd":
                path.write_bytes(PEM * 250 + PEM)
            case _:
                pass
        assert authorities(file) == Unread(
            FailureReason.SERVER_CERTIFICATE, f"authority file {file} {why}"
        )
