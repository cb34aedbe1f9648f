"""Walsenders and how they are connected, as the statistics views of PostgreSQL 13-18 show them.

Sources: manual, "The Cumulative Statistics System": pg_stat_replication, pg_stat_ssl,
pg_stat_gssapi, pg_stat_activity.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from ipaddress import IPv4Address, IPv6Address

IpAddress = IPv4Address | IPv6Address


class ReplicationKind(StrEnum):
    """Which pg_hba rules govern the connection, not what it streams.

    A walsender that is connected to a database (``replication=database``) is matched against
    database rules; one without a database against ``replication`` rules (hba.c, check_db()).
    """

    PHYSICAL = "physical"
    LOGICAL = "logical"


class Activity(StrEnum):
    """What a walsender does now."""

    STREAMING = "streaming"
    BACKUP = "backup"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class TcpPeer:
    """The client's address and port as the server sees them (a proxy in between counts)."""

    address: IpAddress
    port: int


class OtherPeer(Enum):
    """A peer without an address."""

    UNIX_SOCKET = "unix_socket"
    HIDDEN = "hidden"
    """The exporter's role may not see it (no pg_read_all_stats). Nothing follows from it."""


Peer = TcpPeer | OtherPeer


@dataclass(frozen=True, slots=True)
class SlashName:
    r"""A distinguished name as pg_stat_ssl shows it: ``/O=Lab/CN=replica``.

    ``/`` and ``=`` inside values are not escaped, and the server cuts the text at 63 bytes
    without telling (backend_status.h, PgBackendSSLStatus; NAMEDATALEN).

    Attributes:
        text: decoded from UTF-8; bytes of a character cut in half appear as ``\xNN``.
        may_be_cut: the text fills the server's buffer, so that its end may be missing.
    """

    text: str
    may_be_cut: bool


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The client certificate of a TLS session, as pg_stat_ssl shows it.

    Its presence proves that it chained to the server's ``ssl_ca_file`` and was in date at the
    handshake, under every authentication method.

    Attributes:
        subject: None for a certificate with an empty subject.
        issuer: None for an empty issuer name.
        serial_number: exact; may be zero or negative, up to 20 bytes.
    """

    subject: SlashName | None
    issuer: SlashName | None
    serial_number: int


@dataclass(frozen=True, slots=True)
class TlsSession:
    """TLS of one connection; ``version`` is OpenSSL's name, such as ``TLSv1.3``."""

    version: str
    cipher: str
    bits: int
    client_certificate: PeerCertificate | None


@dataclass(frozen=True, slots=True)
class WalSender:
    """One walsender of a target.

    Attributes:
        role: the role that logged in (``usename``).
        database: the database for a logical walsender, None for a physical one.
        tls: None when the connection is not encrypted by TLS.
        gss_encrypted: encrypted by GSSAPI (which excludes TLS).
        state: pg_stat_replication.state: startup, backup, catchup, streaming, stopping.
        slot_name: the slot it uses; empty if none or temporary.
        backend_start: when the server process started, slightly before authentication.
    """

    pid: int
    backend_start: datetime
    role: str
    application_name: str
    peer: Peer
    kind: ReplicationKind
    database: str | None
    tls: TlsSession | None
    gss_encrypted: bool
    state: str
    activity: Activity
    slot_name: str
    sync_state: str
