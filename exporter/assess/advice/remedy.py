"""Returns the steps that secure a connection by certificate, in order and with exact lines.

The order never locks a running standby out: CA on the server, certificate on the client and tried
while the old connection runs, reconnect, see it presented, only then the rule that requires it, and
last what still accepts the same role without one.
"""

from collections.abc import Container, Iterable

from exporter.assess.advice.accepted_names import AcceptedNames, of_role
from exporter.assess.advice.client_steps import (
    SEE_CERTIFICATE,
    ask_for_certificates,
    check_name,
    configure_client,
    issue_certificate,
    newer_tls,
    reconnect,
    replace_certificate,
)
from exporter.assess.advice.file_edits import Edits
from exporter.assess.advice.map_edits import narrow_maps
from exporter.assess.advice.requirement import (
    accepted,
    agreed,
    may_refuse,
    narrowed,
    requirement,
    shown_is_rejected,
)
from exporter.assess.advice.rule_to_write import (
    certificate_rule,
    closing_rule,
    opening_rule,
    shown_name,
)
from exporter.assess.advice.rules_remedy import INSTALL, LOAD_ONCE
from exporter.assess.other_transports import without_tls
from exporter.assess.posture import shown_certificate
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import CERTIFICATE_DEMANDS
from exporter.assess.rules.outcome import Outcomes, outcomes
from exporter.assess.rules.peers import peer_of
from exporter.model.client_steps import KnownCertificate
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand, HbaState, Posture, Reason
from exporter.model.remedy import Place, ServerFile, Step
from exporter.model.report import Governs, Undecided
from exporter.model.server_steps import CorrectMaps, CorrectRules, LoadMaps, LoadRules

_SECURED = frozenset({Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET})
_REQUIRED_BY_NAME = frozenset({Demand.CERTIFICATE, Demand.UNKNOWN})
_BY_MAP = frozenset({Demand.CHAIN_BY_MAP})
_ALWAYS = {
    Reason.RULES_LOAD_UNVERIFIED: (INSTALL, LOAD_ONCE),
    Reason.RULES_UNREADABLE: (INSTALL,),
    Reason.MAP_UNREADABLE: (INSTALL,),
}


def remedy(
    case: Case, reasons: tuple[Reason, ...], *, owned: KnownCertificate | None
) -> tuple[Step, ...]:
    """Return the steps to the best posture, in order; empty when there is nothing to do.

    Args:
        case: the connection.
        reasons: why its posture is not the best.
        owned: a certificate that the client is known to have for its next connection; None if
            there is none.
    """
    edits = Edits(case.is_under_patroni, _changed(case))
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


def _changed(case: Case) -> frozenset[ServerFile]:
    """Return the files whose content on disk need not be the one in force."""
    states = {ServerFile.HBA: case.hba_state, ServerFile.IDENT: case.ident_state}
    return frozenset(file for file, state in states.items() if state is not HbaState.LOADED)


def _secure(case: Case, edits: Edits, owned: KnownCertificate | None) -> Iterable[Step]:
    over_tls = _over_tls(case)
    version = case.server.version_number
    yield from ask_for_certificates(case)
    if _refuses_everybody(case, over_tls):
        yield opening_rule(case, edits, _first_rule(case, over_tls))
        yield Step(Place.SERVER, LoadRules(version))
        yield from _present_certificate(case, of_role(case.client.role), owned)
        yield from _close(case, edits)
    elif _is_narrowed(case, over_tls):
        names = agreed(narrowed(case, rule, over_tls) for rule in over_tls.rules)
        if shown_certificate(case.wal_sender) is None:
            yield from _present_certificate(case, names, owned)
        elif shown_is_rejected(case, over_tls):
            # the connection is older than the map
            yield from _accepted_certificate(case, names)
        yield from narrow_maps(case, over_tls, edits)
        yield reconnect(case)
        yield from _close(case, edits)
    elif over_tls.demanded and over_tls.demanded <= _REQUIRED_BY_NAME:
        # over TLS the rules are right already
        names = agreed(accepted(case, rule, over_tls) for rule in over_tls.rules)
        yield from _present_certificate(case, names, owned)
        yield from _close(case, edits)
    else:
        wanted = requirement(case, over_tls)
        if not case.client.tls and may_refuse(case, over_tls, wanted.names):
            # the certificate could not be tried, nor used, before there is a rule for it
            yield opening_rule(case, edits, None, is_refused=False)
            yield Step(Place.SERVER, LoadRules(version))
            yield from _present_certificate(case, of_role(case.client.role), owned)
            yield from _close(case, edits)
            return
        yield from _present_certificate(case, wanted.names, owned)
        before = _first_rule(case, over_tls)
        yield certificate_rule(case, edits, before, wanted.method, wanted.names)
        yield Step(Place.SERVER, LoadRules(version))
        if wanted.has_wide_map:
            yield from narrow_maps(case, over_tls, edits)
        yield reconnect(case)


def _refuses_everybody(case: Case, found: Outcomes) -> bool:
    """Return whether no certificate of any name is accepted."""
    return bool(found.possible) and all(
        demanded == {Demand.REFUSES}
        or (
            rule is not None
            and demanded == {Demand.CERTIFICATE}
            and accepted(case, rule, found).is_nobody
        )
        for rule, demanded in found.possible
    )


def _is_narrowed(case: Case, over_tls: Outcomes) -> bool:
    """Return whether maps that accept several names are what is to be changed.

    With a certificate that is presented also where such a map only may govern: under another name
    it could reject the client.
    """
    if shown_certificate(case.wal_sender) is None:
        return over_tls.demanded == _BY_MAP
    return over_tls.demanded >= _BY_MAP


def _present_certificate(
    case: Case, names: AcceptedNames, owned: KnownCertificate | None
) -> Iterable[Step]:
    """Yield the steps after which the client presents a certificate of an accepted name."""
    if shown_certificate(case.wal_sender) is None:
        yield issue_certificate(case.client.role, names, owned=owned)
        yield from configure_client(case)
        return
    replaced = tuple(_accepted_certificate(case, names))
    yield from replaced
    if len(replaced) > 1:
        yield reconnect(case)
        yield SEE_CERTIFICATE


def _accepted_certificate(case: Case, names: AcceptedNames) -> Iterable[Step]:
    """Yield the steps to an accepted name in the files of a client that presents a certificate."""
    own = shown_name(peer_of(case.wal_sender, case.surroundings.member_of), whole=names.whole)
    if names.accepts(own):
        return
    if own is not None and names.names:
        yield replace_certificate(case, names)
    yield check_name(names, case.client.role)


def _close(case: Case, edits: Edits) -> Iterable[Step]:
    """Yield the steps that close what accepts the client's role without TLS, or may."""
    first = _first(case, _open_rules(case))
    if first is not None:
        yield closing_rule(case, edits, first)
        yield Step(Place.SERVER, LoadRules(case.server.version_number))


def _open_rules(case: Case) -> set[HbaRule]:
    """Return the rules that accept the client's role without TLS, or may."""
    return {
        rule
        for found in without_tls(case)
        for rule, demanded in found.possible
        if rule is not None and Demand.NOTHING in demanded
    }


def _first(case: Case, rules: Container[HbaRule]) -> HbaRule | None:
    in_order = (rule for content in case.in_force.rules for rule in content.rules)
    return next((rule for rule in in_order if rule in rules), None)


def _over_tls(case: Case) -> Outcomes:
    """Return the rules that may govern the client once it uses TLS."""
    if case.client.tls:
        return case.found
    return outcomes(case.client.over_tls(), case.in_force, case.surroundings)


def _first_rule(case: Case, over_tls: Outcomes) -> HbaRule | None:
    """Return the first rule that governs the client, as it is or over TLS; None if not decided.

    Or, above it, the first that accepts the same role without TLS.
    """
    rules = _open_rules(case)
    for found in (case.found, over_tls):
        if isinstance(found.match, Undecided):
            return None
        if isinstance(found.match, Governs):
            rules.add(found.match.rule)
    return _first(case, rules)


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
            names = accepted(case, rule, case.found)
        case _:
            names = AcceptedNames(whole=None, names=())
    return (check_name(names, case.client.role), reconnect(case))


def _load(case: Case, state: HbaState) -> Iterable[Step]:
    """Yield the steps that load pg_hba.conf, pg_ident.conf or both: those that are in ``state``."""
    version = case.server.version_number
    rejected = state is HbaState.REJECTED
    if case.hba_state is state:
        if rejected:
            yield Step(Place.SERVER, CorrectRules())
        yield Step(Place.SERVER, LoadRules(version))
    if case.ident_state is state:
        if rejected:
            yield Step(Place.SERVER, CorrectMaps(version))
        yield Step(Place.SERVER, LoadMaps(version))


def _rule_for_shown(case: Case, edits: Edits) -> Iterable[Step]:
    """Yield the steps to a rule that requires what a client has presented already."""
    if (
        not case.server.requests_client_certificate
        and not case.found.demanded - CERTIFICATE_DEMANDS
    ):
        # with an empty ssl_ca_file, correct rules reject every client too
        return
    # it has presented a certificate, so it uses TLS already
    is_opened = case.found.demanded == {Demand.REFUSES}
    rule = _first_rule(case, case.found)
    version = case.server.version_number
    if is_opened:
        # before it reconnects, which the current rules reject whatever it presents
        yield opening_rule(case, edits, rule)
        yield Step(Place.SERVER, LoadRules(version))
        yield from _present_certificate(case, of_role(case.client.role), None)
        return
    wanted = requirement(case, case.found)
    replaced = tuple(_accepted_certificate(case, wanted.names))
    # no reconnect before the rule: with another name the current rules may reject the client
    yield from replaced
    yield certificate_rule(case, edits, rule, wanted.method, wanted.names)
    yield Step(Place.SERVER, LoadRules(version))
    if wanted.has_wide_map:
        yield from narrow_maps(case, case.found, edits)
    if len(replaced) > 1:
        yield reconnect(case)
        yield SEE_CERTIFICATE
