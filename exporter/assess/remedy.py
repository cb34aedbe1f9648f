"""What to do so that a connection is secured by certificate: ordered steps with exact lines.

The order never locks a running standby out: authority on the server, certificate on the client,
reconnect, see it shown, and only then the rule that demands it.
"""

from collections.abc import Iterable

from exporter.assess.demand import CERTIFICATE_DEMANDS, Demand, map_name
from exporter.assess.identity import distinguished_name
from exporter.assess.outcome import Outcomes, outcomes
from exporter.assess.posture import shown_certificate, shown_subject
from exporter.assess.reasons import Case
from exporter.assess.remedy_steps import (
    ask_for_certificates,
    certificate_and_parameters,
    newer_tls,
    other_certificate,
    reconnect,
    see_name,
    shown_name,
    shows_role,
)
from exporter.assess.rule_to_write import (
    certificate_rule,
    closing_rule,
    opening_rule,
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
from exporter.model.report import ExporterCommand, Governs, Place, Step, Undecided
from exporter.model.rule_text import REGULAR_EXPRESSIONS_SINCE, literal, quoted

_CERT = "cert"
_ALWAYS = {
    Reason.RULES_LOAD_UNVERIFIED: (INSTALL, LOAD_ONCE),
    Reason.RULES_UNREADABLE: (INSTALL,),
    Reason.MAP_UNREADABLE: (INSTALL,),
}


def remedy(case: Case, reasons: tuple[Reason, ...]) -> tuple[Step, ...]:
    """Return the steps to the best posture, in order; empty when there is nothing to do."""
    steps: list[Step] = []
    if case.posture is Posture.HIDDEN:
        steps.append(INSTALL)
    elif case.posture is Posture.CERTIFICATE_UNCONFIRMED:
        steps.extend(_make_known(case, reasons))
    elif case.posture not in {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}:
        over_tls = _over_tls(case)
        opening = _opening(case, over_tls)
        steps.extend(_show_certificate(case, reasons, opening))
        steps.extend(_demand_certificate(case, reasons, over_tls, opening))
    if Reason.TLS_VERSION_TOO_OLD in reasons:
        steps.extend(newer_tls(case))
    return tuple(steps)


def _show_certificate(
    case: Case, reasons: tuple[Reason, ...], opening: Step | None
) -> Iterable[Step]:
    yield from ask_for_certificates(case)
    if shown_certificate(case.wal_sender) is not None:
        # where the map gives the role to several names, it is told to keep the one shown
        if Reason.MAP_ADMITS_OTHER_NAMES not in reasons and not shows_role(case):
            yield other_certificate(case, method=_method(case, reasons))
            yield reconnect(case)
        return
    if opening is not None:
        yield opening
        yield check_and_load(case.server.version_number)
    yield from certificate_and_parameters(case)
    yield reconnect(case)
    yield Step(
        Place.EXPORTER,
        "See that the certificate is shown: the posture is then certificate_optional or better",
        (ExporterCommand.EXPLAIN,),
    )


def _demand_certificate(
    case: Case, reasons: tuple[Reason, ...], over_tls: Outcomes, opening: Step | None
) -> Iterable[Step]:
    demanded_over_tls = over_tls.demanded == {Demand.CERTIFICATE}
    if demanded_over_tls and Demand.NOTHING not in case.found.demanded:
        # the rules are right already: it is the client that does not come up to them
        return
    if opening is not None:
        # written above already
        return
    version = case.server.version_number
    match case.found.match:
        case Governs() if Reason.MAP_ADMITS_OTHER_NAMES in reasons:
            yield from _literal_maps(case)
        case Governs(rule) if demanded_over_tls:
            yield closing_rule(case.client, rule, version)
            yield check_and_load(version)
        case _:
            rule_now, method = _first_rule(case, over_tls), _method(case, reasons)
            yield certificate_rule(case.client, rule_now, version, method=method)
            yield check_and_load(version)
    yield reconnect(case)


def _method(case: Case, reasons: tuple[Reason, ...]) -> str:
    """Return method and options of the rule that is to demand the certificate."""
    match case.found.match:
        case Governs(rule) if Reason.RULE_CHECKS_CHAIN_ONLY in reasons:
            return with_name_check(rule, whole_name=case.compares_whole_name(rule))
        case _:
            return _CERT


def _over_tls(case: Case) -> Outcomes:
    """Return what the client meets once it comes over TLS."""
    if case.client.tls:
        return case.found
    return outcomes(case.client.over_tls(), case.in_force, case.surroundings)


def _opening(case: Case, over_tls: Outcomes) -> Step | None:
    """Return the step without which the client would be refused as soon as it uses TLS."""
    if over_tls.demanded != {Demand.REFUSES}:
        return None
    return opening_rule(case.client, _first_rule(case, over_tls), case.server.version_number)


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


def _make_known(case: Case, reasons: tuple[Reason, ...]) -> Iterable[Step]:
    yield from ask_for_certificates(case)
    for reason in reasons:
        yield from _known(case, reason)


def _known(case: Case, reason: Reason) -> Iterable[Step]:
    """Return the steps after which ``reason`` leaves nothing unknown any more."""
    match reason:
        case Reason.RULES_PENDING:
            return _load(case, HbaState.PENDING)
        case Reason.RULES_REJECTED:
            return _load(case, HbaState.REJECTED)
        case Reason.MAP_UNREADABLE if case.in_force.maps:
            return _literal_maps(case)
        case Reason.CERTIFICATE_NAME_UNPROVEN:
            return (see_name(case), reconnect(case))
        case Reason.RULE_UNDECIDED | Reason.RULES_WOULD_REFUSE:
            return _rule_for_shown(case)
        case _:
            return _ALWAYS.get(reason, ())


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


def _rule_for_shown(case: Case) -> Iterable[Step]:
    """Yield the steps to a rule that demands what a client has shown already."""
    if (
        not case.server.requests_client_certificate
        and not case.found.demanded - CERTIFICATE_DEMANDS
    ):
        # with an empty ssl_ca_file, right rules refuse everybody too
        return
    # it has shown a certificate, so that it comes over TLS already
    opening = _opening(case, case.found)
    if not shows_role(case):
        yield other_certificate(case, method=_CERT)
        if opening is None:
            yield reconnect(case)
    version = case.server.version_number
    rule = _first_rule(case, case.found)
    yield opening or certificate_rule(case.client, rule, version, method=_CERT)
    yield check_and_load(version)


def _literal_maps(case: Case) -> Iterable[Step]:
    """Yield the steps to maps, of all rules that may govern, that give the role to one name."""
    role, version = case.client.role, case.server.version_number
    for rule in case.found.rules:
        name = map_name(rule)
        if name is None:
            continue
        field, told = _second_field(case, rule)
        yield Step(
            Place.SERVER,
            "Give the role to one name only: in pg_ident.conf, in place of the lines of map "
            f"{quoted(name)} that let several names in as {role} (the second field is {field})",
            (f"{quoted(name)}  {told}  {literal(role, version)}",),
        )
    yield check_and_load_maps(version)


def _second_field(case: Case, rule: HbaRule) -> tuple[str, str]:
    """Return what a map of ``rule`` holds against the certificate, in words and as written."""
    if case.compares_whole_name(rule):
        field = (
            "the whole name of the client's certificate, for the rule has clientname=DN: openssl "
            "x509 -in client.crt -noout -subject -nameopt RFC2253"
        )
        shown, placeholder = distinguished_name(shown_subject(case.wal_sender)), "WHOLE_NAME"
    else:
        field = "the CN of the client's certificate"
        if case.found.clientname(rule) != {False}:
            field += ", or its whole name if the line of the rule has clientname=DN"
        shown, placeholder = shown_name(case), "CN_OF_ITS_CERTIFICATE"
    # a leading / makes an expression of a certificate's name at all versions
    return field, placeholder if shown is None else literal(shown, REGULAR_EXPRESSIONS_SINCE)
