"""Determines which certificate a client will send when it reconnects.

A running session shows the certificate of its handshake. The next one is what the client's file
holds then: the file itself where the standby is a target too, else the newest that the inventory
has for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.assess.certificates.inventory_index import InventoryIndex
from exporter.assess.certificates.owned import MOST_CANDIDATES, Owner, to_be_sent
from exporter.assess.certificates.standbys import Standbys, standbys_that_may_be, supported
from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.certificates_report import (
    CertificateFileEmpty,
    CertificateFileUnread,
    InventoryGap,
    NoCertificateConfigured,
    NotFound,
    StandbyNotConfirmed,
    StandbyNotIdentified,
    StandbysDiffer,
    WhyNextUnknown,
    WhyNoStandby,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.knowledge import Standby


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that the client may send.

    Attributes:
        chain: the leaf, then what is sent with it.
        path: of the file that contains it; all paths, where several standbys have different ones.
        sslmode: of the standby; None if the file is not a standby's.
    """

    chain: tuple[Certificate, ...]
    source: CertificateSource
    path: str
    sslmode: str | None = None

    @property
    def certificate(self) -> Certificate:
        """The leaf."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class SendsOneOf:
    """The client will send one of these; there is at least one.

    Attributes:
        standbys: names of those whose files they are, all of one leaf; empty if they are of the
            inventory.
    """

    candidates: tuple[Candidate, ...]
    standbys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendsNone:
    """The client will send none.

    Attributes:
        why: one for each standby that it may be.
        connects: whether it connects at all then; None if that is not known.
    """

    why: tuple[CertificateFileUnread | NoCertificateConfigured, ...]
    connects: bool | None


@dataclass(frozen=True, slots=True)
class SendsUnknown:
    """What the client will send is not known."""

    why: WhyNextUnknown


Sends = SendsOneOf | SendsNone | SendsUnknown


def sends(owner: Owner, standbys: Standbys, inventory: InventoryIndex | None) -> Sends:
    """Return what the client of a walsender will send when it next connects.

    Args:
        owner: the client.
        standbys: of the same cluster.
        inventory: None when there is none.
    """
    found = standbys_that_may_be(owner.wal_sender, standbys)
    if not found:
        return _of_inventory(owner, inventory, StandbyNotIdentified())
    if not supported(found, owner.wal_sender, standbys):
        return _of_inventory(owner, inventory, StandbyNotConfirmed(_names(found)))
    files = [_of_file(s) for s in found]
    for file in files:
        if isinstance(file, CertificateFileUnread | CertificateFileEmpty):
            return _of_inventory(owner, inventory, file)
    candidates = [file for file in files if isinstance(file, Candidate)]
    none = [file for file in files if isinstance(file, SendsNone)]
    if len({c.certificate for c in candidates}) + bool(none) > 1:
        # shared by slot, address and sender: two clusters' worth of standbys behind one address
        return SendsUnknown(StandbysDiffer(_names(found)))
    return _any_of(candidates, _names(found)) if candidates else _none_of(none)


def _any_of(candidates: Sequence[Candidate], standbys: tuple[str, ...]) -> SendsOneOf:
    """Return what is sent where each of several standbys would send the same leaf."""
    path = " or ".join(sorted({c.path for c in candidates}))
    return SendsOneOf(
        tuple(dict.fromkeys(replace(c, path=path) for c in candidates)), standbys=standbys
    )


def _none_of(several: Sequence[SendsNone]) -> SendsNone:
    """Return what is sent where none of several standbys would send any."""
    connects = {none.connects for none in several}
    return SendsNone(
        tuple(why for none in several for why in none.why),
        connects=connects.pop() if len(connects) == 1 else None,
    )


def _names(standbys: Sequence[Standby]) -> tuple[str, ...]:
    return tuple(sorted(s.target for s in standbys))


def _of_file(
    standby: Standby,
) -> Candidate | SendsNone | CertificateFileUnread | CertificateFileEmpty:
    read = standby.receiver.certificate
    if isinstance(read, Unread):
        is_missing = read.reason is FailureReason.FILE_MISSING
        unread = CertificateFileUnread(
            standby.target, read.detail or read.reason.value, is_missing=is_missing
        )
        # libpq continues without a file that is missing, and fails at one it cannot read
        # (fe-secure-openssl.c, initialize_SSL()); here they look the same
        return SendsNone((unread,), connects=None) if is_missing else unread
    if not read.path:
        return SendsNone((NoCertificateConfigured(standby.target),), connects=True)
    if not read.certificates:
        return CertificateFileEmpty(standby.target, read.path)
    return Candidate(
        chain=read.certificates,
        source=CertificateSource.STANDBY_FILE,
        path=read.path,
        sslmode=standby.receiver.sslmode,
    )


def _of_inventory(owner: Owner, inventory: InventoryIndex | None, why: WhyNoStandby) -> Sends:
    if inventory is None:
        return SendsUnknown(NotFound(why, InventoryGap.NO_INVENTORY))
    found = to_be_sent(owner, inventory)
    if not found:
        return SendsUnknown(NotFound(why, InventoryGap.NO_CERTIFICATE))
    if len(found) > MOST_CANDIDATES:
        return SendsUnknown(NotFound(why, InventoryGap.TOO_MANY))
    return SendsOneOf(
        tuple(
            Candidate(
                chain=(known.certificate, *known.chain),
                source=CertificateSource.INVENTORY,
                path=known.paths[0],
            )
            for known in found
        )
    )
