"""Inputs to begin with: one of every form that is read."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12
from cryptography.x509 import load_pem_x509_crl

from lab import odd_certificates as odd
from lab.pki import SERVER, Authority

PASSWORD = "made for this"  # noqa: S105  of files that are made here

AS_FILE, AS_CERTIFICATE, AS_LIST, AS_NAME = (bytes([kind]) for kind in range(4))
"""First bytes, as ``fuzz.target`` reads them."""

COMMON_NAME = "2.5.4.3"
NAMES = (
    odd.distinguished_name(),
    odd.distinguished_name([(COMMON_NAME, odd.UTF8, "Zürich, #+\0".encode())]),
    odd.distinguished_name([(COMMON_NAME, odd.T61, b" Z\xfcrich ")]),
    odd.distinguished_name([(COMMON_NAME, odd.BMP, "日本".encode("utf-16-be"))]),
    odd.distinguished_name([(COMMON_NAME, odd.UNIVERSAL, "日本".encode("utf-32-be"))]),
    odd.distinguished_name([("2.5.4.45", 3, b"\0\x05")]),
    odd.distinguished_name(
        [("2.5.4.11", odd.PRINTABLE, b"a"), ("1.2.840.113549.1.9.1", odd.IA5, b"a@b")],
        [("1.2.3.4.5", odd.UTF8, b"unknown")],
    ),
)


def write_seeds(folder: Path, work: Path) -> None:
    """Write the inputs into ``folder``; ``work`` holds what they are made of."""
    authority = Authority.create(work)
    below = authority.intermediate()
    issued = below.issue(
        common_name="localhost", usage=SERVER, sans=("localhost", "127.0.0.1", "::1")
    )
    revoked = below.revocation_list(issued.certificate)
    pem = issued.certificate_path.read_bytes()
    der = issued.certificate.public_bytes(Encoding.DER)
    revoked_der = load_pem_x509_crl(revoked.read_bytes()).public_bytes(Encoding.DER)
    key = ec.generate_private_key(ec.SECP256R1())
    # one round: what is tried is the reading, not the hashing
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(1)
        .hmac_hash(SHA256())
        .build(PASSWORD.encode())
    )
    keystore = pkcs12.serialize_key_and_certificates(
        b"client",
        below.key,
        below.certificate,
        [authority.certificate],
        encryption,
    )
    inputs = [
        AS_FILE + issued.key_path.read_bytes() + pem + revoked.read_bytes(),
        AS_FILE + pem.replace(b"BEGIN CERT", b"BEGIN TRUSTED CERT").replace(b"\n", b"\r\n"),
        AS_FILE + der,
        AS_FILE + revoked_der,
        AS_FILE + keystore,
        AS_CERTIFICATE + der,
        AS_CERTIFICATE + below.certificate.public_bytes(Encoding.DER),
        AS_LIST + revoked_der,
        *(AS_NAME + name for name in NAMES),
        *(AS_CERTIFICATE + _odd(key, name) for name in NAMES),
        *(AS_CERTIFICATE + _odd(key, NAMES[1], number) for number in (0, -5, 2**159)),
        AS_CERTIFICATE + _odd(key, NAMES[1], version=1),
    ]
    for number, data in enumerate(inputs):
        (folder / f"seed-{number}").write_bytes(data)


def _odd(
    key: ec.EllipticCurvePrivateKey, name: bytes, serial_number: int = 1, version: int = 3
) -> bytes:
    return odd.certificate(
        key,
        subject=name,
        signed_by=key,
        issuer=name,
        serial_number=serial_number,
        version=version,
    )
