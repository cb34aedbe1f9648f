"""Certificates, revocation lists and dates in words."""

from datetime import UTC, datetime

from exporter.model.certificate import Certificate, DistinguishedName, RevocationList
from exporter.model.finding import Weakness
from exporter.model.judgement import ForecastCause

EXPIRES = {
    ForecastCause.EXPIRED: "the certificate expires",
    ForecastCause.AUTHORITY: "a CA certificate of its chain expires",
    ForecastCause.CRL: (
        "a certificate revocation list (CRL) expires, and every client below its issuer is rejected"
    ),
}
"""What happens on the first date from which a certificate is rejected."""


def moment(at: datetime) -> str:
    """Return a date and time as ``2026-11-25 13:00 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def name_of(name: DistinguishedName) -> str:
    """Return the first CN, or the distinguished name if there is none, in quotes."""
    text = name.common_name or name.rfc2253
    return f'"{text}"' if text else "without a name"


def certificate_text(certificate: Certificate) -> str:
    """Return name, serial number and notAfter of a certificate."""
    return (
        f"{name_of(certificate.subject)} (serial number {certificate.serial_number}, valid until "
        f"{moment(certificate.not_after)})"
    )


def list_text(revocation_list: RevocationList) -> str:
    """Return issuer and nextUpdate of a revocation list."""
    due = revocation_list.next_update
    until = "without an end" if due is None else f"valid until {moment(due)}"
    return f"the revocation list of {name_of(revocation_list.issuer)} ({until})"


def weakness_text(weakness: Weakness) -> str:
    """Return which key or signature is weak."""
    name = name_of(weakness.subject)
    if weakness.signature_algorithm:
        return f"{name} is signed by {weakness.signature_algorithm}"
    return f"{name} has a key of {weakness.key_type}"
