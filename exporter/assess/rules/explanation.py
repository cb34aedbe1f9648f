"""Sentences on why a connection has its posture, for a person."""

from collections.abc import Iterable
from datetime import datetime

from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import Demand
from exporter.model.hba import HbaRule, RuleLocation
from exporter.model.report import Governs, NoRule, Undecided
from exporter.model.rule_text import rule_text

_DEMANDS = {
    Demand.CERTIFICATE: "It demands a certificate whose name is the role's.",
    Demand.CHAIN: "It demands a certificate of the server's authority, whoever's it is.",
    Demand.CHAIN_BY_MAP: (
        "It demands a certificate, and its map lets several names in as this role."
    ),
    Demand.UNKNOWN: (
        "It demands a certificate, and its map, which says whose, cannot be read or decided."
    ),
    Demand.REFUSES: "It refuses this connection.",
}
_METHODS = {
    "trust": "It trusts whoever connects: no password, no certificate.",
    "password": "It asks for a password, sent in clear inside the connection; no certificate.",
    "md5": "It asks for a password; a certificate is not demanded.",
    "scram-sha-256": "It asks for a password; a certificate is not demanded.",
}


def explain(case: Case, *, since: datetime | None) -> tuple[str, ...]:
    """Return sentences: the rule as the server matched it, what it demands, what is in doubt.

    Args:
        case: the connection.
        since: since when the rules that may govern are known to be in force; None if unknown.
    """
    return (
        *_rule(case),
        *_server(case),
        *_age(case.wal_sender.backend_start, since),
    )


def place(location: RuleLocation) -> str:
    """Return ``file, line N``."""
    return f"{location.file_name}, line {location.line_number}"


def _rule(case: Case) -> Iterable[str]:
    match = case.found.match
    if isinstance(match, NoRule):
        yield "No rule of pg_hba.conf matches it: the server would refuse it now."
    elif isinstance(match, Governs):
        rule = match.rule
        yield f"{place(rule.location)} governs it, the first that matches: {rule_text(rule)}"
        yield from (_demand(rule, d) for d in sorted(case.found.demanded, key=_order))
        yield from _not_in_the_view(rule, case)
    else:
        yield from _undecided(match)


def _undecided(match: Undecided) -> Iterable[str]:
    if not match.candidates:
        yield from match.why
        return
    yield "Which rule governs it cannot be decided; it may be one of these:"
    for rule in match.candidates:
        yield f"{place(rule.location)}: {rule_text(rule)}"
    if match.may_match_none:
        yield "It is also possible that none of them matches."
    yield from (f"Because {w}" for w in match.why)


def _order(demand: Demand) -> int:
    return list(Demand).index(demand)


def _demand(rule: HbaRule, demand: Demand) -> str:
    if demand is Demand.NOTHING:
        return _METHODS.get(
            rule.auth_method,
            f"It authenticates by {rule.auth_method}; a certificate is not demanded.",
        )
    return _DEMANDS[demand]


def _not_in_the_view(rule: HbaRule, case: Case) -> Iterable[str]:
    if case.found.quotes_unknown(rule):
        yield (
            "The line holds quotes, or an @ file that may hold some; "
            "the server's view does not show them."
        )
    if case.compares_whole_name(rule):
        yield "The line holds clientname=DN, which the server's view does not show."


def _server(case: Case) -> Iterable[str]:
    tls = case.wal_sender.tls
    if tls is None:
        return
    if not case.server.tls_enabled:
        yield "The server has turned TLS off since: nobody comes over TLS any more."
    elif tls.client_certificate is not None and not case.server.requests_client_certificate:
        yield (
            "The server asks nobody for a certificate any more (ssl_ca_file is empty): a rule "
            "that demands one refuses everybody."
        )


def _age(began: datetime, since: datetime | None) -> Iterable[str]:
    if since is not None and began <= since:
        yield (
            f"The connection began {_moment(began)}; the rules are known to be in force since "
            f"{_moment(since)}: older ones may have let it in."
        )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
