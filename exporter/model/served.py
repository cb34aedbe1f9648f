"""The chain that a server sends in a TLS handshake, read without logging in."""

from dataclasses import dataclass, field
from datetime import datetime

from exporter.model.certificate import Certificate
from exporter.model.failure import Read
from exporter.model.verification import Trust


@dataclass(frozen=True, slots=True)
class ServedCertificateCheck:
    """How the served chain of a target is read and checked; as configured.

    Attributes:
        interval_seconds: from one check to the next.
        host: the name that standbys use: sent as SNI and required in the certificate; None: the
            target's own ``host`` if that is a name.
        authority_file: whom standbys trust (their ``sslrootcert``): an absolute path, or
            ``system``; None: not configured.
        direct_tls: TLS from the first byte (17 on, ``sslnegotiation=direct``).
    """

    interval_seconds: float = 300.0
    host: str | None = None
    authority_file: str | None = None
    direct_tls: bool = False


@dataclass(frozen=True, slots=True)
class ServedChain:
    """The certificates that the server sent in one handshake.

    Attributes:
        certificates: the leaf first, as sent.
        host: the name (or the address, where one is configured) that the leaf must carry; None
            where only the target's address is known.
        trust: the configured authorities as they were on disk; Unread if they cannot be read,
            None if none are configured.
    """

    certificates: tuple[Certificate, ...]
    host: str | None
    trust: Read[Trust] | None = field(repr=False)
    read_at: datetime
