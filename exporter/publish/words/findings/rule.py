"""The sentences for findings on the rule that governs a connection."""

from datetime import datetime
from typing import assert_never

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
from exporter.model.judgement import Demand
from exporter.model.rule_text import rule_text
from exporter.publish.words.place import place
from exporter.publish.words.unknown import undecided_text

_DEMANDS = {
    Demand.CERTIFICATE: "It requires a certificate whose name is the role's.",
    Demand.CHAIN: (
        "It requires a certificate that the server's CA file verifies, whatever its name is."
    ),
    Demand.CHAIN_BY_MAP: (
        "It requires a certificate, and its user name map accepts several names for this role."
    ),
    Demand.UNKNOWN: (
        "It requires a certificate; its user name map, which decides whose, cannot be read or "
        "decided."
    ),
    Demand.REFUSES: "It rejects this connection.",
}
_METHODS = {
    "trust": "Its method is trust: it requires neither a password nor a certificate.",
    "password": (
        "It requires a password, sent in clear text inside the connection; it does not require a "
        "certificate."
    ),
    "md5": "It requires a password; it does not require a certificate.",
    "scram-sha-256": "It requires a password; it does not require a certificate.",
}


def rule_finding_text(  # noqa: C901, PLR0911, PLR0912  one case for each kind
    finding: RuleFinding,
) -> str:
    """Return the sentence for one finding on the rule that governs a connection."""
    match finding:
        case NoRuleMatches():
            return "No rule of pg_hba.conf matches it: the server would reject a reconnect."
        case RuleGoverns(rule):
            return f"{place(rule.location)}, is the first rule that matches: {rule_text(rule)}"
        case RuleRequires(Demand.NOTHING, method):
            other = f"It authenticates by {method}; it does not require a certificate."
            return _METHODS.get(method, other)
        case RuleRequires(demand, _):
            return _DEMANDS[demand]
        case QuotesNotShown():
            return (
                "The line contains quotes, or an @ file that may contain some; the server's view "
                "does not show them."
            )
        case ClientNameNotShown():
            return "The line contains clientname=DN, which the server's view does not show."
        case RuleUndecided():
            return "It cannot be determined which rule matches first. It may be one of these:"
        case RuleMayGovern(rule):
            return f"{place(rule.location)}: {rule_text(rule)}"
        case NoRuleMayMatch():
            return "It is also possible that none of them matches."
        case NotDecided(why):
            return undecided_text(why)
        case TlsTurnedOff():
            return "The server has turned TLS off since (ssl = off): new connections cannot use it."
        case CertificatesNoLongerRequested():
            return (
                "The server no longer requests client certificates (ssl_ca_file is empty): a rule "
                "that requires one rejects every client."
            )
        case PredatesRules(began, since):
            return (
                f"The connection began {_second(began)}; the rules are known to be in force since "
                f"{_second(since)}. Older rules may have accepted it."
            )
        case _:
            assert_never(finding)


def _second(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"
