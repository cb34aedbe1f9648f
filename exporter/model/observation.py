"""What one poll of a target read, as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType

from exporter.model.failure import NotAsked, Read, Reader, Unread
from exporter.model.hba import FileTimes, HbaContent, IdentContent, LineTraits
from exporter.model.kept import Kept
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.wal_sender import IpAddress, WalSender

_READER = "reader"

_NOT_ASKED = NotAsked()


@dataclass(frozen=True, slots=True)
class Server:
    """The server as a fresh session sees it.

    Attributes:
        version_number: ``server_version_num``, such as 180004.
        version: ``server_version``, such as ``18.4``.
        system_identifier: of the cluster, the same on all its nodes; None when not permitted.
        started_at: pg_postmaster_start_time().
        configuration_loaded_at: pg_conf_load_time(), true only in a fresh session.
        tls_enabled: the setting ``ssl``.
        requests_client_certificate: TLS is on and ``ssl_ca_file`` is set, so that clients are
            asked for a certificate (be-secure-openssl.c, be_tls_init()).
        address: the server's address of the exporter's own session; None for a unix socket.
        statistics_visible: the exporter's role has the rights of pg_read_all_stats.
    """

    version_number: int
    version: str
    system_identifier: str | None
    in_recovery: bool
    started_at: datetime
    configuration_loaded_at: datetime
    tls_enabled: bool
    requests_client_certificate: bool
    address: IpAddress | None
    statistics_visible: bool


@dataclass(frozen=True, slots=True)
class RegularExpressionResult:
    """The server's answer to ``name ~ pattern``, of pg_hba.conf or pg_ident.conf (16+).

    Attributes:
        token: with its leading ``/``.
        name: the role or database name it was matched with.
    """

    token: str
    name: str
    matches: bool


def _read_by(reader: Reader) -> Mapping[str, Reader]:
    """Return the metadata of a field whose failure is reported under ``reader``."""
    return MappingProxyType({_READER: reader})


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one poll read.

    Attributes:
        target: the configured name.
        at: when the poll ended, by the exporter's clock.
        wal_senders: Unread(PERMISSION) when the role may not see them, also if there
            are none.
        hba_lines: lines with quotes, ``@`` or ``clientname=``, by the shipped function.
        role_memberships: for each walsender's role the roles it is a member of, directly or
            not, itself included, whatever INHERIT says, superusers only if explicit members.
        regular_expressions: for every ``/`` token and each walsender's role and database.
        receiver: of a standby; None where no WAL receiver runs.
        hba_lines_of: times of the files that ``hba_lines`` were read of: equal times, equal lines.
            Empty when they must be read again.
        out_of_reach: paths of files that are missing, or that the server may not access, where
            there is one of the latter; until that changes, files are read one by one.
    """

    target: str
    at: datetime
    duration_seconds: float
    server: Server = field(metadata=_read_by(Reader.SERVER))
    wal_senders: Read[tuple[WalSender, ...]] = field(metadata=_read_by(Reader.WAL_SENDERS))
    hba: Read[HbaContent] = field(metadata=_read_by(Reader.HBA_RULES))
    hba_lines: Read[tuple[LineTraits, ...]] = field(metadata=_read_by(Reader.HBA_LINES))
    ident: Read[IdentContent] = field(metadata=_read_by(Reader.IDENT_MAPPINGS))
    file_times: Read[tuple[FileTimes, ...]] = field(metadata=_read_by(Reader.FILE_TIMES))
    role_memberships: Read[Mapping[str, frozenset[str]]] = field(
        metadata=_read_by(Reader.ROLE_MEMBERSHIPS)
    )
    regular_expressions: Read[tuple[RegularExpressionResult, ...]] = field(
        metadata=_read_by(Reader.REGULAR_EXPRESSIONS)
    )
    tls_files: Read[TlsFiles] = field(default=_NOT_ASKED, metadata=_read_by(Reader.TLS_FILES))
    receiver: Read[Receiver | None] = field(default=_NOT_ASKED, metadata=_read_by(Reader.RECEIVER))
    hba_lines_of: tuple[FileTimes, ...] = ()
    out_of_reach: frozenset[str] = frozenset()

    @property
    def failures(self) -> dict[Reader, Unread | None]:
        """Return for each reader why it failed; None if it succeeded."""
        return {reader: _failure_of(getattr(self, name)) for name, reader in FIELD_READERS.items()}

    @property
    def kept(self) -> Kept:
        """What the next poll need not read again."""
        return Kept(
            tls_files=None if isinstance(self.tls_files, Unread) else self.tls_files,
            receiver=None if isinstance(self.receiver, Unread) else self.receiver,
            hba=None if isinstance(self.hba, Unread) else self.hba,
            hba_lines=None if isinstance(self.hba_lines, Unread) else self.hba_lines,
            hba_lines_of=self.hba_lines_of,
            out_of_reach=self.out_of_reach,
        )


FIELD_READERS: Mapping[str, Reader] = MappingProxyType(
    {each.name: each.metadata[_READER] for each in fields(Observation) if _READER in each.metadata}
)
"""By the name of a field of Observation, the reader under which its failure is reported."""


def _failure_of(value: object) -> Unread | None:
    match value:
        case Unread():
            return value
        case TlsFiles():
            return value.first_unread
        case _:
            return None
