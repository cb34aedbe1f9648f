"""Returns the findings on the rule that governs a connection."""

from collections.abc import Iterable
from datetime import datetime

from exporter.assess.rules.case import Case
from exporter.model.finding import (
    CertificatesNoLongerRequested,
    ClientNameNotShown,
    NoRuleMatches,
    NoRuleMayMatch,
    NotDecided,
    PredatesRules,
    QuotesNotShown,
    RuleFinding,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RuleUndecided,
    TlsTurnedOff,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand
from exporter.model.report import Governs, NoRule, Undecided

_DEMANDS = tuple(Demand)


def rule_findings(case: Case, *, since: datetime | None) -> tuple[RuleFinding, ...]:
    """Return the rule as the server matched it, what it requires, and what is in doubt.

    Args:
        case: the connection.
        since: since when the rules that may govern are known to be in force; None if unknown.
    """
    return (
        *_rule(case),
        *_server(case),
        *_age(case.wal_sender.backend_start, since),
    )


def _rule(case: Case) -> Iterable[RuleFinding]:
    match case.found.match:
        case NoRule():
            yield NoRuleMatches()
        case Governs(rule):
            yield RuleGoverns(rule)
            for demand in sorted(case.found.demanded, key=_DEMANDS.index):
                yield RuleRequires(demand, rule.auth_method)
            yield from _not_in_the_view(rule, case)
        case undecided:
            yield from _undecided(undecided)


def _undecided(match: Undecided) -> Iterable[RuleFinding]:
    if match.candidates:
        yield RuleUndecided()
        yield from map(RuleMayGovern, match.candidates)
        if match.may_match_none:
            yield NoRuleMayMatch()
    yield from map(NotDecided, match.why)


def _not_in_the_view(rule: HbaRule, case: Case) -> Iterable[RuleFinding]:
    if case.found.quotes_unknown(rule):
        yield QuotesNotShown()
    if case.compares_whole_name(rule):
        yield ClientNameNotShown()


def _server(case: Case) -> Iterable[RuleFinding]:
    tls = case.wal_sender.tls
    if tls is None:
        return
    if not case.server.tls_enabled:
        yield TlsTurnedOff()
    elif tls.client_certificate is not None and not case.server.requests_client_certificate:
        yield CertificatesNoLongerRequested()


def _age(began: datetime, since: datetime | None) -> Iterable[RuleFinding]:
    if since is not None and began <= since:
        yield PredatesRules(began, since)
