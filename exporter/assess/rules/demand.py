"""Decides what a rule of pg_hba.conf requires of a client, as far as certificates go.

Source: auth.c, ClientAuthentication(): ``clientcert`` is checked before the method, under every
method; CheckCertAuth() compares the name with the role, through the map where one is given.
"""

from collections.abc import Sequence

from exporter.assess.rules.identity import binds, gives
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.hba import HbaRule, IdentContent, IdentMapping
from exporter.model.judgement import Demand

MAPPINGS_OF_A_STEP = 4
"""Lines of pg_ident.conf that are looked through in one step (exporter/assess/work.py)."""

PASSWORD_METHODS = frozenset({"password", "md5", "scram-sha-256"})


CERTIFICATE_DEMANDS = frozenset(
    {Demand.CERTIFICATE, Demand.CHAIN, Demand.CHAIN_BY_MAP, Demand.UNKNOWN}
)


def map_name(rule: HbaRule) -> str | None:
    """Return the map that a rule sends names through; None, also for ``map=``, if through none.

    Source: hba.c, check_usermap(): an empty name is not a map.
    """
    return rule.option("map") or None


def demands(
    rule: HbaRule | None,
    role: str,
    maps: Sequence[IdentContent],
    surroundings: Surroundings,
) -> frozenset[Demand]:
    """Return what ``rule`` requires of ``role``: one answer for each content of pg_ident.conf.

    Args:
        rule: None for no matching rule, which rejects.
        role: the role that logs in.
        maps: every content of pg_ident.conf that may be in force; empty when none is known.
        surroundings: of the server.
    """
    if rule is None or rule.auth_method == "reject":
        return frozenset({Demand.REFUSES})
    match "verify-full" if rule.auth_method == "cert" else rule.option("clientcert"):
        case "verify-full":
            pass
        case "verify-ca":
            return frozenset({Demand.CHAIN})
        case _:
            return frozenset({Demand.NOTHING})
    name = map_name(rule)
    if name is None:
        return frozenset({Demand.CERTIFICATE})
    if not maps:
        return frozenset({Demand.UNKNOWN})
    lines = [[m for m in c.mappings if m.map_name == name] for c in maps]
    surroundings.work.add(sum(len(c.mappings) for c in maps) // MAPPINGS_OF_A_STEP)
    return frozenset(_demand_by_map(of_one, role, surroundings) for of_one in lines)


def _demand_by_map(
    mappings: Sequence[IdentMapping], role: str, surroundings: Surroundings
) -> Demand:
    giving = [(m, gives(m, role, surroundings)) for m in mappings]
    binding = [binds(m, role) for m, given in giving if given is not Truth.NO]
    if not binding:
        return Demand.REFUSES
    if all(binding):
        return Demand.CERTIFICATE
    if any(given is Truth.YES and not binds(m, role) for m, given in giving):
        return Demand.CHAIN_BY_MAP
    return Demand.UNKNOWN
