"""What one client meets under every content of the rules that may be in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.assess.demand import Demand, demands
from exporter.assess.hba_match import Client, governing_rule
from exporter.assess.surroundings import Surroundings
from exporter.model.hba import HbaContent, HbaRule, IdentContent
from exporter.model.report import Governs, NoRule, RuleMatch, Undecided


@dataclass(frozen=True, slots=True)
class InForce:
    """Every content of pg_hba.conf and pg_ident.conf that may be in force; empty: not known."""

    rules: tuple[HbaContent, ...]
    maps: tuple[IdentContent, ...]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a client may meet.

    Attributes:
        match: under all contents together.
        agreed: every content of pg_hba.conf that may be in force gives this match.
        possible: every rule that may govern (None: no rule matches) with what it demands;
            empty when the rules in force are not known.
    """

    match: RuleMatch
    agreed: bool
    possible: tuple[tuple[HbaRule | None, frozenset[Demand]], ...]

    @property
    def demanded(self) -> frozenset[Demand]:
        """All that may be demanded."""
        return frozenset().union(*(d for _, d in self.possible))

    @property
    def rules(self) -> tuple[HbaRule, ...]:
        """The rules that may govern."""
        return tuple(r for r, _ in self.possible if r is not None)


def outcomes(
    client: Client, in_force: InForce, surroundings: Surroundings, *, unknown: str = ""
) -> Outcomes:
    """Return what ``client`` may meet.

    Args:
        client: the connection.
        in_force: what may be loaded.
        surroundings: of the server.
        unknown: why the rules in force are not known, for the case that they are not.
    """
    matches = [governing_rule(c.rules, client, surroundings) for c in in_force.rules]
    rules: dict[HbaRule | None, None] = {}
    for match in matches:
        rules.update(dict.fromkeys(_rules_of(match)))
    return Outcomes(
        match=_together(matches, unknown),
        agreed=len(set(matches)) == 1,
        possible=tuple(
            (rule, demands(rule, client.role, in_force.maps, surroundings)) for rule in rules
        ),
    )


def _rules_of(match: RuleMatch) -> Sequence[HbaRule | None]:
    if isinstance(match, Governs):
        return (match.rule,)
    if isinstance(match, NoRule):
        return (None,)
    return (*match.candidates, None) if match.may_match_none else match.candidates


def _together(matches: Sequence[RuleMatch], unknown: str) -> RuleMatch:
    if not matches:
        return Undecided((), may_match_none=True, why=(unknown,))
    first = matches[0]
    if all(m == first for m in matches):
        return first
    candidates: dict[HbaRule, None] = {}
    why: dict[str, None] = {"several versions of the rules may be in force": None}
    none = False
    for match in matches:
        rules = _rules_of(match)
        none = none or None in rules
        candidates.update({r: None for r in rules if r is not None})
        if isinstance(match, Undecided):
            why.update(dict.fromkeys(match.why))
    return Undecided(tuple(candidates), may_match_none=none, why=tuple(why))
