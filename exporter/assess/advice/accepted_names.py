r"""Which names of certificates a rule accepts for a role, to be written into a remedy.

Sources: auth.c, CheckCertAuth(); hba.c, check_usermap() and check_ident_usermap().
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.assess.certificates.name import admits
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.identity import bound_name, gives
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth, truth
from exporter.model.hba import HbaRule, IdentContent, IdentMapping

_VALUE = r"(?![ #])(?:[^,+\"\\<>;]|\\[0-9A-F]{2}|\\[^0-9A-F])*(?:(?<! )|(?<=\\ ))"
_ATTRIBUTE = rf"[A-Za-z0-9.]+={_VALUE}"
_WHOLE = re.compile(rf"{_ATTRIBUTE}(?:[,+]{_ATTRIBUTE})*")
"""A distinguished name as OpenSSL writes it by RFC 2253: other text is not such a name."""


@dataclass(frozen=True, slots=True)
class AcceptedNames:
    """Names of certificates that are accepted for a role.

    Attributes:
        whole: the whole name (distinguished name) is compared; None if it is not known whether
            it is or the common name (CN).
        names: that are certainly accepted, in the order of the map.
        patterns: of map lines that accept further names, with their leading ``/``.
        map_name: of the user name map; None where the name must equal the role's.
        is_nobody: no line that certainly gives the role accepts a name that a certificate can have.
    """

    whole: bool | None
    names: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    map_name: str | None = None
    is_nobody: bool = False

    @property
    def that_can_be_issued(self) -> tuple[str, ...]:
        """The names without those that no certificate can have as its distinguished name."""
        return tuple(n for n in self.names if not self.whole or _WHOLE.fullmatch(n))

    def accepts(self, name: str | None) -> bool:
        """Return whether ``name`` is certainly accepted; None is a name that is not known."""
        return name is not None and name in self.names


def of_role(role: str) -> AcceptedNames:
    """Return what ``cert`` without a map accepts: the role's own name as the CN."""
    return AcceptedNames(whole=False, names=(role,))


def accepted_names(
    rule: HbaRule,
    role: str,
    maps: Sequence[IdentContent],
    surroundings: Surroundings,
    *,
    whole: bool | None,
) -> AcceptedNames:
    """Return which names ``rule`` accepts for ``role``.

    Args:
        rule: one that compares the name.
        role: the role that logs in.
        maps: every content of pg_ident.conf that may be in force: only what all of them accept
            is accepted.
        surroundings: of the server.
        whole: whether the rule has ``clientname=DN``; None if that is not known.
    """
    through = map_name(rule)
    if through is None:
        names = _of_certificates([role], whole=whole)
        return AcceptedNames(whole=whole, names=tuple(names), is_nobody=not names)
    lines = [_giving(content, through, role, surroundings) for content in maps]
    several = [
        _of_certificates((bound_name(m, role) for m in giving), whole=whole) for giving in lines
    ]
    patterns = [m.system_name for giving in lines for m in giving if _is_open(m, role)]
    first = several[0] if several else []
    others = [frozenset(each) for each in several[1:]]
    return AcceptedNames(
        whole=whole,
        names=tuple(dict.fromkeys(n for n in first if all(n in each for each in others))),
        patterns=tuple(dict.fromkeys(patterns)),
        map_name=through,
        is_nobody=bool(maps) and not any(several) and not patterns,
    )


def _of_certificates(names: Iterable[str | None], *, whole: bool | None) -> list[str]:
    """Return the names that are known and that a certificate can have; an empty one cannot match.

    Source: auth.c, CheckCertAuth(), which accepts no empty name.
    """
    return [n for n in names if n and (whole is not True or _is_distinguished(n))]


def _is_distinguished(name: str) -> bool:
    # XN_FLAG_RFC2253 escapes what is not ASCII (be-secure-openssl.c)
    return name.isascii() and _WHOLE.fullmatch(name) is not None


def accepts(
    rule: HbaRule,
    name: str,
    role: str,
    maps: Sequence[IdentContent],
    surroundings: Surroundings,
) -> bool:
    """Return whether ``rule`` certainly accepts ``name`` for ``role``; arguments: acceptance()."""
    return acceptance(rule, name, role, maps, surroundings) is Truth.YES


def acceptance(
    rule: HbaRule,
    name: str,
    role: str,
    maps: Sequence[IdentContent],
    surroundings: Surroundings,
) -> Truth:
    """Return whether ``rule`` accepts ``name`` for ``role``.

    Args:
        rule: one that compares the name.
        name: the common name, or the whole one where the rule compares that.
        role: the role that logs in.
        maps: every content of pg_ident.conf that may be in force.
        surroundings: of the server.
    """
    through = map_name(rule)
    if through is None:
        return truth(name == role)
    found = {acceptance_by_map(c, through, name, role, surroundings) for c in maps}
    if Truth.NO in found:
        return Truth.NO
    return Truth.YES if found == {Truth.YES} else Truth.MAY


def acceptance_by_map(
    content: IdentContent, through: str, name: str, role: str, surroundings: Surroundings
) -> Truth:
    """Return whether a line of the map ``through`` accepts ``name`` for ``role``."""
    result = Truth.NO
    for mapping in content.mappings:
        if mapping.map_name == through:
            answer = admits(mapping, name, role, surroundings)
            if answer is Truth.YES:
                return answer
            if answer is Truth.MAY:
                result = answer
    return result


def _giving(
    content: IdentContent, through: str, role: str, surroundings: Surroundings
) -> list[IdentMapping]:
    named = (m for m in content.mappings if m.map_name == through)
    return [m for m in named if gives(m, role, surroundings) is Truth.YES]


def _is_open(mapping: IdentMapping, role: str) -> bool:
    return mapping.system_name.startswith("/") and bound_name(mapping, role) is None
