"""Certificates as values, for tests that need none that OpenSSL would read."""

import hashlib
from datetime import UTC, datetime, timedelta

from exporter.model.certificate import Certificate, DistinguishedName, RevocationList

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def distinguished(common_name: str) -> DistinguishedName:
    return DistinguishedName(f"/O=Lab/CN={common_name}", f"CN={common_name},O=Lab", (common_name,))


def certificate(
    common_name: str = "replicator",
    *,
    issuer: str = "Lab authority",
    serial_number: int = 0xDEADBEEF_CAFE,
    days_left: float = 60,
    is_authority: bool = False,
) -> Certificate:
    """Return a certificate of a year that ends in ``days_left`` days."""
    not_after = NOW + timedelta(days=days_left)
    der = f"{common_name} {issuer} {serial_number} {days_left} {is_authority}".encode()
    return Certificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        der=der,
        subject=distinguished(common_name),
        issuer=distinguished(issuer),
        serial_number=serial_number,
        not_before=not_after - timedelta(days=365),
        not_after=not_after,
        is_authority=is_authority,
        names=(),
        key_type="EC secp256r1",
        signature_algorithm="ecdsa-with-SHA256",
    )


def revocation_list(
    issuer: str = "Lab authority", *, days_left: float | None = 7, days_old: float = 1
) -> RevocationList:
    der = f"{issuer} {days_left} {days_old}".encode()
    return RevocationList(
        fingerprint=hashlib.sha256(der).hexdigest(),
        der=der,
        issuer=distinguished(issuer),
        this_update=NOW - timedelta(days=days_old),
        next_update=None if days_left is None else NOW + timedelta(days=days_left),
        number=3,
    )
