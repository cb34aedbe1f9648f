"""The lines of pg_hba.conf that require a certificate of one client; whom they would reject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from exporter.assess.advice.accepted_names import AcceptedNames, of_role
from exporter.assess.advice.file_edits import Edits, inexact
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.identity import certificate_name, distinguished_name
from exporter.assess.rules.match import Client, rule_matches
from exporter.assess.rules.peers import Peer
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.hba import ConnectionType, HbaContent, HbaRule, Quoting
from exporter.model.remedy import FileEdit, Obstacle, Place, Step
from exporter.model.rule_text import address_text, is_plain, literal, quoted, rule_text
from exporter.model.server_steps import (
    AcceptClient,
    ClientSecurity,
    CloseRule,
    OtherClient,
    RequireCertificate,
)

_MASK = "********"
_ANY_ROLE = Quoting((False,), (False,), address=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a new line covers: one role and database, from some addresses.

    Attributes:
        address: the address field of the line.
        is_of_rule: it is the address of the rule that the line is derived from.
        refused: current connections that the line would reject.
    """

    address: str
    is_of_rule: bool
    refused: tuple[Peer, ...]


def certificate_rule(
    case: Case, edits: Edits, before: HbaRule | None, method: str, names: AcceptedNames
) -> Step:
    """Return the step that writes a rule which requires the certificate of the client.

    The second line rejects connections without TLS, whatever lines follow: a ``hostssl``
    rule does not match such a client, and evaluation would go on.

    Args:
        case: a client over TCP.
        edits: of this remedy.
        before: the first rule that may govern it, over TLS or as it is, to write the new ones in
            place of, or before; None when it is not known.
        method: method and options of the new line.
        names: that the new line accepts.
    """

    def satisfies(peer: Peer) -> bool:
        return (
            peer.client.tls
            and peer.has_certificate
            and names.accepts(shown_name(peer, whole=names.whole))
        )

    scope = _scope(case, before, satisfies)
    fields = f"{_fields(case)} {scope.address}"
    lines = (f"hostssl {fields} {method}", f"host {fields} reject")
    if (
        before is not None
        and scope.is_of_rule
        and _serves_only(before, case.client)
        and _content(case, before).is_one_line(before)
    ):
        edit = edits.replace(before.location, _text(case, before), lines)
    else:
        edit = _insert(case, edits, before, lines)
    return Step(
        Place.SERVER,
        RequireCertificate(
            case.client.role,
            case.client.database,
            refused=tuple(map(other_client, scope.refused)),
            requests_no_password=method.startswith("cert"),
        ),
        inexact(edit, Obstacle.MASKED) if _MASK in method else edit,
    )


def opening_rule(
    case: Case, edits: Edits, before: HbaRule | None, *, is_refused: bool = True
) -> Step:
    """Return the step that accepts the client over TLS with its certificate.

    Where TLS is certainly rejected now, the line matches no client that is accepted now.

    Args:
        case: a client over TCP.
        edits: of this remedy.
        before: the rule that rejects it over TLS, or else the one that accepts it without; None
            when it is not known, or there is no such rule.
        is_refused: it is certain that it is rejected over TLS.
    """
    line = f"hostssl {_fields(case)} {_own_address(case.client)} cert"
    own = of_role(case.client.role)

    def satisfies(peer: Peer) -> bool:
        # the line does not match a client without TLS
        presents = peer.has_certificate and own.accepts(shown_name(peer, whole=False))
        return not peer.client.tls or presents

    others = _alike(case, satisfies) or ()
    refused = tuple(p for p in others if p.client.address == case.client.address)
    kind = AcceptClient(
        case.client.role,
        case.client.database,
        is_refused=is_refused,
        refused=tuple(map(other_client, refused)),
    )
    return Step(Place.SERVER, kind, _insert(case, edits, before, (line,)))


def closing_rule(case: Case, edits: Edits, before: HbaRule) -> Step:
    """Return the step that closes a rule which accepts the client's role without a certificate.

    Over TLS another rule requires one already.

    Args:
        case: a client over TCP.
        edits: of this remedy.
        before: the first rule that accepts the role without TLS.
    """
    scope = _scope(case, before, lambda peer: peer.client.tls)
    line = f"hostnossl {_fields(case)} {scope.address} reject"
    refused = tuple(map(other_client, scope.refused))
    return Step(
        Place.SERVER,
        CloseRule(case.client.role, case.client.database, refused),
        _insert(case, edits, before, (line,)),
    )


def with_name_check(rule: HbaRule, *, whole_name: bool) -> str:
    """Return method and options of ``rule`` with its certificate's name compared with the role.

    Secrets among the options are asterisks, as the exporter never holds them.

    Args:
        rule: one that checks the chain only, or the name already.
        whole_name: it has ``clientname=DN``, which the server's view does not list. That stays
            where a map takes the whole name; without a map no whole name is a role's.
    """
    if rule.auth_method == "trust":
        return "cert"
    options = [o for o in rule.options if not o.startswith("clientcert=")]
    if whole_name and map_name(rule) is not None:
        options.append("clientname=DN")
    if rule.auth_method != "cert":
        options.append("clientcert=verify-full")
    return " ".join([rule.auth_method, *(quoted(o) for o in options)])


def shown_name(peer: Peer, *, whole: bool | None) -> str | None:
    """Return the name of a peer's certificate that is compared; None where it is not known.

    Args:
        peer: a connection.
        whole: whether the whole name is compared, or the common name; None if not known.
    """
    if whole is None:
        return None
    return distinguished_name(peer.subject) if whole else certificate_name(peer.subject)


def other_client(peer: Peer) -> OtherClient:
    """Return a peer as a step names it."""
    client = peer.client
    if not client.tls:
        security = ClientSecurity.GSSAPI if client.gss_encrypted else ClientSecurity.UNENCRYPTED
    else:
        security = ClientSecurity.CERTIFICATE if peer.has_certificate else ClientSecurity.TLS
    return OtherClient(
        peer.application_name,
        client.role,
        client.address,
        security,
        certificate_name(peer.subject),
        peer.connections,
    )


def _insert(case: Case, edits: Edits, before: HbaRule | None, lines: Sequence[str]) -> FileEdit:
    if before is None:
        before = next(iter(case.in_force.rules[0].rules), None) if case.in_force.rules else None
    if before is None:
        return edits.begin(lines)
    return edits.insert(before.location, _text(case, before), lines)


def _content(case: Case, rule: HbaRule) -> HbaContent:
    return next(content for content in case.in_force.rules if rule in content.rules)


def _text(case: Case, rule: HbaRule) -> str:
    return rule_text(rule, _content(case, rule).quoting(rule))


def _scope(case: Case, rule: HbaRule | None, satisfies: Callable[[Peer], bool]) -> Scope:
    """Return the widest scope that rejects no connection from another address.

    That is the address of ``rule``, or else the client's own, also where the former is a name: the
    lines must match the client, and a name only may.
    """
    own = _own_address(case.client)
    alike = _alike(case, satisfies)
    same_address = tuple(p for p in alike or () if p.client.address == case.client.address)
    if rule is None or rule.auth_method == "reject" or alike is None:
        return Scope(own, is_of_rule=False, refused=same_address)
    is_name = rule.address != "all" or _content(case, rule).quoting(rule).address is not False
    if rule.netmask is None and is_name:
        return Scope(own, is_of_rule=False, refused=same_address)
    covered = tuple(p for p in alike if _covers(rule, p, case.surroundings))
    if any(p not in same_address for p in covered):
        return Scope(own, is_of_rule=False, refused=same_address)
    return Scope(address_text(rule), is_of_rule=True, refused=covered)


def _alike(case: Case, satisfies: Callable[[Peer], bool]) -> tuple[Peer, ...] | None:
    """Return the peers of the same role and database that do not satisfy a line."""
    if case.peers is None:
        return None
    client = case.client
    return tuple(
        p
        for p in case.peers
        if (p.client.role, p.client.database) == (client.role, client.database) and not satisfies(p)
    )


def _covers(rule: HbaRule, peer: Peer, surroundings: Surroundings) -> bool:
    """Return whether the address of ``rule`` may match that of a peer."""
    any_client = replace(
        rule,
        connection_type=ConnectionType.HOST,
        databases=("replication" if peer.client.database is None else "all",),
        roles=("all",),
    )
    found, _ = rule_matches(any_client, peer.client, surroundings, quoting=_ANY_ROLE)
    return found is not Truth.NO


def _fields(case: Case) -> str:
    client, version = case.client, case.server.version_number
    database = "replication" if client.database is None else literal(client.database, version)
    return f"{database} {literal(client.role, version)}"


def _own_address(client: Client) -> str:
    address = client.address
    return "all" if address is None else f"{address}/{address.max_prefixlen}"


def _serves_only(rule: HbaRule, client: Client) -> bool:
    if rule.roles != (client.role,) or not is_plain(client.role):
        return False
    if client.database is None:
        return rule.databases == ("replication",)
    return rule.databases == (client.database,) and is_plain(client.database)
