"""What judging one connection needs to know beside rules and maps."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.model.hba import RuleLocation


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matching needs beside the rules.

    Attributes:
        member_of: the roles that the client's role is a member of, itself included; None when
            they could not be read.
        regular_expressions: the server's answers, by token and name.
        quoting_lines: locations of rules that hold a quote, or an ``@`` file which may; None
            when that could not be read: tokens are then taken as keywords.
    """

    server_version_number: int
    member_of: frozenset[str] | None
    regular_expressions: Mapping[tuple[str, str], bool]
    quoting_lines: frozenset[RuleLocation] | None
