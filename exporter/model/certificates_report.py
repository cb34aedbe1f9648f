"""The report on the certificates of one connection."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from exporter.model.certificate import (
    Certificate,
    CertificateSource,
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
    """Whether a rule accepts the name in a certificate for the role."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    """The map cannot be read, or an expression cannot be decided."""


@dataclass(frozen=True, slots=True)
class NextCertificate:
    """The certificate that the client will send when it reconnects, and the result of verifying it.

    Attributes:
        source: STANDBY_FILE or INVENTORY.
        path: of the file that contains it; several, with "or" between them, where it may be any of
            several standbys that have it in files of different names.
        verification: by the authorities and lists that the server has on disk now; None when
            these cannot be read.
        name: whether the governing rule accepts its name for the role; if that rule requires no
            certificate, whether ``hostssl … cert`` without a map would.
        chain: the other certificates of the file, which are sent with it.
    """

    certificate: Certificate
    source: CertificateSource
    path: str
    verification: Verification | None
    name: NameFit
    chain: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class StandbyNotIdentified:
    """None of the targets could be identified as the standby."""


@dataclass(frozen=True, slots=True)
class StandbyNotConfirmed:
    """It may be one of these targets, but neither slot, address nor sender confirms it."""

    standbys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandbysDiffer:
    """It is one of these targets, which would not send the same certificate."""

    standbys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainsDiffer:
    """It is one of these targets, which send different chains, with different outcomes."""

    standbys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutcomesDiffer:
    """It is one of these certificates, each with its file, with different outcomes."""

    candidates: tuple[tuple[Certificate, str], ...]


@dataclass(frozen=True, slots=True)
class CertificateFileUnread:
    """The certificate file of a standby cannot be read.

    Attributes:
        target: the standby.
        detail: why.
        is_missing: it cannot be opened, so that libpq may go on without it.
    """

    target: str
    detail: str
    is_missing: bool


@dataclass(frozen=True, slots=True)
class CertificateFileEmpty:
    """The certificate file of a standby contains no certificate."""

    target: str
    path: str


@dataclass(frozen=True, slots=True)
class NoCertificateConfigured:
    """The standby is configured to send no certificate."""

    target: str


@dataclass(frozen=True, slots=True)
class NoneSent:
    """It may be one of several standbys, none of which sends a certificate."""

    why: tuple[CertificateFileUnread | NoCertificateConfigured, ...]


class InventoryGap(StrEnum):
    """Why the inventory does not determine it either."""

    NO_INVENTORY = "no_inventory"
    NO_CERTIFICATE = "no_certificate"
    """For this client."""
    TOO_MANY = "too_many"
    """More certificates may be the client's than are compared."""


WhyNoStandby = (
    StandbyNotIdentified | StandbyNotConfirmed | CertificateFileUnread | CertificateFileEmpty
)
"""Why the file of a standby does not determine which certificate is sent."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """Neither the file of a standby nor the inventory determines it."""

    standby: WhyNoStandby
    inventory: InventoryGap


WhyNextUnknown = NotFound | NoneSent | StandbysDiffer | ChainsDiffer | OutcomesDiffer


@dataclass(frozen=True, slots=True)
class NextUnknown:
    """Which certificate the client will send is not known."""

    why: WhyNextUnknown
