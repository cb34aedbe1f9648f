"""Which certificate a client will send when it next connects.

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
from exporter.model.failure import FailureReason, Unread
from exporter.model.knowledge import Standby


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that the client may send.

    Attributes:
        chain: the leaf, then what is sent with it.
        path: of the file it stands in; where several standbys have it in files of other names, all.
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
    standbys: str = ""


@dataclass(frozen=True, slots=True)
class SendsNone:
    """The client will send none.

    Attributes:
        connects: whether it connects at all then; None if that is not known.
    """

    why: str
    connects: bool | None


@dataclass(frozen=True, slots=True)
class SendsUnknown:
    """What the client will send is not known."""

    why: str


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
        return _of_inventory(owner, inventory, "no target is visibly the standby behind it")
    if not supported(found, owner.wal_sender, standbys):
        why = f"it may be {_names(found)}, but neither slot, address nor sender tells"
        return _of_inventory(owner, inventory, why)
    files = [_of_file(s) for s in found]
    for file in files:
        if isinstance(file, SendsUnknown):
            return _of_inventory(owner, inventory, file.why)
    candidates = [file for file in files if isinstance(file, Candidate)]
    none = [file for file in files if isinstance(file, SendsNone)]
    if len({c.certificate for c in candidates}) + bool(none) > 1:
        # shared by slot, address and sender: two clusters' worth of standbys behind one address
        return SendsUnknown(f"it may be {_names(found)}, which would not send the same")
    return _any_of(candidates, _names(found)) if candidates else _none_of(none)


def _any_of(candidates: Sequence[Candidate], standbys: str) -> SendsOneOf:
    """Return what is sent where each of several standbys would send the same leaf."""
    path = " or ".join(sorted({c.path for c in candidates}))
    return SendsOneOf(
        tuple(dict.fromkeys(replace(c, path=path) for c in candidates)), standbys=standbys
    )


def _none_of(several: Sequence[SendsNone]) -> SendsNone:
    """Return what is sent where none of several standbys would send any."""
    connects = {none.connects for none in several}
    return SendsNone(
        ", or ".join(none.why for none in several),
        connects=connects.pop() if len(connects) == 1 else None,
    )


def _names(standbys: Sequence[Standby]) -> str:
    return " or ".join(sorted(s.target for s in standbys))


def _of_file(standby: Standby) -> Candidate | SendsNone | SendsUnknown:
    read = standby.receiver.certificate
    if isinstance(read, Unread):
        told = read.detail or read.reason.value
        if read.reason is FailureReason.FILE_MISSING:
            # libpq goes on without a file that is not there, and fails at one it cannot read
            # (fe-secure-openssl.c, initialize_SSL()); here they look the same
            why = f"the certificate file of {standby.target} cannot be opened: {told}"
            return SendsNone(why, connects=None)
        return SendsUnknown(f"the certificate file of {standby.target} cannot be read: {told}")
    if not read.path:
        return SendsNone(f"{standby.target} is told to send none", connects=True)
    if not read.certificates:
        return SendsUnknown(f"{read.path} on {standby.target} holds no certificate")
    return Candidate(
        chain=read.certificates,
        source=CertificateSource.STANDBY_FILE,
        path=read.path,
        sslmode=standby.receiver.sslmode,
    )


def _of_inventory(owner: Owner, inventory: InventoryIndex | None, why: str) -> Sends:
    if inventory is None:
        return SendsUnknown(f"{why}, and there is no inventory")
    found = to_be_sent(owner, inventory)
    if not found:
        return SendsUnknown(f"{why}, and the inventory has no certificate for it")
    if len(found) > MOST_CANDIDATES:
        return SendsUnknown(
            f"{why}, and more than {MOST_CANDIDATES} of the inventory may be its own"
        )
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
