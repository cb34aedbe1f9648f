"""What was judged of certificates: of one connection, and of one target."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from exporter.model.certificate import (
    Certificate,
    CertificateSource,
    CertificateUsage,
    RevocationList,
)
from exporter.model.verification import Verification


@dataclass(frozen=True, slots=True)
class Matched:
    """Exactly one known certificate has the issuer, serial number and subject that were shown."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several known certificates fit what was shown (which is cut and not escaped)."""

    candidates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A certificate was shown, and none that is known fits."""


InUse = Matched | Ambiguous | Unmatched


class NameFit(Enum):
    """Whether the name in a certificate gets its holder in as the role."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    """The map cannot be read, or an expression cannot be decided."""


@dataclass(frozen=True, slots=True)
class NextCertificate:
    """The certificate that the client will send when it next connects, and how it would fare.

    Attributes:
        source: STANDBY_FILE or INVENTORY.
        path: of the file it stands in; several, with "or" between them, where it may be any of
            several standbys that have it in files of different names.
        verification: by the authorities and lists that the server has on disk now; None when
            these cannot be read.
        name: held against the role as the governing rule does; where that asks for no
            certificate, as ``hostssl … cert`` without a map would.
        chain: what the file holds beside it, which is sent with it.
    """

    certificate: Certificate
    source: CertificateSource
    path: str
    verification: Verification | None
    name: NameFit
    chain: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class NextUnknown:
    """Which certificate the client will send is not known.

    Attributes:
        why: one line.
    """

    why: str


@dataclass(frozen=True, slots=True)
class CertificatePlace:
    """One certificate at one place; one per certificate, usage and source.

    Attributes:
        paths: the files it stands in; empty for one read over the wire.
    """

    certificate: Certificate
    usage: CertificateUsage
    source: CertificateSource
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """What verification says of one certificate.

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
        explanation: sentences for a person, on what is amiss or ends first.
    """

    places: tuple[CertificatePlace, ...] = ()
    verified: tuple[VerifiedCertificate, ...] = ()
    revocation_lists: tuple[ListedRevocations, ...] = ()
    server_certificate_pending: bool | None = None
    served_at: datetime | None = None
    explanation: tuple[str, ...] = ()
