r"""Returns the name in a certificate, and the names that a pg_ident map accepts for a role.

Sources: auth.c, CheckCertAuth(); hba.c, check_usermap() and check_ident_usermap();
be-secure-openssl.c, X509_NAME_to_cstring(). PostgreSQL compares the first CN in encoded order.
"""

import re
from functools import lru_cache

from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth, truth
from exporter.model.hba import IdentMapping
from exporter.model.rule_text import literal_expression
from exporter.model.wal_sender import SlashName

ROLE_KEYWORDS_SINCE = 160000
"""``server_version_num`` from which a map's role may be ``all``, ``+role`` or ``/regex``."""

# steps of work (exporter/assess/work.py)
STEPS_OF_A_MAPPING = 4
STEPS_OF_A_PATTERN = 8
CHARACTERS_COMPILED_IN_A_STEP = 2
LONGEST_KEPT = 200
"""Characters of a pattern that is kept compiled."""

_ATTRIBUTE = re.compile(r"/(?=[A-Za-z][A-Za-z0-9.-]*=)")
_ESCAPED = re.compile(r"\\(?:([0-9A-F]{2})|(.))", re.DOTALL)
_LITERALS = r"(?:[A-Za-z0-9_ @,=/:-]|\\[.+*?^$(){}|\[\]\\-])*"
_PLAIN_PATTERN = re.compile(rf"\^{_LITERALS}\$")
_ONE_GROUP = re.compile(
    rf"\^(?P<start>{_LITERALS})\((?:\.|\[\^[A-Za-z0-9@., ]+\])[*+]\)(?P<end>{_LITERALS})\$"
)


def certificate_name(subject: SlashName | None) -> str | None:
    """Return the CN that PostgreSQL compares, or None if the name shown does not determine it.

    It is not determined when there is no CN or more than one (``/`` and multi-valued RDNs are not
    escaped, so which is first cannot be seen), or when it may have been cut.
    """
    if subject is None:
        return None
    attributes = _attributes(subject)
    names = [i for i, (key, _, _) in enumerate(attributes) if key == "CN"]
    if len(names) != 1:
        return None
    (index,) = names
    if subject.may_be_cut and index == len(attributes) - 1:
        return None
    return _unescaped(attributes[index][2])


def issuer_name(issuer: SlashName | None) -> str | None:
    """Return the last CN of an issuer, its most specific one, which identifies the CA.

    None where there is none, and where the shown name may have been cut: another may follow.
    """
    if issuer is None or issuer.may_be_cut:
        return None
    names = [value for key, _, value in _attributes(issuer) if key == "CN"]
    return _unescaped(names[-1]) if names else None


def _attributes(name: SlashName) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in _ATTRIBUTE.split(name.text)[1:]]


def _unescaped(value: str) -> str:
    # RFC 2253: control characters as two hexadecimal digits, others as they are
    return _ESCAPED.sub(lambda e: chr(int(e[1], 16)) if e[1] else e[2], value)


def distinguished_name(subject: SlashName | None) -> str | None:
    """Return the RFC 2253 form that maps are matched against with ``clientname=DN``.

    None where the name shown does not determine it: cut, or not plain ASCII (which that form
    escapes).
    """
    if subject is None or subject.may_be_cut or not subject.text.isascii():
        return None
    return ",".join(reversed(_ATTRIBUTE.split(subject.text)[1:]))


def steps_of(mapping: IdentMapping) -> int:
    """Return how much work it is to evaluate a line, as exporter/assess/work.py counts it."""
    if not mapping.system_name.startswith("/"):
        return STEPS_OF_A_MAPPING
    length = len(mapping.system_name)
    # a long one is compiled each time
    return STEPS_OF_A_PATTERN if length <= LONGEST_KEPT else length // CHARACTERS_COMPILED_IN_A_STEP


def gives(mapping: IdentMapping, role: str, surroundings: Surroundings) -> Truth:
    """Return whether a line lets some name in as ``role``."""
    surroundings.work.add(steps_of(mapping))
    given = mapping.database_role
    if surroundings.server_version_number >= ROLE_KEYWORDS_SINCE:
        if given == "all":
            return Truth.YES
        if given.startswith("+"):
            return (
                Truth.MAY
                if surroundings.member_of is None
                else truth(given[1:] in surroundings.member_of)
            )
        if given == literal_expression(role):
            return Truth.YES
        if given.startswith("/"):
            answer = surroundings.regular_expressions.get((given, role))
            return Truth.MAY if answer is None else truth(answer)
    if mapping.system_name.startswith("/") and r"\1" in given:
        # one back-reference is replaced, but not in what has a meaning of its own, as above
        # by check_ident_usermap() in hba.c
        before, _, after = given.partition(r"\1")
        return truth(role.startswith(before) and role[len(before) :].endswith(after))
    return truth(given == role)


def binds(mapping: IdentMapping, role: str) -> bool:
    r"""Return whether a line that gives ``role`` accepts nothing but one name of its own.

    So does a literal system name with the literal role; an anchored pattern without
    wildcards; and an anchored pattern whose one group is the role or a part of it
    (``/^(.*)@example\.com$ \1``). Every other pattern, and ``all``, ``+group`` and ``/regex`` as
    role, accept other names.
    """
    given = mapping.database_role
    if not mapping.system_name.startswith("/"):
        return _is_literally(given, role)
    pattern = mapping.system_name[1:]
    if r"\1" in given and not given.startswith(("+", "/")):
        return _ONE_GROUP.fullmatch(pattern) is not None
    return _is_literally(given, role) and _PLAIN_PATTERN.fullmatch(pattern) is not None


def _is_literally(given: str, role: str) -> bool:
    """Return whether the role of a line is ``role``, also as an expression that matches it alone.

    From 16 on a role that begins with a slash cannot be written in another way.
    """
    return given == role or (role.startswith("/") and given == literal_expression(role))


def bound_name(mapping: IdentMapping, role: str) -> str | None:
    r"""Return the one name that a line binds to ``role``; None if it binds none, or several.

    ``/^(.*)\.example\.com$ \1`` binds ``alice.example.com`` to alice; ``all``, ``+group`` and a
    regular expression as role bind a literal name to every role that they give.
    """
    if not mapping.system_name.startswith("/"):
        return mapping.system_name
    if not binds(mapping, role):
        return None
    pattern = mapping.system_name.removeprefix("/")
    found = _ONE_GROUP.fullmatch(pattern)
    if found is None:
        return _without_backslashes(pattern[1:-1])
    before, _, after = mapping.database_role.partition(r"\1")
    part = role[len(before) : len(role) - len(after)]
    name = f"{_without_backslashes(found['start'])}{part}{_without_backslashes(found['end'])}"
    return name if proves(mapping, name, role) else None


def _without_backslashes(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern)


def proves(mapping: IdentMapping, name: str, role: str) -> bool:
    """Return whether ``name`` is the one name that the line binds to ``role``."""
    if not binds(mapping, role):
        return False
    if not mapping.system_name.startswith("/"):
        return name == mapping.system_name
    # the patterns that bind mean the same to Python, so called, and to PostgreSQL
    found = _compiled(mapping.system_name.removeprefix("/")).fullmatch(name)
    if found is None:
        return False
    given = mapping.database_role
    for group in found.groups():  # none or one, as above
        given = given.replace(r"\1", group, 1)
    return _is_literally(given, role)


def _compiled(pattern: str) -> re.Pattern[str]:
    return _short(pattern) if len(pattern) <= LONGEST_KEPT else _any(pattern)


def _any(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


# as many as a server may show
_short = lru_cache(maxsize=10_000)(_any)
