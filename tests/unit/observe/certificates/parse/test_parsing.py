"""What files hold: every form, every order, and what only claims to be a certificate."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.certificate import Certificate, CertificateFile
from exporter.observe.certificates.parse.parsing import parse
from lab import odd_certificates as odd
from lab.pki import SERVER, Authority, Issued, lab_name
from tests.unit.observe.certificates.openssl import openssl, takes

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def issued(authority: Authority) -> Issued:
    return authority.issue(common_name="replica", usage=SERVER, sans=("db1.example", "::1"))


@pytest.fixture(scope="session")
def revoked(authority: Authority, issued: Issued) -> Path:
    return authority.revocation_list(issued.certificate)


def _counts(data: bytes) -> tuple[int, int, int]:
    file = parse(data, "file")
    return len(file.certificates), len(file.revocation_lists), file.unparsable


def _only(data: bytes) -> Certificate:
    file = parse(data, "file")
    assert file.unparsable == 0
    (certificate,) = file.certificates
    return certificate


def _odd(**given: object) -> bytes:
    """Return a certificate in DER."""
    name = odd.common_name("odd")
    return odd.certificate(KEY, signed_by=KEY, **{"subject": name, "issuer": name, **given})  # type: ignore[arg-type]


def test_a_certificate_is_read_whole(issued: Issued) -> None:
    decoded = issued.certificate
    certificate = _only(issued.certificate_path.read_bytes())
    assert certificate.der == decoded.public_bytes(Encoding.DER)
    assert certificate.fingerprint == decoded.fingerprint(SHA256()).hex()
    assert certificate.subject.slash == "/O=Lab/CN=replica"
    assert certificate.issuer.rfc2253 == "CN=Lab Root CA,O=Lab"
    assert certificate.serial_number == decoded.serial_number
    assert certificate.not_before == decoded.not_valid_before_utc
    assert certificate.not_after == decoded.not_valid_after_utc
    assert certificate.names == ("db1.example", "::1")
    assert certificate.key_type == "EC secp256r1"
    assert certificate.signature_algorithm == "ecdsa-with-SHA256"
    assert not certificate.is_authority


def test_a_list_is_read_whole(revoked: Path) -> None:
    decoded = x509.load_pem_x509_crl(revoked.read_bytes())
    (one,) = parse(revoked.read_bytes(), "file").revocation_lists
    assert one.der == decoded.public_bytes(Encoding.DER)
    assert one.fingerprint == decoded.fingerprint(SHA256()).hex()
    assert one.issuer.slash == "/O=Lab/CN=Lab Root CA"
    assert (one.this_update, one.next_update) == (decoded.last_update_utc, decoded.next_update_utc)
    assert one.number is None


def test_a_lists_number_and_a_missing_next_update_are_reported() -> None:
    # cryptography builds no list without nextUpdate
    algorithm = odd.element(0x30, odd.identifier("1.2.840.10045.4.3.2"))
    number = odd.element(0x30, odd.identifier("2.5.29.20"), odd.element(0x04, odd.integer(2**100)))
    to_be_signed = odd.element(
        0x30,
        odd.integer(1),
        algorithm,
        odd.common_name("authority"),
        odd.element(0x17, b"260101000000Z"),
        odd.element(0xA0, odd.element(0x30, number)),
    )
    der = odd.element(0x30, to_be_signed, algorithm, odd.element(0x03, b"\0\0"))
    (one,) = parse(der, "file").revocation_lists
    assert one.number == 2**100
    assert one.next_update is None
    assert one.this_update == datetime(2026, 1, 1, tzinfo=UTC)


def test_any_order_is_kept_and_keys_are_passed_over(
    authority: Authority, issued: Issued, revoked: Path
) -> None:
    leaf, key = issued.certificate_path.read_bytes(), issued.key_path.read_bytes()
    data = key + revoked.read_bytes() + leaf + key + authority.certificate_path.read_bytes()
    file = parse(data, "file")
    assert [c.subject.common_name for c in file.certificates] == ["replica", "Lab Root CA"]
    assert len(file.revocation_lists) == 1
    assert file.unparsable == 0
    assert file.path == "file"
    assert b"PRIVATE" not in repr(file).encode()


Form = Callable[[bytes], bytes]
FORMS: dict[str, Form] = {
    "CRLF": lambda pem: pem.replace(b"\n", b"\r\n"),
    "blanks behind the markers": lambda pem: pem.replace(b"-----\n", b"----- \t\n"),
    "no line break at the end": bytes.strip,
    "a byte order mark": lambda pem: b"\xef\xbb\xbf" + pem,
    "text around": lambda pem: b"subject: replica\n" + pem + b"-----\nnot a block -----END",
    "one long line": lambda pem: pem[:28] + pem[28:-26].replace(b"\n", b"") + b"\n" + pem[-26:],
    "the old label": lambda pem: pem.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-"),
    "headers": lambda pem: pem.replace(b"TE-----\n", b"TE-----\nComment: mine\n\n", 1),
    "openssl x509 -text": lambda pem: openssl("x509", "-text", data=pem),
    "openssl x509 -trustout": lambda pem: openssl(
        "x509", "-trustout", "-addtrust", "clientAuth", "-setalias", "mine", data=pem
    ),
    "DER": lambda pem: openssl("x509", "-outform", "DER", data=pem),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_certificate_is_read(form: str, issued: Issued) -> None:
    certificate = _only(FORMS[form](issued.certificate_path.read_bytes()))
    assert certificate.der == issued.certificate.public_bytes(Encoding.DER)


def test_every_form_of_a_list_is_read(revoked: Path) -> None:
    assert _counts(openssl("crl", "-text", "-in", revoked)) == (0, 1, 0)
    assert _counts(openssl("crl", "-outform", "DER", "-in", revoked)) == (0, 1, 0)


def test_what_claims_to_be_one_and_is_none_is_counted(issued: Issued, revoked: Path) -> None:
    pem = issued.certificate_path.read_bytes()
    der = issued.certificate.public_bytes(Encoding.DER)
    empty = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    assert _counts(pem + empty + revoked.read_bytes() + pem) == (2, 1, 1)
    assert _counts(pem + pem[:-30]) == (1, 0, 1)
    assert _counts(pem[:-30] + b"\n" + pem) == (1, 0, 1)
    assert _counts(pem.replace(b"END CERT", b"END OTHER CERT") + pem) == (1, 0, 1)
    assert _counts(pem.replace(b"\nMI", b"\nM!")) == (0, 0, 1)
    assert _counts(revoked.read_bytes().replace(b"\nMI", b"\nAA")) == (0, 0, 1)
    # two files put together where the first had no line break at its end
    assert _counts(pem.strip() + pem) == (0, 0, 1)
    assert _counts(der[:100]) == (0, 0, 1)


def test_other_content_claims_nothing(issued: Issued) -> None:
    key = issued.key_path.read_bytes()
    assert _counts(key) == (0, 0, 0)
    assert _counts(openssl("pkey", "-outform", "DER", data=key)) == (0, 0, 0)
    assert _counts(openssl("pkey", "-pubout", "-outform", "DER", data=key)) == (0, 0, 0)
    assert _counts(b"") == (0, 0, 0)
    assert _counts(b"listen_addresses = '*'\n") == (0, 0, 0)
    assert _counts(b"\x7fELF\0\0") == (0, 0, 0)


@pytest.mark.parametrize("number", [0, -1, -5, -(2**70), 127, 128, 2**159 - 1, -(2**159), 2**2000])
def test_any_serial_number_is_read(number: int) -> None:
    assert _only(_odd(serial_number=number)).serial_number == number


def test_numbers_out_of_all_proportion_are_not() -> None:
    assert _counts(_odd(serial_number=2**9000)) == (0, 0, 1)


@pytest.mark.parametrize(
    "der",
    [
        _odd(subject=odd.distinguished_name()),
        _odd(issuer=odd.distinguished_name()),
        _odd(subject=odd.distinguished_name([("2.5.4.3", odd.T61, b"Z\xfcrich")])),
        _odd(subject=odd.distinguished_name([("2.5.4.3", odd.PRINTABLE, b"a_b@c")])),
        _odd(subject=odd.distinguished_name([], [("2.5.4.3", odd.UTF8, b"")])),
        _odd(version=1),
        _odd(version=2),
        _odd(version=4),
    ],
)
def test_what_openssl_takes_and_cryptography_may_not_is_read(der: bytes) -> None:
    assert takes(der)
    assert _only(der).der == der


TIMES = {
    odd.element(0x17, b"491231235959Z"): datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
    odd.element(0x17, b"500101000000Z"): datetime(1950, 1, 1, tzinfo=UTC),
    odd.element(0x18, b"20260228120000Z"): datetime(2026, 2, 28, 12, tzinfo=UTC),
    odd.element(0x18, b"99991231235959Z"): datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    odd.element(0x18, b"00000101000000Z"): datetime(1, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("time", TIMES)
def test_every_time_of_rfc_5280_is_read(time: bytes) -> None:
    assert _only(_odd(not_before=time)).not_before == TIMES[time]
    assert _only(_odd(not_after=time)).not_after == TIMES[time]


@pytest.mark.parametrize(
    "time",
    [
        odd.element(0x17, b"260101000000+0100"),
        odd.element(0x18, b"20260101000000.5Z"),
        odd.element(0x18, b"20260230000000Z"),
        odd.element(0x18, b"20260101000060Z"),
        odd.element(0x18, b""),
        odd.element(0x04, b"20260101000000Z"),
    ],
)
def test_a_time_that_no_verification_accepts_is_none(time: bytes) -> None:
    assert _counts(_odd(not_after=time)) == (0, 0, 1)


def test_an_authority_is_recognized_by_its_constraints_or_as_of_version_1() -> None:
    def constraints(*values: bytes) -> list[tuple[str, bytes]]:
        return [("2.5.29.19", odd.element(0x30, *values))]

    true, false = b"\x01\x01\xff", b"\x01\x01\x00"
    assert _only(_odd(extensions=constraints(true))).is_authority
    assert _only(_odd(extensions=constraints(true, odd.integer(0)))).is_authority
    assert not _only(_odd(extensions=constraints(false))).is_authority
    assert not _only(_odd(extensions=constraints())).is_authority
    assert not _only(_odd()).is_authority
    assert _only(_odd(version=1)).is_authority
    assert not _only(_odd(version=1, issuer=odd.common_name("another"))).is_authority


def test_names_are_those_that_can_be_compared() -> None:
    names = odd.element(
        0x30,
        odd.element(0x82, b"db1.example"),
        odd.element(0x81, b"someone@example"),
        odd.element(0x87, b"\x0a\0\0\1"),
        odd.element(0x87, b"\0" * 15 + b"\1"),
        odd.element(0x87, b"\0" * 5),
        odd.element(0x82, b"\xff.example"),
    )
    certificate = _only(_odd(extensions=[("2.5.29.17", names)]))
    assert certificate.names == ("db1.example", "10.0.0.1", "::1", "\\xff.example")


KEYS: dict[str, Callable[[], CertificateIssuerPrivateKeyTypes]] = {
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "DSA 1024": lambda: dsa.generate_private_key(1024),
    "EC secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}
ALGORITHMS = {
    "RSA 2048": "sha256WithRSAEncryption",
    "DSA 1024": "dsa_with_SHA256",
    "EC secp384r1": "ecdsa-with-SHA256",
    "Ed25519": "ED25519",
    "Ed448": "ED448",
}


@pytest.mark.parametrize("key_type", KEYS)
def test_keys_and_algorithms_are_named(key_type: str) -> None:
    key = KEYS[key_type]()
    now = datetime.now(UTC)
    der = (
        x509.CertificateBuilder()
        .subject_name(lab_name("x"))
        .issuer_name(lab_name("x"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None if key_type.startswith("Ed") else SHA256())
        .public_bytes(Encoding.DER)
    )
    certificate = _only(der)
    assert (certificate.key_type, certificate.signature_algorithm) == (
        key_type,
        ALGORITHMS[key_type],
    )


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_taken(data: bytes) -> None:
    file = parse(data, "file")
    assert isinstance(file, CertificateFile)


MARKERS = st.sampled_from(
    [
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----END CERTIFICATE-----\n",
        b"-----BEGIN X509 CRL-----\n",
        b"-----END X509 CRL-----\n",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----END PRIVATE KEY-----\n",
        b"MIIB",
        b"=",
        b"\n",
        b": \n\n",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(MARKERS, st.binary(max_size=20)), max_size=12))
def test_pem_in_any_disorder_is_taken(parts: list[bytes]) -> None:
    data = b"".join(parts)
    file = parse(data, "file")
    assert file.unparsable <= data.count(b"-----BEGIN ")


CHANGED = _odd(subject=odd.common_name("Zürich"))


@settings(deadline=None)
@given(st.data())
def test_a_changed_certificate_is_read_or_counted(data: st.DataObject) -> None:
    der = bytearray(CHANGED)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    file = parse(bytes(der), "file")
    for certificate in file.certificates:
        assert certificate.der == bytes(der)[: len(certificate.der)]
        assert certificate.subject.rfc2253.isascii()
        certificate.subject.slash.encode()


def test_blocks_without_end_take_no_more_time_than_their_number() -> None:
    # a search for each END from each BEGIN would take hours
    assert _counts(b"-----BEGIN CERTIFICATE-----\n" * 200_000) == (0, 0, 200_000)
    assert _counts(b"-----BEGIN " * 500_000) == (0, 0, 0)
