"""What the user requires of replication connections."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

IpNetwork = IPv4Network | IPv6Network

LOOPBACK_EXEMPTION = "loopback"
"""Name of the built-in exemption of connections from a loopback address."""


class Requirement(StrEnum):
    """The least that makes a connection secure."""

    CERTIFICATE = "certificate"
    CERTIFICATE_CHAIN = "certificate_chain"
    TLS = "tls"


class TlsVersion(StrEnum):
    """OpenSSL's names, oldest first."""

    TLS_1_0 = "TLSv1"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Connections that the user accepts as they are.

    A connection is covered when it matches every criterion that is given; at least one of
    ``roles`` and ``networks`` is (the client chooses its application name).

    Attributes:
        reason: the user's words.
        until: when it expires; None for never.
    """

    name: str
    reason: str
    until: datetime | None
    roles: frozenset[str] = frozenset()
    networks: tuple[IpNetwork, ...] = ()
    application_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """What is required of one target's replication connections.

    Attributes:
        explicit: the configuration itself says what is required; False for the built-in default.
        exempt_loopback: whether the built-in exemption ``loopback`` applies.
    """

    require: Requirement = Requirement.CERTIFICATE
    explicit: bool = False
    minimum_tls_version: TlsVersion = TlsVersion.TLS_1_2
    exempt_loopback: bool = True
    exemptions: tuple[Exemption, ...] = ()
