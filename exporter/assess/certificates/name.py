r"""Decides whether a rule accepts the name in a certificate for a role.

Sources: auth.c, CheckCertAuth() (the first CN, or with ``clientname=DN`` the whole name;
without one it is rejected); hba.c, check_usermap() and check_ident_usermap() (accepted by the first
line that matches); be-secure-openssl.c, be_tls_open_server().
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from exporter.assess.rules.demand import map_name
from exporter.assess.rules.identity import binds, gives, proves
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth, truth
from exporter.model.certificate import Certificate
from exporter.model.certificates_report import NameFit
from exporter.model.hba import HbaRule, IdentContent, IdentMapping

CLIENTNAME_SINCE = 140000
"""``server_version_num`` from which a rule may carry ``clientname=``."""

LONGEST_NAME = 200
"""Of names that are matched with patterns here; RFC 5280 allows a CN 64 characters."""
MOST_REPEATS = 2
"""Of patterns that are evaluated here: with more, a hostile name could take too long to match."""

STEPS_OF_A_NAME = 4
"""Of work (exporter/assess/work.py), to compare a certificate's name with a rule."""

_ORDER = (Truth.NO, Truth.MAY, Truth.YES)

# Patterns that mean the same to PostgreSQL (advanced regular expressions, collation C) and to
# Python: no repeated groups, no back-references, no classes by name.
_ATOM = (
    r"(?:[A-Za-z0-9_ @,=:/-]|\\[.+*?^$(){}|\[\]\\-]|\.|\\[dw]"
    r"|\[\^?(?:[A-Za-z0-9@._, ](?:-[A-Za-z0-9])?)+-?\])[*+?]?"
)
_GROUP = rf"\((?:{_ATOM})*(?:\|(?:{_ATOM})*)*\)"
_DECIDABLE = re.compile(rf"(\^?(?:{_ATOM}|{_GROUP})*)(\$?)")


@dataclass(frozen=True, slots=True)
class Namings:
    """What decides which certificate names are accepted for a role.

    Attributes:
        role: the role that logs in.
        maps: every content of pg_ident.conf that may be in force; empty when none is known.
        surroundings: of the server.
        clientname: whether a rule has ``clientname=``, by each content that it may govern in;
            None of one whose lines could not be read.
    """

    role: str
    maps: Sequence[IdentContent]
    surroundings: Surroundings
    clientname: Callable[[HbaRule], frozenset[bool | None]]
    _lines: dict[str, Sequence[Sequence[IdentMapping]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def fit(self, rule: HbaRule | None, certificate: Certificate) -> NameFit:
        """Return whether a rule accepts the name in ``certificate`` for the role.

        Args:
            rule: one that requires the role's name; None for ``hostssl … cert`` without a map.
            certificate: the client's.
        """
        names = [certificate.subject.common_name]
        if rule is not None and self._may_compare_whole_name(rule):
            names.append(certificate.subject.rfc2253)
        through = None if rule is None else map_name(rule)
        if through is None:
            return _agreed(_fit(truth(name == self.role)) for name in names)
        lines = self._giving(through)
        self.surroundings.work.add(STEPS_OF_A_NAME)
        # without any content that may be in force, none of them agrees
        return _agreed(self._by_map(of, name) for of in lines for name in names)

    def _giving(self, through: str) -> Sequence[Sequence[IdentMapping]]:
        """Return the lines of a map that may give the role, of each content."""
        if through not in self._lines:
            self.surroundings.work.add(sum(len(content.mappings) for content in self.maps))
            self._lines[through] = [
                [
                    m
                    for m in content.mappings
                    if m.map_name == through
                    and gives(m, self.role, self.surroundings) is not Truth.NO
                ]
                for content in self.maps
            ]
        return self._lines[through]

    def _may_compare_whole_name(self, rule: HbaRule) -> bool:
        clientname = self.clientname(rule)
        if True in clientname:
            return True
        return None in clientname and self.surroundings.server_version_number >= CLIENTNAME_SINCE

    def _by_map(self, mappings: Sequence[IdentMapping], name: str) -> NameFit:
        if not name:
            return NameFit.REFUSED
        return _fit(
            max(
                (admits(m, name, self.role, self.surroundings) for m in mappings),
                key=_ORDER.index,
                default=Truth.NO,
            )
        )


def admits(mapping: IdentMapping, name: str, role: str, surroundings: Surroundings) -> Truth:
    """Return whether a line of a map accepts ``name`` for ``role``."""
    given = gives(mapping, role, surroundings)
    if given is Truth.NO:
        return Truth.NO
    if not mapping.system_name.startswith("/"):
        return given if name == mapping.system_name else Truth.NO
    if binds(mapping, role):
        return truth(proves(mapping, name, role))
    match _found(mapping.system_name[1:], name):
        case Truth.NO:
            return Truth.NO
        case Truth.YES if r"\1" not in mapping.database_role:
            return given
        case _:
            return Truth.MAY


@lru_cache(maxsize=65536)
def _found(pattern: str, name: str) -> Truth:
    """Return whether PostgreSQL finds ``pattern`` in ``name``."""
    decidable = _DECIDABLE.fullmatch(pattern)
    if (
        decidable is None
        or len(name) > LONGEST_NAME
        or pattern.count("*") + pattern.count("+") > MOST_REPEATS
    ):
        return Truth.MAY
    try:
        # unanchored, as regexec() searches; only the very end is the end
        expression = re.compile(
            decidable[1] + (r"\Z" if decidable[2] else ""), re.DOTALL | re.ASCII
        )
    except re.error:
        return Truth.MAY
    return truth(expression.search(name) is not None)


def _fit(admitted: Truth) -> NameFit:
    return {
        Truth.YES: NameFit.ADMITTED,
        Truth.NO: NameFit.REFUSED,
        Truth.MAY: NameFit.UNDECIDED,
    }[admitted]


def _agreed(found: Iterable[NameFit]) -> NameFit:
    several = set(found)
    return several.pop() if len(several) == 1 else NameFit.UNDECIDED
