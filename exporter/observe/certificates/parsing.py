"""Bytes of a file to certificates and revocation lists; whatever the bytes are, never an error."""

import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.model.certificate import Certificate, CertificateFile
from exporter.observe.certificates.names import distinguished_name

_BLOCK = re.compile(
    rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.DOTALL
)


def parse(data: bytes, path: str) -> CertificateFile:
    """Return what ``data`` holds; keys in it are passed over."""
    found = [_certificate(x509.load_pem_x509_certificate(b)) for b in _BLOCK.findall(data)]
    return CertificateFile(path, tuple(found))


def _certificate(read: x509.Certificate) -> Certificate:
    der = read.public_bytes(Encoding.DER)
    key = read.public_key()
    match key:
        case rsa.RSAPublicKey():
            key_type = f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            key_type = f"EC {key.curve.name}"
        case _:
            key_type = type(key).__name__
    return Certificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        der=der,
        subject=distinguished_name(read.subject),
        issuer=distinguished_name(read.issuer),
        serial_number=read.serial_number,
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        is_authority=False,
        names=(),
        key_type=key_type,
        signature_algorithm=read.signature_algorithm_oid._name,
    )
