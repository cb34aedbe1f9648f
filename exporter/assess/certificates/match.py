"""Matches what a live session shows of its certificate with the known certificates.

Sources: backend_status.h, PgBackendSSLStatus (names are cut at 63 bytes, the serial number is
exact); RFC 5280, section 4.1.2.2 (issuer and serial number identify a certificate).
"""

from collections.abc import Iterable

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.certificates_report import Ambiguous, InUse, Matched, Unmatched
from exporter.model.wal_sender import PeerCertificate, SlashName

SHOWN_BYTES = 63
"""What pg_stat_ssl has room for, of a subject or an issuer."""

Shown = tuple[str, int, str]
"""Issuer, serial number and subject of a certificate, as a session that uses it shows them."""


def as_shown(name: DistinguishedName) -> str:
    r"""Return a name as ``SlashName.text`` has it: cut, bytes of half a character as ``\xNN``."""
    whole = name.slash.encode(errors="backslashreplace")
    return whole[:SHOWN_BYTES].decode(errors="backslashreplace")


def shown_of(certificate: Certificate) -> Shown:
    """Return what a session that uses ``certificate`` shows of it."""
    return as_shown(certificate.issuer), certificate.serial_number, as_shown(certificate.subject)


def shown_by(peer: PeerCertificate) -> Shown:
    """Return what a session shows, in the form of ``shown_of``."""
    return _text(peer.issuer), peer.serial_number, _text(peer.subject)


def match(candidates: Iterable[Certificate]) -> InUse:
    """Return which certificate a session uses.

    Every known certificate that would look the same is a candidate. They cannot be distinguished
    where names are cut, or ambiguous because of ``/`` and ``=`` in values.

    Args:
        candidates: all that are known and look like the one shown, by ``shown_of``.
    """
    found = {c.fingerprint: c for c in candidates}
    match [found[fingerprint] for fingerprint in sorted(found)]:
        case []:
            return Unmatched()
        case [certificate]:
            return Matched(certificate)
        case several:
            return Ambiguous(tuple(several))


def _text(name: SlashName | None) -> str:
    return "" if name is None else name.text
