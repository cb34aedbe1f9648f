"""Why a posture is not the best one."""

from collections.abc import Iterable

from exporter.assess.other_transports import admits_without_certificate
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import CERTIFICATE_DEMANDS, PASSWORD_METHODS, demands
from exporter.assess.rules.match import rule_matches_in
from exporter.assess.rules.truth import Truth
from exporter.assess.verdict import tls_version_too_old
from exporter.model.hba import ConnectionType, HbaContent, HbaRule
from exporter.model.judgement import Demand, HbaState, Posture, Reason
from exporter.model.report import Undecided

_TYPES_WITHOUT_ENCRYPTION = frozenset(
    {ConnectionType.HOST, ConnectionType.HOSTNOSSL, ConnectionType.HOSTNOGSSENC}
)
_OF_STATE = {
    HbaState.PENDING: Reason.RULES_PENDING,
    HbaState.REJECTED: Reason.RULES_REJECTED,
    HbaState.UNVERIFIED: Reason.RULES_LOAD_UNVERIFIED,
    HbaState.UNREADABLE: Reason.RULES_UNREADABLE,
}
_OF_MAP_STATE = {**_OF_STATE, HbaState.UNREADABLE: Reason.MAP_UNREADABLE}


def reasons(case: Case) -> tuple[Reason, ...]:
    """Return why the posture is not the best one, most telling first; empty if it is."""
    if case.posture in {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}:
        found: list[Reason] = []
    elif case.posture is Posture.HIDDEN:
        found = [Reason.STATISTICS_HIDDEN]
    else:
        found = [*_of_the_client(case), *_of_the_rules(case)]
    if admits_without_certificate(case):
        found.append(Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE)
    if tls_version_too_old(case.wal_sender.tls, case.policy.minimum_tls_version):
        found.append(Reason.TLS_VERSION_TOO_OLD)
    return tuple(dict.fromkeys(found))


def _of_the_client(case: Case) -> Iterable[Reason]:
    server = case.server
    if case.posture is Posture.GSS_ENCRYPTED:
        yield Reason.CLIENT_USED_GSS
    elif not server.tls_enabled:
        # also for a TLS session that is older than that
        yield Reason.SERVER_TLS_OFF
    elif case.posture is Posture.PLAINTEXT:
        yield Reason.CLIENT_WITHOUT_TLS
    elif not server.requests_client_certificate:
        yield Reason.SERVER_REQUESTS_NO_CERTIFICATE
    elif case.posture is Posture.TLS_WITHOUT_CERTIFICATE:
        yield Reason.CLIENT_SENT_NO_CERTIFICATE


def _of_the_rules(case: Case) -> Iterable[Reason]:
    if not case.found.possible:
        yield _OF_STATE[case.hba_state]
        return
    if case.demanded == {Demand.REFUSES}:
        yield Reason.RULES_WOULD_REFUSE
        return
    if case.posture is Posture.CERTIFICATE_UNCONFIRMED:
        if Demand.UNKNOWN in case.demanded:
            yield _map_unknown(case)
        elif case.name_unproven and case.demanded <= {Demand.CERTIFICATE, Demand.REFUSES}:
            yield Reason.CERTIFICATE_NAME_UNPROVEN
            return
        else:
            yield _undecided(case)
    # the reasons that all rules which may accept it have in common hold for each of them
    admitting = [
        _of_rule(rule, demand, case)
        for rule, demanded in case.found.possible
        for demand in demanded & case.demanded - {Demand.REFUSES}
        if rule is not None
    ]
    common = [r for r in admitting[0] if all(r in others for others in admitting[1:])]
    yield from common
    if len(admitting) > 1 and not common:
        yield _undecided(case)


def _map_unknown(case: Case) -> Reason:
    if case.in_force.maps:
        # read, but it could not be decided which names a line accepts
        return Reason.MAP_UNREADABLE
    return _OF_MAP_STATE[case.ident_state]


def _undecided(case: Case) -> Reason:
    if not case.found.agreed:
        # loaded, and not one content: its lines cannot be read any more
        return _OF_STATE.get(case.hba_state, Reason.RULE_UNDECIDED)
    if isinstance(case.found.match, Undecided):
        return Reason.RULE_UNDECIDED
    return _OF_MAP_STATE[case.ident_state]


def _of_rule(rule: HbaRule, demand: Demand, case: Case) -> tuple[Reason, ...]:
    match demand:
        case Demand.CHAIN:
            return (Reason.RULE_CHECKS_CHAIN_ONLY,)
        case Demand.CHAIN_BY_MAP:
            return (Reason.MAP_ADMITS_OTHER_NAMES,)
        case Demand.NOTHING:
            return tuple(_of_rule_without_certificate(rule, case))
        case _:
            return ()


def _of_rule_without_certificate(rule: HbaRule, case: Case) -> Iterable[Reason]:
    if rule.auth_method == "trust":
        yield Reason.RULE_TRUSTS
    elif rule.auth_method in PASSWORD_METHODS:
        yield Reason.RULE_USES_PASSWORD
    else:
        yield Reason.RULE_USES_OTHER_METHOD
    if rule.connection_type in _TYPES_WITHOUT_ENCRYPTION:
        yield Reason.RULE_ALLOWS_PLAINTEXT
    if _shadows(rule, case):
        yield Reason.RULE_SHADOWS_CERTIFICATE_RULE


def _shadows(rule: HbaRule, case: Case) -> bool:
    """Return whether a later rule would require a certificate of the same client over TLS."""
    over_tls = case.client.over_tls()

    def matches(each: HbaRule, content: HbaContent) -> bool:
        return rule_matches_in(content, each, over_tls, case.surroundings)[0] is Truth.YES

    for content in case.in_force.rules:
        if not matches(rule, content) or rule not in content.rules:
            return False
        later = content.rules[content.rules.index(rule) + 1 :]
        if not any(
            matches(other, content)
            and demands(other, case.client.role, case.in_force.maps, case.surroundings)
            & (CERTIFICATE_DEMANDS - {Demand.CHAIN})
            for other in later
        ):
            return False
    return True
