"""Random replication clients, and what the exporter sees of one."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from random import Random

from exporter.model.wal_sender import (
    Activity,
    OtherPeer,
    PeerCertificate,
    ReplicationKind,
    SlashName,
    TcpPeer,
    TlsSession,
    WalSender,
)
from tests.live.differential.population import DATABASES, ROLE_NAMES

SOURCES = ("127.0.0.1", "127.0.0.5", "127.0.0.9", "127.1.2.3", "127.255.0.2", "::1")
"""Addresses that clients come from."""

_PORT = 40000


@dataclass(frozen=True, slots=True)
class Client:
    """One client that tries to replicate.

    Attributes:
        database: None for physical replication.
        source: None for the unix socket.
        certificate: CN of the certificate it shows; None for none.
        knows_password: of its role.
    """

    role: str
    database: str | None
    source: str | None
    tls: bool = False
    certificate: str | None = None
    knows_password: bool = True

    def wal_sender(self, number: int, *, at: datetime) -> WalSender:
        """Return the walsender that the server would list for it."""
        return WalSender(
            pid=number,
            backend_start=at,
            role=self.role,
            application_name="differential",
            peer=(
                OtherPeer.UNIX_SOCKET
                if self.source is None
                else TcpPeer(ip_address(self.source), _PORT)
            ),
            kind=ReplicationKind.PHYSICAL if self.database is None else ReplicationKind.LOGICAL,
            database=self.database,
            tls=self._session() if self.tls else None,
            gss_encrypted=False,
            state="streaming",
            activity=Activity.STREAMING,
            slot_name="",
            sync_state="async",
        )

    def _session(self) -> TlsSession:
        certificate = None
        if self.certificate is not None:
            certificate = PeerCertificate(
                subject=SlashName(f"/O=Lab/CN={self.certificate}", may_be_cut=False),
                issuer=SlashName("/O=Lab/CN=Lab Root CA", may_be_cut=False),
                serial_number=1,
            )
        return TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, certificate)


def random_client(random: Random, *, tls: bool) -> Client:
    """Return a client; ``tls``: whether the server has TLS."""
    role = random.choice(ROLE_NAMES)
    source = random.choice((None, *SOURCES))
    encrypted = tls and source is not None and random.random() < 0.6
    certificate = None
    if encrypted and random.random() < 0.6:
        certificate = role if random.random() < 0.7 else "repl"
    return Client(
        role=role,
        database=random.choice(DATABASES) if random.random() < 0.55 else None,
        source=source,
        tls=encrypted,
        certificate=certificate,
        knows_password=random.random() < 0.7,
    )
