"""What the judgement of one target knows of certificates from other sources than its poll."""

from dataclasses import dataclass

from exporter.model.certificate import Certificate
from exporter.model.failure import Read
from exporter.model.inventory import Inventory
from exporter.model.served import ServedChain
from exporter.model.tls_files import Receiver
from exporter.model.verification import Verify


@dataclass(frozen=True, slots=True)
class Standby:
    """A target that receives WAL, as its own latest poll read it.

    Attributes:
        target: its configured name.
        system_identifier: of its cluster, the same on all nodes; None if it may not be read.
        addresses: at which the exporter reaches it, as text; host names and IP addresses.
    """

    target: str
    system_identifier: str | None
    addresses: frozenset[str]
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the judgement of one target needs, in addition to its poll.

    Attributes:
        verify: OpenSSL, as a function.
        inventory: None when none is configured, or it was not read yet.
        served: the chain that the target serves; None when it was not read: not yet, or
            the connection has no TLS (a Unix-domain socket), or the check is switched off.
        standbys: every other target that receives WAL, in the order of their names.
        seen: certificates that sessions of the target were found to use at the poll before; the
            file they stood in may hold their successors by now.
    """

    verify: Verify
    inventory: Inventory | None = None
    served: Read[ServedChain] | None = None
    standbys: tuple[Standby, ...] = ()
    seen: tuple[Certificate, ...] = ()
