"""Rules of pg_hba.conf as pg_hba_file_rules shows them, and what that view does not carry.

Sources: manual, "The pg_hba.conf File" and "pg_hba_file_rules"; hbafuncs.c, hba.c.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class ConnectionType(StrEnum):
    """First field of a rule."""

    LOCAL = "local"
    HOST = "host"
    HOSTSSL = "hostssl"
    HOSTNOSSL = "hostnossl"
    HOSTGSSENC = "hostgssenc"
    HOSTNOGSSENC = "hostnogssenc"


@dataclass(frozen=True, slots=True, order=True)
class RuleLocation:
    """The file and line of a rule. ``rule_number`` of the view is not a key: broken lines shift it.

    Attributes:
        file_name: as the server shows it; before 16 the value of hba_file when readable, else
            ``pg_hba.conf``.
        line_number: that of the first physical line of the rule.
    """

    file_name: str
    line_number: int


@dataclass(frozen=True, slots=True)
class HbaRule:
    """One rule that the server parsed.

    Attributes:
        databases, roles: the tokens of the fields, without their quotes.
        address: None for ``local``; else an IP address without mask, or ``all``, ``samehost``,
            ``samenet``, a host name, a ``.suffix``.
        netmask: None unless ``address`` is an IP address.
        auth_method: as the view shows it (``local ... ident`` is ``peer``).
        options: ``name=value``; values of secrets are replaced by asterisks before they get here.
            ``clientname=`` is never listed by the server.
    """

    location: RuleLocation
    connection_type: ConnectionType
    databases: tuple[str, ...]
    roles: tuple[str, ...]
    address: str | None
    netmask: str | None
    auth_method: str
    options: tuple[str, ...]

    def option(self, name: str) -> str | None:
        """Return the value of option ``name``, or None if the rule does not carry it."""
        prefix = f"{name}="
        return next((o[len(prefix) :] for o in self.options if o.startswith(prefix)), None)


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """A line that the server's parser complains about.

    Attributes:
        blocks_loading: False only for a ``hostssl`` line while ``ssl`` is off, which the server
            accepts and which then matches nothing (hba.c, parse_hba_line()).
        message: the server's words, or ours where it gives none (a bad value of
            ``clientcert=``/``clientname=`` yields a row with neither type nor error).
    """

    location: RuleLocation
    message: str
    blocks_loading: bool


@dataclass(frozen=True, slots=True)
class HbaContent:
    """pg_hba.conf with all it includes, as it is on disk now (which may not be what is loaded).

    Attributes:
        rules: in reading order, without the lines in error, but with ``hostssl`` lines that
            ``ssl = off`` makes ineffective.
        errors: lines in error, in reading order.
        digest: of all rows, equal if two polls read the same rows.
        lines: by location, the lines that hold something which the view loses; None when the
            lines were not read: tokens are then taken as keywords.
        digest_as_read: of the rows with messages that say nothing about the content; equal ones
            need not be interpreted again.
    """

    rules: tuple[HbaRule, ...]
    errors: tuple[ErrorLine, ...]
    digest: str
    digest_as_read: str = field(default="", compare=False, repr=False)
    lines: "Mapping[RuleLocation, LineTraits] | None" = None

    @property
    def loadable(self) -> bool:
        """Whether a reload would load this content."""
        return not any(e.blocks_loading for e in self.errors)

    @property
    def is_whole(self) -> bool:
        """Whether what the view loses of the lines is known too."""
        return self.lines is not None

    @property
    def identity(self) -> Hashable:
        """Equal if and only if two polls read the same content."""
        return self.digest, None if self.lines is None else frozenset(self.lines.values())

    @property
    def is_written_by_patroni(self) -> bool:
        """Whether the file is known to have the header of files that Patroni writes."""
        return any(line.is_patroni_header for line in (self.lines or {}).values())

    def with_lines(self, lines: "tuple[LineTraits, ...]") -> "HbaContent":
        """Return the content with what its lines hold; a continued line is known by its first."""
        return replace(self, lines={line.location: line for line in lines if line.loses_something})

    def quoting(self, rule: HbaRule) -> "Quoting":
        """Return which tokens of ``rule`` are quoted."""
        line = (self.lines or {}).get(rule.location)
        return NO_QUOTES if line is None else line.quoting

    def is_one_line(self, rule: HbaRule) -> bool:
        """Whether ``rule`` is known to end in the physical line that it begins in."""
        if self.lines is None:
            return False
        line = self.lines.get(rule.location)
        return line is None or not line.continues

    def compares_whole_name(self, rule: HbaRule) -> bool | None:
        """Return whether the line of ``rule`` has ``clientname=DN``; None if that is not known."""
        if self.lines is None:
            return None
        line = self.lines.get(rule.location)
        if line is None or not line.holds_clientname:
            return False
        return None if line.clientname is None else line.clientname == "DN"


@dataclass(frozen=True, slots=True)
class IdentMapping:
    """One line of pg_ident.conf: ``map_name system_name database_role``.

    Attributes:
        system_name: a literal name, or a regular expression with its leading ``/``.
        database_role: pg_ident's ``pg_username``; from 16 on also ``all``, ``+role``, ``/regex``.
    """

    location: RuleLocation
    map_name: str
    system_name: str
    database_role: str


@dataclass(frozen=True, slots=True)
class IdentContent:
    """pg_ident.conf as it is on disk now."""

    mappings: tuple[IdentMapping, ...]
    errors: tuple[ErrorLine, ...]
    digest: str

    @property
    def loadable(self) -> bool:
        """Whether a reload would load this content."""
        return not any(e.blocks_loading for e in self.errors)

    @property
    def is_whole(self) -> bool:
        """True: quotes mean nothing in it."""
        return True

    @property
    def identity(self) -> Hashable:
        """Equal if and only if two polls read the same content."""
        return self.digest


@dataclass(frozen=True, slots=True)
class Quoting:
    """Which tokens of a rule are quoted, and therefore not keywords.

    Attributes:
        databases, roles: one answer per token, in order; None where no token's answer is known
            (an ``@`` file, whose tokens may be quoted there; or an older version of the shipped
            SQL, which does not say).
        address: None where it is not known.
    """

    databases: tuple[bool, ...] | None
    roles: tuple[bool, ...] | None
    address: bool | None

    def of_databases(self, rule: HbaRule) -> Sequence[bool | None]:
        """Return one answer per database token of ``rule``."""
        return _answers(self.databases, len(rule.databases))

    def of_roles(self, rule: HbaRule) -> Sequence[bool | None]:
        """Return one answer per role token of ``rule``."""
        return _answers(self.roles, len(rule.roles))

    @property
    def is_known(self) -> bool:
        """Whether nothing about it is in doubt."""
        return None not in (self.databases, self.roles, self.address)


NO_QUOTES = Quoting((), (), address=False)
UNKNOWN_QUOTES = Quoting(None, None, address=None)


def _answers(quoted: tuple[bool, ...] | None, tokens: int) -> Sequence[bool | None]:
    if quoted == ():
        return (False,) * tokens
    # the file was written between the two readings
    if quoted is None or len(quoted) != tokens:
        return (None,) * tokens
    return quoted


@dataclass(frozen=True, slots=True)
class LineTraits:
    """The properties of a line of pg_hba.conf that the view loses; never its text.

    Continued lines are one, known by the first of them, as in the view.

    Attributes:
        holds_quote: a double quote outside a comment.
        holds_file_reference: an ``@`` outside a comment: tokens come from another file, whose
            times are not watched.
        holds_clientname: it contains ``clientname=``, which the view never lists.
        continues: in the next physical line (from 14 on).
        clientname: its value, ``CN`` or ``DN``; None where it is absent, or an older
            version of the shipped SQL does not say.
        quoted: which tokens of its fields are quoted; None where an older version of the shipped
            SQL does not say.
        is_patroni_header: the line begins the header of files that Patroni writes.
    """

    location: RuleLocation
    holds_quote: bool
    holds_file_reference: bool
    holds_clientname: bool
    continues: bool
    clientname: str | None = None
    quoted: Quoting | None = None
    is_patroni_header: bool = False

    @property
    def loses_something(self) -> bool:
        """Whether what it holds makes a difference to how the rules are read or changed."""
        return (
            self.holds_quote
            or self.holds_file_reference
            or self.holds_clientname
            or self.continues
            or self.is_patroni_header
        )

    @property
    def quoting(self) -> Quoting:
        """Which of its tokens are quoted."""
        if not (self.holds_quote or self.holds_file_reference):
            return NO_QUOTES
        return UNKNOWN_QUOTES if self.quoted is None else self.quoted


class ServerFile(StrEnum):
    """The settings that name the files which rules and TLS are read from."""

    HBA = "hba_file"
    IDENT = "ident_file"
    CERTIFICATE = "ssl_cert_file"
    AUTHORITY = "ssl_ca_file"
    CRL = "ssl_crl_file"
    CRL_DIRECTORY = "ssl_crl_dir"
    """The directory itself, and each revocation list in it (14+)."""
    RECEIVER_CERTIFICATE = "sslcert"
    """No setting of the server, but of its WAL receiver's connection, on a standby."""
    HBA_INCLUDED = "hba_included"
    """A file included by pg_hba.conf (16+)."""
    IDENT_INCLUDED = "ident_included"
    """A file included by pg_ident.conf (16+)."""


@dataclass(frozen=True, slots=True)
class FileTimes:
    """Size and times of one file of the server, in whole seconds as pg_stat_file gives them.

    Attributes:
        modified: None, with ``changed`` and ``size``, when the file is missing.
        changed: the inode's change time; None on Windows, where there is none.
    """

    setting: ServerFile
    path: str
    size: int | None
    modified: datetime | None
    changed: datetime | None
