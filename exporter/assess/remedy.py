"""What to do so that a connection is secured by certificate: ordered steps with exact lines.

The order never locks a running standby out: CA on the server, certificate on the client and tried
beside the running connection, reconnect, see it presented, only then the rule that requires it, and
last what still accepts the same role without one.
"""

from collections.abc import Iterable

from exporter.assess.accepted_names import AcceptedNames, accepted_names, of_role
from exporter.assess.case import Case
from exporter.assess.client_steps import (
    SEE_CERTIFICATE,
    Usable,
    ask_for_certificates,
    check_name,
    configure_client,
    issue_certificate,
    newer_tls,
    reconnect,
    replace_certificate,
)
from exporter.assess.demand import CERTIFICATE_DEMANDS, Demand, map_name
from exporter.assess.file_edits import Edits
from exporter.assess.map_edits import names_when_narrowed, narrow_maps
from exporter.assess.other_transports import without_tls
from exporter.assess.outcome import Outcomes, outcomes
from exporter.assess.peers import peer_of
from exporter.assess.posture import shown_certificate
from exporter.assess.rule_to_write import (
    certificate_rule,
    closing_rule,
    opening_rule,
    shown_name,
    with_name_check,
)
from exporter.assess.rules_remedy import (
    CORRECT_LINES,
    INSTALL,
    LOAD_ONCE,
    check_and_load,
    check_and_load_maps,
    correct_maps,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import HbaState, Posture, Reason
from exporter.model.report import Governs, Step, Undecided

_CERT = "cert"
_SECURED = frozenset({Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET})
_ALWAYS = {
    Reason.RULES_LOAD_UNVERIFIED: (INSTALL, LOAD_ONCE),
    Reason.RULES_UNREADABLE: (INSTALL,),
    Reason.MAP_UNREADABLE: (INSTALL,),
}


def remedy(case: Case, reasons: tuple[Reason, ...], *, owned: Usable | None) -> tuple[Step, ...]:
    """Return the steps to the best posture, in order; empty when there is nothing to do.

    Args:
        case: the connection.
        reasons: why its posture is not the best.
        owned: a certificate that the client is known to have for its next connection; None if
            there is none.
    """
    edits = Edits(case.is_under_patroni)
    steps: list[Step] = []
    if case.posture is Posture.HIDDEN:
        steps.append(INSTALL)
    elif case.posture is Posture.CERTIFICATE_UNCONFIRMED:
        steps.extend(_make_known(case, reasons, edits))
    elif case.posture not in _SECURED:
        steps.extend(_secure(case, edits, owned))
    elif Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE in reasons:
        steps.extend(_close(case, edits))
    if Reason.TLS_VERSION_TOO_OLD in reasons:
        steps.extend(newer_tls(case))
    return tuple(steps)


def _secure(case: Case, edits: Edits, owned: Usable | None) -> Iterable[Step]:
    over_tls = _over_tls(case)
    is_opened = over_tls.demanded == {Demand.REFUSES}
    names = of_role(case.client.role) if is_opened else _names(case, over_tls)
    yield from ask_for_certificates(case)
    if is_opened:
        yield opening_rule(case, edits, _first_rule(case, over_tls))
        yield check_and_load(case.server.version_number)
    yield from _present_certificate(case, names, owned)
    if is_opened or over_tls.demanded == {Demand.CERTIFICATE}:
        # over TLS the rules are right by now
        yield from _close(case, edits)
        return
    if over_tls.demanded == {Demand.CHAIN_BY_MAP}:
        yield from narrow_maps(case, over_tls, edits)
        yield reconnect(case)
        yield from _close(case, edits)
        return
    rule, method = _first_rule(case, over_tls), _method(case, over_tls)
    yield certificate_rule(case, edits, rule, method, names)
    yield check_and_load(case.server.version_number)
    yield reconnect(case)


def _present_certificate(case: Case, names: AcceptedNames, owned: Usable | None) -> Iterable[Step]:
    """Yield the steps after which the client presents a certificate of an accepted name."""
    if shown_certificate(case.wal_sender) is None:
        yield issue_certificate(case, names, owned=owned)
        yield from configure_client(case)
        return
    own = shown_name(peer_of(case.wal_sender, case.surroundings.member_of), whole=names.whole)
    if names.accepts(own) or not names.names:
        return
    if own is not None:
        yield replace_certificate(case, names)
    yield check_name(names, case.client.role)
    if own is not None:
        yield reconnect(case)
        yield SEE_CERTIFICATE


def _names(case: Case, over_tls: Outcomes) -> AcceptedNames:
    """Return which names the rule accepts that will require the certificate at the end."""
    if over_tls.demanded == {Demand.CHAIN_BY_MAP}:
        return _agreed(_narrowed(case, rule, over_tls) for rule in over_tls.rules)
    if over_tls.demanded == {Demand.CERTIFICATE}:
        return _agreed(_accepted(case, rule, over_tls) for rule in over_tls.rules)
    match over_tls.match:
        case Governs(rule) if _method(case, over_tls) != _CERT and map_name(rule) is not None:
            return _accepted(case, rule, over_tls)
        case _:
            return of_role(case.client.role)


def _agreed(several: Iterable[AcceptedNames]) -> AcceptedNames:
    found = set(several)
    return found.pop() if len(found) == 1 else AcceptedNames(whole=None, names=())


def _accepted(case: Case, rule: HbaRule, found: Outcomes) -> AcceptedNames:
    return accepted_names(
        rule,
        case.client.role,
        case.in_force.maps,
        case.surroundings,
        whole=case.compares_whole_name(rule, found),
    )


def _narrowed(case: Case, rule: HbaRule, found: Outcomes) -> AcceptedNames:
    """Return what a map accepts when it is narrowed: the name that is presented, if there is one.

    A certificate that is presented is accepted now, and gets a line of its own.
    """
    whole, through = case.compares_whole_name(rule, found), map_name(rule) or ""
    if shown_certificate(case.wal_sender) is None:
        return names_when_narrowed(case, through, whole=whole)
    own = shown_name(peer_of(case.wal_sender, case.surroundings.member_of), whole=whole)
    return AcceptedNames(whole=whole, names=() if own is None else (own,), map_name=through)


def _close(case: Case, edits: Edits) -> Iterable[Step]:
    """Yield the steps that close what accepts the client's role without TLS."""
    open_rules = [
        found.match.rule
        for found in without_tls(case)
        if isinstance(found.match, Governs) and Demand.NOTHING in found.demanded
    ]
    content = case.in_force.rules[0].rules
    first = min(open_rules, key=content.index, default=None)
    if first is not None:
        yield closing_rule(case, edits, first)
        yield check_and_load(case.server.version_number)


def _method(case: Case, found: Outcomes) -> str:
    """Return method and options of the rule that is to require the certificate."""
    match found.match:
        case Governs(rule) if found.demanded == {Demand.CHAIN}:
            return with_name_check(rule, whole_name=case.compares_whole_name(rule, found) is True)
        case _:
            return _CERT


def _over_tls(case: Case) -> Outcomes:
    """Return what the client meets once it comes over TLS."""
    if case.client.tls:
        return case.found
    return outcomes(case.client.over_tls(), case.in_force, case.surroundings)


def _first_rule(case: Case, over_tls: Outcomes) -> HbaRule | None:
    """Return the first rule that governs the client, as it is or over TLS; None if not decided."""
    rules: list[HbaRule] = []
    for found in (case.found, over_tls):
        if isinstance(found.match, Undecided):
            return None
        if isinstance(found.match, Governs):
            rules.append(found.match.rule)
    content = case.in_force.rules[0].rules
    return min(rules, key=content.index, default=None)


def _make_known(case: Case, reasons: tuple[Reason, ...], edits: Edits) -> Iterable[Step]:
    yield from ask_for_certificates(case)
    for reason in reasons:
        yield from _known(case, reason, edits)


def _known(case: Case, reason: Reason, edits: Edits) -> Iterable[Step]:
    """Return the steps after which ``reason`` leaves nothing unknown any more."""
    match reason:
        case Reason.RULES_PENDING:
            return _load(case, HbaState.PENDING)
        case Reason.RULES_REJECTED:
            return _load(case, HbaState.REJECTED)
        case Reason.MAP_UNREADABLE if case.in_force.maps:
            return narrow_maps(case, case.found, edits)
        case Reason.CERTIFICATE_NAME_UNPROVEN:
            return _prove_name(case)
        case Reason.RULE_UNDECIDED | Reason.RULES_WOULD_REFUSE:
            return _rule_for_shown(case, edits)
        case _:
            return _ALWAYS.get(reason, ())


def _prove_name(case: Case) -> Iterable[Step]:
    match case.found.match:
        case Governs(rule):
            names = _accepted(case, rule, case.found)
        case _:
            names = AcceptedNames(whole=None, names=())
    return (check_name(names, case.client.role), reconnect(case))


def _load(case: Case, state: HbaState) -> Iterable[Step]:
    """Yield the steps that load pg_hba.conf, pg_ident.conf or both: those that are in ``state``."""
    version = case.server.version_number
    rejected = state is HbaState.REJECTED
    if case.hba_state is state:
        if rejected:
            yield CORRECT_LINES
        yield check_and_load(version)
    if case.ident_state is state:
        if rejected:
            yield correct_maps(version)
        yield check_and_load_maps(version)


def _rule_for_shown(case: Case, edits: Edits) -> Iterable[Step]:
    """Yield the steps to a rule that requires what a client has presented already."""
    if (
        not case.server.requests_client_certificate
        and not case.found.demanded - CERTIFICATE_DEMANDS
    ):
        # with an empty ssl_ca_file, right rules refuse everybody too
        return
    # it has presented a certificate, so that it comes over TLS already
    is_opened = case.found.demanded == {Demand.REFUSES}
    names = of_role(case.client.role)
    rule = _first_rule(case, case.found)
    version = case.server.version_number
    if is_opened:
        # before it reconnects, which the rules of now refuse whatever it presents
        yield opening_rule(case, edits, rule)
        yield check_and_load(version)
        yield from _present_certificate(case, names, None)
        return
    yield from _present_certificate(case, names, None)
    yield certificate_rule(case, edits, rule, _CERT, names)
    yield check_and_load(version)
