"""Parses one certificate in DER.

OpenSSL decides whether it is valid DER, as for PostgreSQL. cryptography rejects certificates that
OpenSSL accepts (serial numbers below 1, names in ISO 8859-1, …), so the fields are read here.
"""

import hashlib
from collections.abc import Iterator
from ipaddress import ip_address

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from OpenSSL import crypto

from exporter.model.certificate import Certificate
from exporter.observe.certificates.parse.der import SEQUENCE, Element, first, inside, integer
from exporter.observe.certificates.parse.fields import (
    algorithm_name,
    bounded_integer,
    extensions_of,
    read_time,
)
from exporter.observe.certificates.parse.names import distinguished_name

_MOST_BYTES = 1 << 20
"""Ten times what OpenSSL accepts in a handshake (SSL_MAX_CERT_LIST_DEFAULT)."""

_VERSION = 0xA0
_EXTENSIONS = 0xA3
_BASIC_CONSTRAINTS = "2.5.29.19"
_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_BOOLEAN = 0x01
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
_IP_ADDRESS_BYTES = (4, 16)


def read_certificate(der: bytes) -> Certificate:
    """Return the certificate that ``der`` begins with; bytes after it are ignored.

    Raises:
        ValueError: OpenSSL cannot parse it, or it is too large.
    """
    if len(der) > _MOST_BYTES:
        raise ValueError("too large for a certificate")
    whole = first(der)
    try:
        crypto.load_certificate(crypto.FILETYPE_ASN1, whole.encoded)
    except crypto.Error as error:
        raise ValueError("not a certificate to OpenSSL") from error
    to_be_signed, algorithm, *_ = inside(whole, SEQUENCE)
    version, (serial, _, issuer, validity, subject, key, *rest) = _version_and_fields(to_be_signed)
    not_before, not_after, *_ = inside(validity, SEQUENCE)
    extensions = _extensions(rest)
    constraints = extensions.get(_BASIC_CONSTRAINTS)
    alternative_names = extensions.get(_SUBJECT_ALTERNATIVE_NAME)
    return Certificate(
        fingerprint=hashlib.sha256(whole.encoded).hexdigest(),
        der=whole.encoded,
        subject=distinguished_name(subject.encoded),
        issuer=distinguished_name(issuer.encoded),
        serial_number=bounded_integer(serial),
        not_before=read_time(not_before),
        not_after=read_time(not_after),
        is_authority=(
            version == 1 and subject.encoded == issuer.encoded
            if constraints is None
            else _says_authority(constraints)
        ),
        names=() if alternative_names is None else tuple(_names(alternative_names)),
        key_type=_key_type(key),
        signature_algorithm=algorithm_name(algorithm),
    )


def _version_and_fields(to_be_signed: Element) -> tuple[int, list[Element]]:
    fields = list(inside(to_be_signed, SEQUENCE))
    if fields and fields[0].tag == _VERSION:
        return integer(first(fields[0].content)) + 1, fields[1:]
    return 1, fields


def _extensions(optional: list[Element]) -> dict[str, bytes]:
    for field in optional:
        if field.tag == _EXTENSIONS:
            return extensions_of(first(field.content))
    return {}


def _says_authority(constraints: bytes) -> bool:
    says = next(inside(first(constraints), SEQUENCE), None)
    return says is not None and says.tag == _BOOLEAN and any(says.content)


def _names(alternative_names: bytes) -> Iterator[str]:
    for name in inside(first(alternative_names), SEQUENCE):
        if name.tag == _DNS_NAME:
            yield name.content.decode("ascii", errors="backslashreplace")
        elif name.tag == _IP_ADDRESS and len(name.content) in _IP_ADDRESS_BYTES:
            yield str(ip_address(name.content))


def _key_type(key: Element) -> str:
    try:
        public_key = load_der_public_key(key.encoded)
    except (ValueError, UnsupportedAlgorithm):
        public_key = None
    match public_key:
        case rsa.RSAPublicKey():
            return f"RSA {public_key.key_size}"
        case dsa.DSAPublicKey():
            return f"DSA {public_key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC {public_key.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
        case _:
            algorithm, *_ = inside(key, SEQUENCE)
            return algorithm_name(algorithm)
