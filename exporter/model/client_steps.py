"""Kinds of steps for a client and its certificate, with the facts that their text is made of."""

from dataclasses import dataclass

from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.judgement import ForecastCause
from exporter.model.policy import TlsVersion
from exporter.model.wal_sender import IpAddress


@dataclass(frozen=True, slots=True)
class NameRequirement:
    """Which name a client certificate must have so that a role is accepted.

    Attributes:
        role: the role that logs in.
        is_whole: the whole name (distinguished name) is compared, not the common name (CN); None
            if it is not known which.
        names: that are accepted.
        patterns: of map lines that accept further names, with their leading ``/``.
        map_name: of the user name map; None where the name must equal the role's.
    """

    role: str
    is_whole: bool | None
    names: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    map_name: str | None = None


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """A certificate that the client is known to have, and where it was found.

    Attributes:
        source: STANDBY_FILE or INVENTORY.
        path: of the file, or several with "or" between them.
    """

    certificate: Certificate
    source: CertificateSource
    path: str


# --- the client's certificate and connection


@dataclass(frozen=True, slots=True)
class IssueCertificate:
    """Issue a certificate and put it on the client."""

    name: NameRequirement


@dataclass(frozen=True, slots=True)
class UseCertificate:
    """Use a certificate that the client has already, and that is accepted for the role."""

    certificate: KnownCertificate
    role: str


@dataclass(frozen=True, slots=True)
class ReplaceCertificate:
    """Issue a certificate with another name, and put it in place of the one that is presented.

    Attributes:
        presented: the name of the latter that is compared; None if it is not known.
    """

    name: NameRequirement
    presented: str | None


@dataclass(frozen=True, slots=True)
class TryConnection:
    """Try a connection with the certificate while the present one continues.

    Attributes:
        database: None for physical replication.
        parameters: of the connection string that the client has yet to be given.
    """

    database: str | None
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ConfigureStandby:
    """Set parameters in primary_conninfo.

    Attributes:
        is_under_patroni: the server is a member of a Patroni cluster, and the client may be too.
    """

    is_under_patroni: bool


@dataclass(frozen=True, slots=True)
class ConfigureSubscription:
    """Set parameters in the connection string of a subscription."""


@dataclass(frozen=True, slots=True)
class ConfigureBackup:
    """Set parameters in the connection string of a program that takes backups."""


@dataclass(frozen=True, slots=True)
class SeeCertificate:
    """Check that the certificate is presented."""


@dataclass(frozen=True, slots=True)
class CheckName:
    """Check the name of a certificate that the server's view does not show."""

    name: NameRequirement


@dataclass(frozen=True, slots=True)
class UseNewerTls:
    """Have the client use a newer version of TLS."""

    version: TlsVersion


@dataclass(frozen=True, slots=True)
class Reconnect:
    """End the connection, so that the client reconnects."""

    role: str
    application_name: str
    address: IpAddress | None


@dataclass(frozen=True, slots=True)
class WaitForBackup:
    """Wait for a backup to end; the next one makes a new connection."""


# --- certificates that are rejected, or not known


@dataclass(frozen=True, slots=True)
class RenewCertificate:
    """Issue a certificate in place of one that the server rejects.

    Attributes:
        current: the one to replace.
        cause: why it is rejected.
        name: that the new one needs; None where that of the current one is accepted.
    """

    current: KnownCertificate
    cause: ForecastCause
    name: NameRequirement | None


@dataclass(frozen=True, slots=True)
class ChangeName:
    """Put a certificate with another name in place of one, or accept its name by a map.

    Attributes:
        current: the certificate whose name is not accepted.
        name: that is.
        map_name: of the map that the rule names; None if it names none yet.
        map_line: for pg_ident.conf; None where the certificate has no common name.
    """

    current: KnownCertificate
    name: NameRequirement
    map_name: str | None
    map_line: str | None


@dataclass(frozen=True, slots=True)
class AcceptWholeName:
    """Accept the whole name of a certificate by a map, as the rule has ``clientname=DN``.

    Attributes:
        map_name: of the map that the rule names; None if it names none yet.
        map_line: for pg_ident.conf.
    """

    current: KnownCertificate
    map_name: str | None
    map_line: str


@dataclass(frozen=True, slots=True)
class CheckNewCertificate:
    """Check that the exporter finds the new certificate and predicts that it is accepted."""


@dataclass(frozen=True, slots=True)
class ProvideValidCertificate:
    """Check that the client has a valid certificate, as the one in use has expired."""


@dataclass(frozen=True, slots=True)
class ChooseTime:
    """Nothing is to be done but to choose when to reconnect: the successor is in place."""


@dataclass(frozen=True, slots=True)
class MakeCertificateKnown:
    """Have the exporter read the file of the certificate."""


@dataclass(frozen=True, slots=True)
class RemoveDuplicates:
    """Leave one certificate of several that look alike in the inventory."""


ClientStepKind = (
    IssueCertificate
    | UseCertificate
    | ReplaceCertificate
    | TryConnection
    | ConfigureStandby
    | ConfigureSubscription
    | ConfigureBackup
    | SeeCertificate
    | CheckName
    | UseNewerTls
    | Reconnect
    | WaitForBackup
    | RenewCertificate
    | ChangeName
    | AcceptWholeName
    | CheckNewCertificate
    | ProvideValidCertificate
    | ChooseTime
    | MakeCertificateKnown
    | RemoveDuplicates
)
