"""The report on the certificates of one target."""

from dataclasses import dataclass
from datetime import datetime

from exporter.model.certificate import (
    Certificate,
    CertificateSource,
    CertificateUsage,
    RevocationList,
)
from exporter.model.finding import ServerFinding


@dataclass(frozen=True, slots=True)
class CertificatePlace:
    """One certificate at one place; one per certificate, usage and source.

    Attributes:
        paths: the files that contain it; empty for one read over the wire.
    """

    certificate: Certificate
    usage: CertificateUsage
    source: CertificateSource
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """The result of verifying one certificate.

    Attributes:
        result: ``ok``, ``not_checked``, or OpenSSL's words.
    """

    certificate: Certificate
    usage: CertificateUsage
    result: str


@dataclass(frozen=True, slots=True)
class ListedRevocations:
    """One revocation list that the server's settings name.

    Attributes:
        source: SERVER_FILE.
    """

    revocation_list: RevocationList
    source: CertificateSource


@dataclass(frozen=True, slots=True)
class TargetCertificates:
    """The certificates of one target.

    Attributes:
        places: of the server, its authorities, and of the standby that the target is.
        verified: what the server serves, and what its replication clients own.
        server_certificate_pending: the file differs from what is served; None if either is not
            known.
        served_at: when the served chain was read; None if it was not.
        findings: what there is to say: what is wrong, and what expires first.
    """

    places: tuple[CertificatePlace, ...] = ()
    verified: tuple[VerifiedCertificate, ...] = ()
    revocation_lists: tuple[ListedRevocations, ...] = ()
    server_certificate_pending: bool | None = None
    served_at: datetime | None = None
    findings: tuple[ServerFinding, ...] = ()
