"""PKCS#12 files, as OpenSSL and others write them, with and without their password."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.model.inventory import Inventory, InventoryFault, InventorySource
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable
from exporter.observe.certificates.files.inventory import InventoryReader
from exporter.observe.certificates.parse.der import elements, first
from exporter.observe.certificates.parse.pkcs12 import holds_pkcs12
from lab import odd_certificates as odd
from lab.pki import Authority
from tests.unit.observe.certificates.openssl import openssl

SECRET = "hunter2"
GIVEN = ClearPassword(SECRET)


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate with its intermediate, and key."""
    issued = Authority.create(tmp_path_factory.mktemp("p12")).intermediate().issue(common_name="r1")
    return issued.certificate_path, issued.key_path


def _write(path: Path, pem: tuple[Path, Path], *options: str, password: str = SECRET) -> Path:
    certificate, key = pem
    made = openssl(
        *("pkcs12", "-export", "-in", certificate, "-inkey", key),
        *("-passout", f"pass:{password}"),
        *options,
    )
    path.write_bytes(made)
    return path


def _reader(path: Path, password: Password) -> InventoryReader:
    return InventoryReader([InventorySource("keystores", (str(path),), password=password)])


def _read(path: Path, password: Password = GIVEN) -> Inventory:
    return _reader(path, password).read(datetime.now(UTC))


FORMS = {
    "as openssl 3 does it": (),
    "as older programs do it": ("-legacy",),
    "many rounds": ("-iter", "600000"),
    "another digest": ("-macalg", "sha512"),
    "certificates not encrypted": ("-certpbe", "NONE"),
    "without MAC": ("-nomac",),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str, pem: tuple[Path, Path], tmp_path: Path) -> None:
    inventory = _read(_write(tmp_path / "r1.p12", pem, *FORMS[form]))
    assert inventory.errors == ()
    leaf, authority = inventory.certificates
    assert leaf.certificate.subject.slash == "/O=Lab/CN=r1"
    assert leaf.chain == (authority.certificate,)


def _as_ber(der: bytes) -> bytes:
    """Return a file as Bouncy Castle writes it: indefinite lengths, the content in pieces."""
    version, authenticated, mac = elements(first(der).content)
    content_type, explicit = elements(authenticated.content)
    octets = first(explicit.content).content
    pieces = (odd.element(0x04, octets[at : at + 500]) for at in range(0, len(octets), 500))
    content = b"\xa0\x80\x24\x80" + b"".join(pieces) + b"\0\0\0\0"
    authenticated_ber = b"\x30\x80" + content_type.encoded + content + b"\0\0"
    return b"\x30\x80" + version.encoded + authenticated_ber + mac.encoded + b"\0\0"


def test_ber_is_read(pem: tuple[Path, Path], tmp_path: Path) -> None:
    path = _write(tmp_path / "r1.p12", pem)
    path.write_bytes(_as_ber(path.read_bytes()))
    assert len(_read(path).certificates) == 2


def test_without_key_it_is_read_in_its_own_order(pem: tuple[Path, Path], tmp_path: Path) -> None:
    inventory = _read(_write(tmp_path / "r1.pfx", pem, "-nokeys"))
    names = [entry.certificate.subject.common_name for entry in inventory.certificates]
    assert names == ["r1", "Lab Issuing CA"]


def test_an_empty_password_is_none(pem: tuple[Path, Path], tmp_path: Path) -> None:
    path = _write(tmp_path / "r1.p12", pem, password="")
    assert len(_read(path, None).certificates) == 2


def test_its_name_does_not_matter(pem: tuple[Path, Path], tmp_path: Path) -> None:
    assert len(_read(_write(tmp_path / "client", pem)).certificates) == 2


@pytest.mark.parametrize(
    ("password", "detail"),
    [
        (None, "no password is configured for it"),
        (ClearPassword("hunter3"), "its password is another one"),
        (PasswordVariable("UNSET"), "environment variable UNSET: not set"),
        (
            PasswordFile(Path("/nowhere")),
            "password file /nowhere cannot be read: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_opened_is_reported_without_the_password(
    password: Password, detail: str, pem: tuple[Path, Path], tmp_path: Path
) -> None:
    inventory = _read(_write(tmp_path / "r1.p12", pem), password)
    assert inventory.certificates == ()
    (error,) = inventory.errors
    assert (error.reason, error.detail) == (InventoryFault.ENCRYPTED, detail)
    assert "hunter" not in repr(inventory)


def test_a_password_that_changes_opens_it(pem: tuple[Path, Path], tmp_path: Path) -> None:
    path = _write(tmp_path / "r1.p12", pem)
    file = tmp_path / "password"
    file.write_text("old\n")
    reader = _reader(path, PasswordFile(file))
    now = datetime.now(UTC) + timedelta(seconds=10)
    before = reader.read(now)
    assert [error.reason for error in before.errors] == [InventoryFault.ENCRYPTED]
    file.write_text(f"{SECRET}\n")
    assert len(reader.read(now).certificates) == 2


@pytest.mark.parametrize("length", [10, 300, 1000, -20])
def test_what_is_damaged_is_reported(length: int, pem: tuple[Path, Path], tmp_path: Path) -> None:
    path = _write(tmp_path / "r1.p12", pem)
    path.write_bytes(path.read_bytes()[:length])
    assert [error.reason for error in _read(path).errors] == [InventoryFault.UNPARSABLE]


def _with_rounds(rounds: int, content: bytes = b"") -> bytes:
    """Return a file whose MAC requires ``rounds``, after which it would not be opened anyway."""
    data = odd.identifier("1.2.840.113549.1.7.1")
    octets = odd.element(0x04, odd.element(0x30, content))
    safe = odd.element(0x30, data, odd.element(0xA0, octets))
    digest = odd.element(
        0x30, odd.element(0x30, odd.identifier("1.3.14.3.2.26")), odd.element(0x04, b"\0" * 20)
    )
    mac = odd.element(0x30, digest, odd.element(0x04, b"salt"), odd.integer(rounds))
    return odd.element(0x30, odd.integer(3), safe, mac)


def test_a_file_that_would_keep_the_reader_busy_for_hours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "busy.p12"
    path.write_bytes(_with_rounds(1000))
    assert [error.reason for error in _read(path).errors] == [InventoryFault.ENCRYPTED]
    parameters = odd.element(0x30, odd.element(0x04, b"salt"), odd.integer(2**31 - 1))
    inside = _with_rounds(1000, odd.element(0x04, b"\0" * 600) + odd.integer(0) + parameters)
    negative = odd.element(0x30, odd.element(0x04, b"salt"), odd.integer(-(2**31)))
    set_off = _with_rounds(2**31 - 1, negative)
    for data in (
        set_off,
        _with_rounds(2**31 - 1),
        inside,
        _as_ber(_with_rounds(2**31 - 1)),
        _as_ber(inside),
    ):
        path.write_bytes(data)
        assert [error.reason for error in _read(path).errors] == [InventoryFault.UNPARSABLE]


def test_a_file_out_of_all_proportion_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.p12"
    path.write_bytes(_with_rounds(1))
    assert [error.reason for error in _read(path).errors] == [InventoryFault.ENCRYPTED]
    path.write_bytes(_with_rounds(1) + b"\x30\0" * 2_100_000)
    assert [error.reason for error in _read(path).errors] == [InventoryFault.UNPARSABLE]


@pytest.mark.parametrize("number", [0, -5])
def test_an_odd_serial_number_in_it_is_read(number: int, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki")
    pem = odd.issue_odd(authority, "odd", odd.common_name("odd"), serial_number=number)
    (entry,) = _read(_write(tmp_path / "odd.p12", pem)).certificates
    assert entry.certificate.serial_number == number


def test_keys_and_certificates_are_not_taken_for_one(pem: tuple[Path, Path]) -> None:
    for option in ("pkey", "x509"):
        path = pem[1] if option == "pkey" else pem[0]
        assert not holds_pkcs12(openssl(option, "-in", path, "-outform", "DER"))
