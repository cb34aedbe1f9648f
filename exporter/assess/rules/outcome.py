"""Finds the rules that may govern one client, by every content that may be in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.assess.rules.demand import demands
from exporter.assess.rules.match import Client, governing_rule
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.doubt import RulesNotKnown, SeveralVersions, WhyUndecided
from exporter.model.hba import HbaContent, HbaRule, IdentContent
from exporter.model.judgement import Demand, HbaState
from exporter.model.report import Governs, NoRule, RuleMatch, Undecided

_NOT_KNOWN = RulesNotKnown(HbaState.UNREADABLE)


@dataclass(frozen=True, slots=True)
class InForce:
    """Every content of pg_hba.conf and pg_ident.conf that may be in force; empty: not known."""

    rules: tuple[HbaContent, ...]
    maps: tuple[IdentContent, ...]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rules that may govern a client.

    Attributes:
        match: under all contents together.
        agreed: every content of pg_hba.conf that may be in force gives this match.
        possible: every rule that may govern (None: no rule matches) with what it requires;
            empty when the rules in force are not known.
        contents: those in which each rule may govern: the same one may be in several, and its
            line contain something in one only.
    """

    match: RuleMatch
    agreed: bool
    possible: tuple[tuple[HbaRule | None, frozenset[Demand]], ...]
    contents: Mapping[HbaRule, Sequence[HbaContent]] = field(default_factory=dict, compare=False)

    @property
    def demanded(self) -> frozenset[Demand]:
        """All that may be required."""
        return frozenset().union(*(d for _, d in self.possible))

    @property
    def rules(self) -> tuple[HbaRule, ...]:
        """The rules that may govern."""
        return tuple(r for r, _ in self.possible if r is not None)

    def quotes_unknown(self, rule: HbaRule) -> bool:
        """Return whether tokens of one of these rules may be quoted, in any content."""
        return not all(content.quoting(rule).is_known for content in self.contents[rule])

    def clientname(self, rule: HbaRule) -> frozenset[bool | None]:
        """Return whether one of these rules has ``clientname=DN``: an answer of each content.

        None stands for a content where it is not known: the view does not list the option.
        """
        return frozenset(content.compares_whole_name(rule) for content in self.contents[rule])


def outcomes(
    client: Client,
    in_force: InForce,
    surroundings: Surroundings,
    *,
    unknown: WhyUndecided = _NOT_KNOWN,
) -> Outcomes:
    """Return the rules that may govern ``client``.

    Args:
        client: the connection.
        in_force: what may be loaded.
        surroundings: of the server.
        unknown: why ``in_force`` has no rules, if it has none.
    """
    matches = []
    rules: dict[HbaRule | None, None] = {}
    contents: dict[HbaRule, list[HbaContent]] = {}
    for content in in_force.rules:
        match = governing_rule(content, client, surroundings)
        matches.append(match)
        for rule in _rules_of(match):
            rules[rule] = None
            if rule is not None:
                contents.setdefault(rule, []).append(content)
    return Outcomes(
        match=_together(matches, unknown),
        agreed=len(set(matches)) == 1,
        possible=tuple(
            (rule, demands(rule, client.role, in_force.maps, surroundings)) for rule in rules
        ),
        contents=contents,
    )


def _rules_of(match: RuleMatch) -> Sequence[HbaRule | None]:
    if isinstance(match, Governs):
        return (match.rule,)
    if isinstance(match, NoRule):
        return (None,)
    return (*match.candidates, None) if match.may_match_none else match.candidates


def _together(matches: Sequence[RuleMatch], unknown: WhyUndecided) -> RuleMatch:
    if not matches:
        return Undecided((), may_match_none=True, why=(unknown,))
    first = matches[0]
    if all(m == first for m in matches):
        return first
    candidates: dict[HbaRule, None] = {}
    why: dict[WhyUndecided, None] = {SeveralVersions(): None}
    none = False
    for match in matches:
        rules = _rules_of(match)
        none = none or None in rules
        candidates.update({r: None for r in rules if r is not None})
        if isinstance(match, Undecided):
            why.update(dict.fromkeys(match.why))
    return Undecided(tuple(candidates), may_match_none=none, why=tuple(why))
