"""Rules of pg_hba.conf as pg_hba_file_rules shows them, and what that view does not carry.

Sources: manual, "The pg_hba.conf File" and "pg_hba_file_rules"; hbafuncs.c, hba.c.
"""

from collections.abc import Hashable
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
    """Where a rule stands. ``rule_number`` of the view is no key: broken lines shift it.

    Attributes:
        file_name: as the server tells it; before 16 the value of hba_file when readable, else
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
        digest: of all rows, so that two polls can be told to have seen the same rows.
        quoting_lines: locations of rules whose line holds a quote, or an ``@`` file which may;
            None when the lines were not read: tokens are then taken as keywords.
        clientname_lines: locations of rules with ``clientname=``; None when not read.
        digest_as_read: of the rows with messages that say nothing about the content; equal ones
            need not be interpreted again.
    """

    rules: tuple[HbaRule, ...]
    errors: tuple[ErrorLine, ...]
    digest: str
    digest_as_read: str = field(default="", compare=False, repr=False)
    quoting_lines: frozenset[RuleLocation] | None = None
    clientname_lines: frozenset[RuleLocation] | None = None

    @property
    def loadable(self) -> bool:
        """Whether a reload would take this content."""
        return not any(e.blocks_loading for e in self.errors)

    @property
    def is_whole(self) -> bool:
        """Whether what the view loses of the lines is known too."""
        return self.quoting_lines is not None

    @property
    def identity(self) -> Hashable:
        """What two polls saw the same of if they saw the same content."""
        return self.digest, self.quoting_lines, self.clientname_lines

    def with_lines(self, lines: "tuple[LineTraits, ...]") -> "HbaContent":
        """Return the content with what its lines hold; a continued one is told at its first."""
        return replace(
            self,
            # a file that names are taken from may quote them
            quoting_lines=frozenset(
                line.location for line in lines if line.holds_quote or line.holds_file_reference
            ),
            clientname_lines=frozenset(line.location for line in lines if line.holds_clientname),
        )

    def may_quote(self, rule: HbaRule) -> bool:
        """Return whether tokens of ``rule`` are known to stand in quotes, or perhaps to."""
        return self.quoting_lines is not None and rule.location in self.quoting_lines

    def holds_clientname(self, rule: HbaRule) -> bool | None:
        """Return whether the line of ``rule`` holds ``clientname=``; None if not known."""
        if self.clientname_lines is None:
            return None
        return rule.location in self.clientname_lines


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
        """Whether a reload would take this content."""
        return not any(e.blocks_loading for e in self.errors)

    @property
    def is_whole(self) -> bool:
        """True: quotes mean nothing in it."""
        return True

    @property
    def identity(self) -> Hashable:
        """What two polls saw the same of if they saw the same content."""
        return self.digest


@dataclass(frozen=True, slots=True)
class LineTraits:
    """What a line of pg_hba.conf holds that the view loses; never its text.

    Continued lines are one, told at the first of them, as the view does.

    Attributes:
        holds_quote: a double quote outside a comment.
        holds_file_reference: an ``@`` outside a comment: tokens come from another file, whose
            times are not watched.
        holds_clientname: ``clientname=`` stands in it, which the view never lists.
        continues: goes on in the next physical line (from 14 on).
    """

    location: RuleLocation
    holds_quote: bool
    holds_file_reference: bool
    holds_clientname: bool
    continues: bool


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
