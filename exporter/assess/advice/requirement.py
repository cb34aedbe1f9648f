"""The requirement that a new rule makes: its method, and the names that it accepts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter.assess.advice.accepted_names import (
    AcceptedNames,
    acceptance,
    accepted_names,
    accepts,
    of_role,
)
from exporter.assess.advice.map_edits import names_when_narrowed
from exporter.assess.advice.rule_to_write import shown_name, with_name_check
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.posture import shown_certificate
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.outcome import Outcomes
from exporter.assess.rules.peers import peer_of
from exporter.assess.rules.truth import Truth
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand
from exporter.model.report import Governs

CERT = "cert"
_WIDE = frozenset({Demand.CHAIN_BY_MAP, Demand.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a new rule requires.

    Attributes:
        method: method and options.
        names: that it accepts for the role, once its map is narrowed.
        has_wide_map: its user name map accepts other names for the role as well, or may.
    """

    method: str
    names: AcceptedNames
    has_wide_map: bool = False


def requirement(case: Case, found: Outcomes) -> Requirement:
    """Return what the rule is to require that makes the client use its certificate.

    Where it is not decided which rule governs, it is what one of them requires that accepts the
    certificate: under another name, that rule would reject the client. A rule whose map accepts
    one name only comes first.
    """
    match found.match:
        case Governs(rule) if found.demanded == {Demand.CHAIN}:
            method = with_name_check(rule, whole_name=case.compares_whole_name(rule, found) is True)
            if method != CERT:
                # without a map the new rule compares the common name, whatever the old one did
                by_map = map_name(rule) is not None
                names = accepted(case, rule, found) if by_map else of_role(case.client.role)
                return Requirement(method, names)
    return min(
        _candidates(case, found),
        key=lambda candidate: candidate.has_wide_map,
        default=Requirement(CERT, of_role(case.client.role)),
    )


def may_refuse(case: Case, found: Outcomes, names: AcceptedNames) -> bool:
    """Return whether a rule that may govern rejects a certificate that has one of ``names``."""
    role, maps = case.client.role, case.in_force.maps

    def refuses(rule: HbaRule) -> bool:
        return demands_name(rule) and (
            case.compares_whole_name(rule, found) is not names.whole
            or not all(accepts(rule, n, role, maps, case.surroundings) for n in names.names)
        )

    return any(
        Demand.REFUSES in demanded or (rule is not None and refuses(rule))
        for rule, demanded in found.possible
    )


def shown_is_rejected(case: Case, found: Outcomes) -> bool:
    """Return whether a rule that may govern certainly rejects the name that is presented now.

    Older rules, or an older map, accepted it. A name that is not known is not counted.
    """
    peer = peer_of(case.wal_sender, case.surroundings.member_of)
    role, maps = case.client.role, case.in_force.maps

    def rejects(rule: HbaRule) -> bool:
        name = shown_name(peer, whole=case.compares_whole_name(rule, found))
        return (
            name is not None and acceptance(rule, name, role, maps, case.surroundings) is Truth.NO
        )

    return any(rejects(rule) for rule in found.rules if demands_name(rule))


def _candidates(case: Case, found: Outcomes) -> Iterable[Requirement]:
    for rule, demanded in found.possible:
        if rule is None or not demands_name(rule):
            continue
        whole = case.compares_whole_name(rule, found)
        if whole is None:
            continue
        is_wide = bool(demanded & _WIDE)
        names = narrowed(case, rule, found) if is_wide else accepted(case, rule, found)
        names = _proven(case, rule, names)
        if names.names:
            yield Requirement(with_name_check(rule, whole_name=whole), names, is_wide)


def _proven(case: Case, rule: HbaRule, names: AcceptedNames) -> AcceptedNames:
    """Return the names that a rule accepts; only if the one that is presented is one of them."""
    if shown_certificate(case.wal_sender) is None:
        return names
    own = shown_name(peer_of(case.wal_sender, case.surroundings.member_of), whole=names.whole)
    role, maps = case.client.role, case.in_force.maps
    if own is None or not accepts(rule, own, role, maps, case.surroundings):
        return replace(names, names=())
    return replace(names, names=tuple(dict.fromkeys((own, *names.names))))


def accepted(case: Case, rule: HbaRule, found: Outcomes) -> AcceptedNames:
    """Return the names that a rule accepts for the role."""
    return accepted_names(
        rule,
        case.client.role,
        case.in_force.maps,
        case.surroundings,
        whole=case.compares_whole_name(rule, found),
    )


def narrowed(case: Case, rule: HbaRule, found: Outcomes) -> AcceptedNames:
    """Return the names that a rule accepts for the role, once its map is narrowed."""
    whole = case.compares_whole_name(rule, found)
    return names_when_narrowed(case, map_name(rule), whole=whole)


def agreed(several: Iterable[AcceptedNames]) -> AcceptedNames:
    """Return the names if they are the same everywhere, else none."""
    found = set(several)
    return found.pop() if len(found) == 1 else AcceptedNames(whole=None, names=())
