"""Certificates and dates in words."""

from datetime import UTC, datetime

from exporter.model.certificate import Certificate, CertificateSource, DistinguishedName
from exporter.model.client_steps import KnownCertificate
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


def timestamp_text(at: datetime) -> str:
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
        f"{timestamp_text(certificate.not_after)})"
    )


def file_text(known: KnownCertificate) -> str:
    """Return the file that contains a certificate which a client is known to have."""
    if known.source is CertificateSource.STANDBY_FILE:
        return known.path
    return f"its sslcert file (the inventory has it in {known.path})"


def weakness_text(weakness: Weakness) -> str:
    """Return which key or signature is weak."""
    name = name_of(weakness.subject)
    if weakness.signature_algorithm:
        return f"{name} is signed by {weakness.signature_algorithm}"
    return f"{name} has a key of {weakness.key_type}"
