"""A certificate in words, as steps name it."""

from datetime import UTC, datetime

from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.client_steps import KnownCertificate


def timestamp(at: datetime) -> str:
    """Return a timestamp as ``2026-11-25 13:00 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def certificate_text(certificate: Certificate) -> str:
    """Return the first CN, else the whole name, with serial number and end of validity."""
    name = certificate.subject.common_name or certificate.subject.rfc2253
    named = f'"{name}"' if name else "without a name"
    return (
        f"{named} (serial number {certificate.serial_number}, valid until "
        f"{timestamp(certificate.not_after)})"
    )


def file_text(known: KnownCertificate) -> str:
    """Return the file that holds a certificate which a client is known to have."""
    if known.source is CertificateSource.STANDBY_FILE:
        return known.path
    return f"its sslcert file (the inventory has it in {known.path})"
