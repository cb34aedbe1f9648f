"""Why a poll, or one reader of a poll, failed: a closed list whose values are label values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar


class FailureReason(StrEnum):
    """A stable reason for a failed poll or reader; never renamed, never reused."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    SERVER_CERTIFICATE = "server_certificate"
    CLIENT_CERTIFICATE = "client_certificate"
    """The exporter's own client certificate was refused or could not be read."""
    AUTHENTICATION = "authentication"
    NO_HBA_ENTRY = "no_hba_entry"
    DATABASE_MISSING = "database_missing"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    ROLE_CONNECTION_LIMIT = "role_connection_limit"
    STARTING_UP = "starting_up"
    SHUTTING_DOWN = "shutting_down"
    HOT_STANDBY_DISABLED = "hot_standby_disabled"
    TERMINATED = "terminated"
    STATEMENT_TIMEOUT = "statement_timeout"
    RECOVERY_CONFLICT = "recovery_conflict"
    PERMISSION = "permission"
    NOT_INSTALLED = "not_installed"
    """The shipped SQL (``pg-replication-cert-exporter sql``) is not in this database."""
    FILE_MISSING = "file_missing"
    """The server could not open a file that it is configured with."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """More rows than the exporter is willing to hold, or more than it can judge in time."""
    UNSUPPORTED_SERVER = "unsupported_server"
    IDENTITY_CHANGED = "identity_changed"
    """Another system identifier than before: the address now leads to another cluster."""
    EXPORTER_LIMITS = "exporter_limits"
    """The exporter itself has no file descriptor or thread left; of the target nothing is known."""
    PROTOCOL = "protocol"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and why. Absence is never a value.

    Attributes:
        reason: the stable reason, used as a label.
        detail: one line for a person, without secrets; it may be empty.
    """

    reason: FailureReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotAsked(Unread):
    """Nothing has been sent to the server to read it.

    Its own type, so that code which has to know that something still is to be asked for checks the
    type, while all other code handles it like every other reason.
    """

    reason: FailureReason = FailureReason.INTERNAL
    detail: str = "not asked"


T = TypeVar("T")
Read: TypeAlias = T | Unread
"""A value that was read, or the reason why it was not."""


class Reader(StrEnum):
    """What is read of a target; the values are label values."""

    SERVER = "server"
    WAL_SENDERS = "wal_senders"
    HBA_RULES = "hba_rules"
    HBA_LINES = "hba_lines"
    IDENT_MAPPINGS = "ident_mappings"
    FILE_TIMES = "file_times"
    ROLE_MEMBERSHIPS = "role_memberships"
    REGULAR_EXPRESSIONS = "regular_expressions"
    TLS_FILES = "tls_files"
    RECEIVER = "receiver"
    SERVED_CHAIN = "served_chain"
    """Over the wire, at its own interval."""
