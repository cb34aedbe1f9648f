"""Why it is not decided which rule of pg_hba.conf governs a connection, as data."""

from dataclasses import dataclass

from exporter.model.hba import RuleLocation
from exporter.model.judgement import HbaState


@dataclass(frozen=True, slots=True)
class AddressNotShown:
    """The view has no address for the rule."""


@dataclass(frozen=True, slots=True)
class NetworkInterfaces:
    """``samehost`` or ``samenet``: it depends on the server's network interfaces."""

    keyword: str


@dataclass(frozen=True, slots=True)
class HostNameLookup:
    """The server looks the host name up when a client connects."""

    host_name: str


@dataclass(frozen=True, slots=True)
class MayBeQuoted:
    """The token may be quoted in the file.

    Attributes:
        token: as the view shows it, without quotes.
        is_address: it is the address ``all``, which in quotes is a host name.
    """

    token: str
    is_address: bool


@dataclass(frozen=True, slots=True)
class MembershipUnread:
    """Whether the role is a member of ``group`` could not be read."""

    group: str


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """The server was not asked, or did not say, what the regular expression matches."""

    regular_expression: str


Doubt = (
    AddressNotShown
    | NetworkInterfaces
    | HostNameLookup
    | MayBeQuoted
    | MembershipUnread
    | NotEvaluated
)
"""Why one rule may match and may not."""


@dataclass(frozen=True, slots=True)
class RuleInDoubt:
    """One rule may match."""

    location: RuleLocation
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class SeveralVersions:
    """Several versions of the rules may be in force."""


@dataclass(frozen=True, slots=True)
class RulesNotKnown:
    """No version of the rules is known to be in force."""

    state: HbaState


@dataclass(frozen=True, slots=True)
class ConnectionHidden:
    """The exporter's role may not see how the client is connected."""


WhyUndecided = RuleInDoubt | SeveralVersions | RulesNotKnown | ConnectionHidden
