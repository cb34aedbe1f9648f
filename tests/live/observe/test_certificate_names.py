"""The exporter reads names and serial numbers of certificates as a server shows them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model.certificate import Certificate
from exporter.observe.certificates.parse.parsing import parse
from lab import odd_certificates as odd
from lab.replication import ReplicationClient, ReplicationRefusedError
from tests.live.primaries import Primaries, Primary

pytestmark = pytest.mark.live

CN, O, OU = "2.5.4.3", "2.5.4.10", "2.5.4.11"  # noqa: E741  their names
CUT_AT = 63

HBA = """\
hostssl replication odd    127.0.0.1/32  trust
hostssl replication mapped 127.0.0.1/32  cert map=odd
"""
HBA_SINCE_14 = HBA.replace("map=odd", "map=odd clientname=DN")

SUBJECTS = {
    "plain": [[(O, odd.UTF8, b"Lab")], [(CN, odd.UTF8, b"odd")]],
    "escapes": [[(O, odd.UTF8, b'#"a+b", <c>; \\ ')], [(CN, odd.UTF8, b"odd")]],
    "slash-and-equals": [[(O, odd.UTF8, b"a/CN=b/c=d")], [(CN, odd.UTF8, b"odd")]],
    "several-values": [
        [(OU, odd.UTF8, b"a"), (OU, odd.UTF8, b"b"), (CN, odd.UTF8, b"odd")],
        [(O, odd.UTF8, b"Lab")],
    ],
    "several-names": [[(CN, odd.UTF8, b"odd")], [(CN, odd.UTF8, b"other")]],
    "types": [
        [("1.2.840.113549.1.9.1", odd.IA5, b"a@b.example")],
        [("0.9.2342.19200300.100.1.25", odd.IA5, b"example")],
        [("0.9.2342.19200300.100.1.1", odd.UTF8, b"u1")],
        [("2.5.4.97", odd.UTF8, b"o")],
    ],
    "utf8": [[(O, odd.UTF8, "Fabrik Zürich 日本 😀".encode())], [(CN, odd.UTF8, b"odd")]],
    "t61": [[(O, odd.T61, b"Z\xfcrich")], [(CN, odd.T61, b"odd")]],
    "bmp": [[(O, odd.BMP, "Zürich 日本".encode("utf-16-be"))]],
    "universal": [[(O, odd.UNIVERSAL, "Zürich 😀".encode("utf-32-be"))]],
    "control": [[(O, odd.UTF8, b"a\nb\x7f")], [(CN, odd.UTF8, b"odd")]],
    "bits": [[("2.5.4.45", 3, b"\0\x05")], [(CN, odd.UTF8, b"odd")]],
    "empty-value": [[(O, odd.UTF8, b"")], [(CN, odd.UTF8, b"odd")]],
    "long": [[(O, odd.UTF8, b"x" * 100)], [(CN, odd.UTF8, b"odd")]],
    "cut-inside-a-character": [[(O, odd.UTF8, b"a" + "ü".encode() * 40)]],
    "empty": [],
}
SERIAL_NUMBERS = [0, -5, 2**159 - 1, 2**200]


@pytest.fixture(scope="module", params=[13, 18])
def changed(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Primary]:
    """A primary that accepts any certificate of the authority, and one role by its whole name."""
    primary = primaries.changeable(request.param)
    server = primary.server
    server.sql("CREATE ROLE odd LOGIN REPLICATION; CREATE ROLE mapped LOGIN REPLICATION")
    server.write_hba(HBA if server.major < 14 else HBA_SINCE_14)
    server.write_ident("odd /^.*$ mapped\n")
    server.reload()
    yield primary
    server.sql("DROP ROLE odd; DROP ROLE mapped")
    primary.reset()


def _client(primary: Primary, role: str, files: tuple[Path, Path]) -> ReplicationClient:
    certificate, key = map(str, files)
    return ReplicationClient(
        primary.client(role, sslmode="require", sslcert=certificate, sslkey=key), stream=False
    )


def _read(files: tuple[Path, Path]) -> Certificate:
    (certificate,) = parse(files[0].read_bytes(), "").certificates
    return certificate


def _cut(text: str) -> bytes:
    return text.encode()[:CUT_AT]


def _hold_against_the_view(primary: Primary, files: tuple[Path, Path]) -> None:
    certificate = _read(files)
    with _client(primary, "odd", files) as client:
        # the server would refuse to convert half a character to text
        [(subject, issuer, serial_number)] = primary.server.sql(
            "SELECT textsend(client_dn), textsend(issuer_dn), client_serial FROM pg_stat_ssl"
            " WHERE pid = %s",
            [client.backend_pid],
        )
    assert (subject or b"") == _cut(certificate.subject.slash)
    assert issuer == _cut(certificate.issuer.slash)
    assert serial_number == certificate.serial_number


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_subject_is_the_one_in_pg_stat_ssl(name: str, changed: Primary) -> None:
    subject = odd.distinguished_name(*SUBJECTS[name])
    _hold_against_the_view(changed, odd.issue_odd(changed.authority, name, subject))


@pytest.mark.parametrize("number", SERIAL_NUMBERS)
def test_the_serial_number_is_the_one_in_pg_stat_ssl(number: int, changed: Primary) -> None:
    files = odd.issue_odd(changed.authority, "serial", odd.common_name("odd"), serial_number=number)
    _hold_against_the_view(changed, files)


def test_a_certificate_of_version_1_is_read_as_it_is_taken(changed: Primary) -> None:
    files = odd.issue_odd(changed.authority, "version", odd.common_name("odd"), version=1)
    _hold_against_the_view(changed, files)


def test_an_attribute_that_openssl_does_not_know(changed: Primary) -> None:
    subject = odd.distinguished_name([("1.2.3.4.5", odd.UTF8, b"x")], [(CN, odd.UTF8, b"odd")])
    files = odd.issue_odd(changed.authority, "unknown", subject)
    if changed.server.major < 14:
        _hold_against_the_view(changed, files)
        return
    with pytest.raises(ReplicationRefusedError, match="could not get NID for ASN1_OBJECT object"):
        _client(changed, "odd", files)


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name != "empty"])
def test_the_other_form_is_the_one_in_the_log(name: str, changed: Primary) -> None:
    files = odd.issue_odd(changed.authority, name, odd.distinguished_name(*SUBJECTS[name]))
    subject = _read(files).subject
    offset = changed.server.log_size()
    if changed.server.major < 14:
        # there is only the common name, and no line that gives it
        if not subject.common_names:
            with pytest.raises(ReplicationRefusedError):
                _client(changed, "mapped", files)
        return
    _client(changed, "mapped", files).close()
    log = changed.server.log_since(offset)
    identities = re.findall(r'identity="(.*)" method=cert', log)
    assert identities == [subject.rfc2253]


@pytest.mark.parametrize(
    ("tag", "value"), [(odd.BMP, "odd".encode("utf-16-be")), (odd.UTF8, b"odd\0")]
)
def test_a_common_name_with_a_nul_is_refused(tag: int, value: bytes, changed: Primary) -> None:
    files = odd.issue_odd(changed.authority, "nul", odd.distinguished_name([(CN, tag, value)]))
    assert "\\x00" in _read(files).subject.common_name
    with pytest.raises(ReplicationRefusedError):
        _client(changed, "odd", files)
    assert "common name contains embedded null" in changed.server.log_text()
