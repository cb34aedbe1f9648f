"""The properties of a server and role that matching needs, in addition to rules and maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.assess.work import Work


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matching needs in addition to the rules.

    Attributes:
        member_of: the roles that the client's role is a member of, itself included; None when
            they could not be read.
        regular_expressions: the server's answers, by token and name.
        work: counts what matching costs.
    """

    server_version_number: int
    member_of: frozenset[str] | None
    regular_expressions: Mapping[tuple[str, str], bool]
    work: Work = field(default_factory=Work, compare=False, repr=False)
