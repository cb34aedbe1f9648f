"""Certificates that cryptography does not build, put together from DER: any name, number, date."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lab.account import server_account
from lab.pki import Authority

UTF8, NUMERIC, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 12, 18, 19, 20, 22, 28, 30
"""Tags of the string types of names."""

Attribute = tuple[str, int, bytes]
"""Object identifier with dots, tag, value."""
RelativeName = Sequence[Attribute]

_LONG_FORM = 0x80
_ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"


def element(tag: int, *parts: bytes) -> bytes:
    """Return one element of DER."""
    content = b"".join(parts)
    if len(content) < _LONG_FORM:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, _LONG_FORM | len(length)]) + length + content


def identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    top, second, *rest = map(int, dotted.split("."))
    octets = b""
    for number in (40 * top + second, *rest):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(number & 0x7F | 0x80)
        octets += bytes(reversed(septets))
    return element(0x06, octets)


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return element(0x02, value.to_bytes(length, signed=True))


def distinguished_name(*relative_names: RelativeName) -> bytes:
    """Return a Name; attributes of one relative name stand in the order given."""
    return element(
        0x30,
        *(
            element(
                0x31,
                *(
                    element(0x30, identifier(dotted), element(tag, value))
                    for dotted, tag, value in attributes
                ),
            )
            for attributes in relative_names
        ),
    )


def common_name(text: str) -> bytes:
    """Return ``/CN=text``."""
    return distinguished_name([("2.5.4.3", UTF8, text.encode())])


def time(moment: datetime | bytes) -> bytes:
    """Return a GeneralizedTime; bytes are taken as they are."""
    text = moment if isinstance(moment, bytes) else f"{moment:%Y%m%d%H%M%SZ}".encode()
    return element(0x18, text)


def certificate(
    key: ec.EllipticCurvePrivateKey,
    *,
    subject: bytes,
    signed_by: ec.EllipticCurvePrivateKey,
    issuer: bytes,
    version: int = 3,
    serial_number: int | bytes = 1,
    not_before: bytes | None = None,
    not_after: bytes | None = None,
    extensions: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """Return a certificate in DER.

    Args:
        key: of the subject.
        subject: a Name.
        signed_by: key of the issuer.
        issuer: a Name.
        version: 1 or 3; extensions need 3.
        serial_number: any; bytes are the content of the INTEGER, as they are.
        not_before: a Time; a day ago if None.
        not_after: a Time; in a year if None.
        extensions: object identifier with dots, value in DER.
    """
    now = datetime.now(UTC)
    algorithm = element(0x30, identifier(_ECDSA_WITH_SHA256))
    number = integer(serial_number) if isinstance(serial_number, int) else element(2, serial_number)
    fields = [
        number,
        algorithm,
        issuer,
        element(
            0x30,
            not_before or time(now - timedelta(days=1)),
            not_after or time(now + timedelta(days=365)),
        ),
        subject,
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ]
    if version > 1:
        fields.insert(0, element(0xA0, integer(version - 1)))
    if extensions:
        values = (
            element(0x30, identifier(dotted), element(0x04, value)) for dotted, value in extensions
        )
        fields.append(element(0xA3, element(0x30, *values)))
    to_be_signed = element(0x30, *fields)
    signature = signed_by.sign(to_be_signed, ec.ECDSA(SHA256()))
    return element(0x30, to_be_signed, algorithm, element(0x03, b"\0", signature))


def issue_odd(
    authority: Authority,
    name: str,
    subject: bytes,
    *,
    serial_number: int | bytes = 1,
    version: int = 3,
) -> tuple[Path, Path]:
    """Issue a client certificate for any subject; return the paths of certificate and key.

    Args:
        authority: that signs.
        name: of the files, without suffix.
        subject: a Name.
        serial_number: as in ``certificate``.
        version: 1 or 3.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    der = certificate(
        key,
        subject=subject,
        signed_by=authority.key,
        issuer=authority.certificate.subject.public_bytes(),
        serial_number=serial_number,
        version=version,
    )
    paths = authority.directory / f"{name}.crt", authority.directory / f"{name}.key"
    texts = (
        ssl.DER_cert_to_PEM_cert(der).encode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    for path, text in zip(paths, texts, strict=True):
        path.touch(mode=0o600)
        path.write_bytes(text)
        server_account().own(path)
    return paths
