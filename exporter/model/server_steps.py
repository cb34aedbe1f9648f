"""Kinds of steps on the server: what there is to do, with the facts that their text is made of."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.hba import RuleLocation
from exporter.model.policy import TlsVersion
from exporter.model.wal_sender import IpAddress

# --- rights of the exporter


@dataclass(frozen=True, slots=True)
class InstallFunctions:
    """Run the SQL that gives the exporter its functions and rights."""


@dataclass(frozen=True, slots=True)
class LoadOnce:
    """Reload once while the exporter runs, so that it knows what is in force."""


# --- files of the server as they are


@dataclass(frozen=True, slots=True)
class LoadRules:
    """Check that no line of pg_hba.conf is in error, and reload."""

    server_version_number: int


@dataclass(frozen=True, slots=True)
class LoadMaps:
    """Check that no line of pg_ident.conf is in error, and reload."""

    server_version_number: int


@dataclass(frozen=True, slots=True)
class CorrectRules:
    """Correct the lines of pg_hba.conf that are in error."""


@dataclass(frozen=True, slots=True)
class CorrectMaps:
    """Correct the lines of pg_ident.conf that are in error."""

    server_version_number: int


@dataclass(frozen=True, slots=True)
class CorrectInPatroni:
    """Make the corrections that follow in Patroni's configuration, as it writes the file."""


class Mistake(StrEnum):
    """A mistake in a line of pg_hba.conf that the server's message identifies."""

    NEEDS_HOSTSSL = "needs_hostssl"
    """``host`` with what is possible over TLS only."""
    PEER_OVER_TCP = "peer_over_tcp"


@dataclass(frozen=True, slots=True)
class CorrectLine:
    """Correct one line in error.

    Attributes:
        message: of the server.
        mistake: None where the message does not identify it.
        rules: what to write instead, as far as it follows; upper-case words are placeholders.
    """

    location: RuleLocation
    message: str
    mistake: Mistake | None = None
    rules: tuple[str, ...] = ()


# --- edits of rules and maps


class ClientSecurity(StrEnum):
    """How a connection is secured, as far as a new rule may concern it."""

    UNENCRYPTED = "unencrypted"
    GSSAPI = "gssapi"
    TLS = "tls"
    """Without a client certificate."""
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class OtherClient:
    """Connections of now that a step concerns although it is not for them.

    Attributes:
        certificate_name: the CN of the certificate that it presented; None if it presented none,
            or its name is not known.
        connections: how many are equal.
    """

    application_name: str
    role: str
    address: IpAddress | None
    security: ClientSecurity
    certificate_name: str | None
    connections: int


@dataclass(frozen=True, slots=True)
class RequireCertificate:
    """Write a rule that requires the certificate.

    Attributes:
        role, database: that the rule is for; the database is None for physical replication.
        refused: current connections that the rule would reject.
        requests_no_password: its method is ``cert``, and a client may insist on a password.
    """

    role: str
    database: str | None
    refused: tuple[OtherClient, ...]
    requests_no_password: bool


@dataclass(frozen=True, slots=True)
class AcceptClient:
    """Write a rule that accepts the client over TLS with its certificate.

    Attributes:
        role, database: that the rule is for; the database is None for physical replication.
        is_refused: over TLS the client is certainly rejected without it; otherwise it is not
            decided which rule governs it over TLS, and that may be one that rejects it.
        refused: current connections that the rule would reject.
    """

    role: str
    database: str | None
    is_refused: bool
    refused: tuple[OtherClient, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseRule:
    """Write a rule above one that accepts the role without a certificate.

    Attributes:
        role, database: that the rule is for; the database is None for physical replication.
        refused: current connections that the rule would reject.
    """

    role: str
    database: str | None
    refused: tuple[OtherClient, ...]


@dataclass(frozen=True, slots=True)
class NarrowMap:
    """Replace a map line that accepts several names by one for each client.

    Attributes:
        unnamed: connections of now whose line has to be written by hand, as the name that they
            use is not known.
        has_others: all connections of now were taken into account; False where they are too many.
    """

    role: str
    unnamed: tuple[OtherClient, ...]
    has_others: bool


@dataclass(frozen=True, slots=True)
class CompletePattern:
    """Complete the pattern of a map line, so that it matches the whole name.

    Attributes:
        unnamed, has_others: as of ``NarrowMap``.
    """

    unnamed: tuple[OtherClient, ...]
    has_others: bool


# --- the server's settings


@dataclass(frozen=True, slots=True)
class RequestCertificates:
    """Configure the server to request client certificates."""


@dataclass(frozen=True, slots=True)
class CheckTlsVersions:
    """Check that no connection of the server uses an older version."""

    version: TlsVersion


@dataclass(frozen=True, slots=True)
class RequireTlsVersion:
    """Have the server reject older versions."""

    version: TlsVersion


# --- certificate authorities


@dataclass(frozen=True, slots=True)
class RenewRevocationLists:
    """Issue new revocation lists for the chain, and reload."""


@dataclass(frozen=True, slots=True)
class CompleteCaFile:
    """Add the missing or expired CA certificates to ssl_ca_file, and reload."""


ServerStepKind = (
    InstallFunctions
    | LoadOnce
    | LoadRules
    | LoadMaps
    | CorrectRules
    | CorrectMaps
    | CorrectInPatroni
    | CorrectLine
    | RequireCertificate
    | AcceptClient
    | CloseRule
    | NarrowMap
    | CompletePattern
    | RequestCertificates
    | CheckTlsVersions
    | RequireTlsVersion
    | RenewRevocationLists
    | CompleteCaFile
)
