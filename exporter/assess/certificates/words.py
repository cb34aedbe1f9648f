"""Certificates, lists and dates in words, as the sentences and steps for a person have them."""

from datetime import UTC, datetime

from exporter.model.certificate import Certificate, DistinguishedName, RevocationList
from exporter.model.judgement import ForecastCause

ENDS = {
    ForecastCause.EXPIRED: "the certificate ends",
    ForecastCause.AUTHORITY: "an authority of its chain ends",
    ForecastCause.CRL: "a revocation list is overdue, which refuses every client below its issuer",
}
"""What happens at the first moment from which a certificate fails by dates."""


def moment(at: datetime) -> str:
    """Return a moment as ``2026-11-25 13:00 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def name_of(name: DistinguishedName) -> str:
    """Return the first CN, else the whole name, in quotes."""
    told = name.common_name or name.rfc2253
    return f'"{told}"' if told else "without a name"


def certificate_text(certificate: Certificate) -> str:
    """Return name, serial number and end of a certificate."""
    return (
        f"{name_of(certificate.subject)} (serial number {certificate.serial_number}, valid until "
        f"{moment(certificate.not_after)})"
    )


def list_text(revocation_list: RevocationList) -> str:
    """Return issuer and end of a revocation list."""
    due = revocation_list.next_update
    until = "without an end" if due is None else f"valid until {moment(due)}"
    return f"the revocation list of {name_of(revocation_list.issuer)} ({until})"
