r"""Lines of pg_ident.conf that accept several names for a role, narrowed without a lock-out.

A pattern that misses an anchor is completed, so that every client with a proper name is still
accepted. Any other line is replaced by one line for each client that uses it now.
"""

from collections.abc import Iterable
from dataclasses import replace

from exporter.assess.advice.accepted_names import AcceptedNames, acceptance_by_map
from exporter.assess.advice.file_edits import Edits, inexact
from exporter.assess.advice.rule_to_write import other_client, shown_name
from exporter.assess.certificates.name import admits
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.identity import binds, bound_name, gives, proves
from exporter.assess.rules.outcome import Outcomes, outcomes
from exporter.assess.rules.peers import Peer, peer_of
from exporter.assess.rules.truth import Truth
from exporter.model.hba import IdentContent, IdentMapping
from exporter.model.remedy import Obstacle, Place, ServerFile, Step
from exporter.model.rule_text import REGULAR_EXPRESSIONS_SINCE, literal, quoted
from exporter.model.server_steps import CompletePattern, LoadMaps, NarrowMap


def narrow_maps(case: Case, found: Outcomes, edits: Edits) -> Iterable[Step]:
    """Yield the steps to maps, of all rules that may govern, that accept one name for the role.

    Args:
        case: the connection.
        found: the rules that may govern it over TLS.
        edits: of this remedy.
    """
    content = case.in_force.maps[-1]
    compared: dict[str, bool | None] = {}
    for rule in found.rules:
        name, whole = map_name(rule), case.compares_whole_name(rule, found)
        if name is not None:
            compared[name] = whole if compared.get(name, whole) == whole else None
    # from below, so that it does not matter how many lines of the file each of them takes
    for mapping in reversed(content.mappings):
        if mapping.map_name in compared and _is_too_wide(mapping, case):
            yield _narrow(mapping, content, case, edits, whole=compared[mapping.map_name])
    yield Step(Place.SERVER, LoadMaps(case.server.version_number))


def _is_too_wide(mapping: IdentMapping, case: Case) -> bool:
    role = case.client.role
    return gives(mapping, role, case.surroundings) is not Truth.NO and not binds(mapping, role)


def names_when_narrowed(case: Case, through: str | None, *, whole: bool | None) -> AcceptedNames:
    """Return which names a map accepts for the role, now and once it is narrowed.

    Args:
        case: the connection.
        through: the name of the map.
        whole: whether the rule compares the whole name; None if that is not known.
    """
    role = case.client.role
    content = case.in_force.maps[-1]
    lines = [
        m
        for m in content.mappings
        if m.map_name == through and gives(m, role, case.surroundings) is Truth.YES
    ]
    names = [bound_name(_completed(m, role) or m, role) for m in lines]
    found = tuple(dict.fromkeys(name for name in names if name is not None))
    if (
        not found
        and whole is False
        and any(admits(m, role, role, case.surroundings) is Truth.YES for m in lines)
    ):
        # the line that is written for a client whose name is not known
        found = (role,)
    patterns = () if found else tuple(dict.fromkeys(m.system_name for m in lines))
    names_found = AcceptedNames(whole=whole, names=found, patterns=patterns, map_name=through)
    # one only: what is issued, tried and written into the map must be the same
    return replace(names_found, names=names_found.that_can_be_issued[:1])


def _narrow(
    mapping: IdentMapping, content: IdentContent, case: Case, edits: Edits, *, whole: bool | None
) -> Step:
    own = peer_of(case.wal_sender, case.surroundings.member_of)
    completed = _completed(mapping, case.client.role)
    kept: list[str] = []
    unnamed: list[Peer] = []
    own_name = shown_name(own, whole=whole)
    is_accepted = (
        own_name is None
        or acceptance_by_map(
            content, mapping.map_name, own_name, case.client.role, case.surroundings
        )
        is not Truth.NO
    )
    for peer, name in _users(mapping, case):
        if name is None:
            unnamed.append(peer)
        elif not _goes_on(name, peer.client.role, completed, mapping, content):
            kept.append(_line(mapping, name, peer.client.role, case))
    exact = not unnamed and case.peers is not None
    # it uses no line of the map yet: it will use the one that is written here
    is_new = not own.has_certificate or (own not in unnamed and not is_accepted)
    if completed is None and (own in unnamed or is_new):
        names: tuple[str, ...] = ()
        if is_new:
            names = names_when_narrowed(case, mapping.map_name, whole=whole).names
        exact = exact and bool(names)
        name = names[0] if names else "NAME_OF_ITS_CERTIFICATE"
        kept.append(_line(mapping, name, case.client.role, case))
    new = [*([] if completed is None else [_text(completed)]), *dict.fromkeys(kept)]
    edit = edits.replace(mapping.location, _text(mapping), new, ServerFile.IDENT)
    others, has_others = tuple(map(other_client, unnamed)), case.peers is not None
    return Step(
        Place.SERVER,
        NarrowMap(case.client.role, others, has_others)
        if completed is None
        else CompletePattern(others, has_others),
        edit if exact else inexact(edit, Obstacle.INCOMPLETE),
    )


def _completed(mapping: IdentMapping, role: str) -> IdentMapping | None:
    """Return the line with the anchors that its pattern misses; None if those do not suffice."""
    if not mapping.system_name.startswith("/"):
        return None
    pattern = mapping.system_name[1:]
    for candidate in (f"{pattern}$", f"^{pattern}", f"^{pattern}$"):
        completed = replace(mapping, system_name=f"/{candidate}")
        # an empty name is never accepted (auth.c, CheckCertAuth())
        if bound_name(completed, role):
            return completed
    return None


def _users(mapping: IdentMapping, case: Case) -> Iterable[tuple[Peer, str | None]]:
    """Yield the connections that ``mapping`` may accept, each with the name that is compared.

    None is a name that is not known: not shown, of one rule or another, or not a certificate's.
    """
    own = peer_of(case.wal_sender, case.surroundings.member_of)
    for peer in (own, *(case.peers or ())):
        around = replace(case.surroundings, member_of=peer.member_of)
        found = outcomes(peer.client, case.in_force, around)
        rules = [r for r in found.rules if map_name(r) == mapping.map_name]
        if not any(peer.has_certificate or r.auth_method != "cert" for r in rules):
            continue
        name = None
        wholes = {case.compares_whole_name(r, found) for r in rules}
        if len(wholes) == 1 and all(r.auth_method == "cert" for r in rules):
            name = shown_name(peer, whole=wholes.pop())
        role = peer.client.role
        accepts = (
            gives(mapping, role, around) if name is None else admits(mapping, name, role, around)
        )
        if accepts is not Truth.NO:
            yield peer, name


def _goes_on(
    name: str,
    role: str,
    completed: IdentMapping | None,
    mapping: IdentMapping,
    content: IdentContent,
) -> bool:
    """Return whether a client's name is accepted without a line of its own."""
    if completed is not None and proves(completed, name, role):
        return True
    return any(
        m.map_name == mapping.map_name and m != mapping and proves(m, name, role)
        for m in content.mappings
    )


def _line(mapping: IdentMapping, name: str, role: str, case: Case) -> str:
    # a leading / makes an expression of a certificate's name at all versions
    written = literal(name, REGULAR_EXPRESSIONS_SINCE)
    return f"{quoted(mapping.map_name)} {written} {literal(role, case.server.version_number)}"


def _text(mapping: IdentMapping) -> str:
    return " ".join(map(quoted, (mapping.map_name, mapping.system_name, mapping.database_role)))
