"""The sentence for each finding."""

from typing import assert_never

from exporter.model.finding import (
    CertificatesNoLongerRequested,
    ClientNameNotShown,
    Expiry,
    Finding,
    LineInError,
    MoreNotInUse,
    NextCertificateUnknown,
    NextHandshake,
    NoRuleMatches,
    NoRuleMayMatch,
    NotDecided,
    NotInInventory,
    NotInUse,
    PredatesRules,
    QuotesNotShown,
    ReconnectsFail,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RulesState,
    RuleUndecided,
    ServedDiffers,
    ServedNotVerified,
    ServedRejected,
    TlsFilesNotInForce,
    TlsTurnedOff,
    UsesCertificate,
    UsesOneOf,
    WillSend,
)
from exporter.publish.words.findings.certificate import certificate_finding_text
from exporter.publish.words.findings.rule import rule_finding_text
from exporter.publish.words.findings.server import server_finding_text


def texts(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return the sentences for ``findings``."""
    return tuple(map(text, findings))


def text(finding: Finding) -> str:
    """Return the sentence for one finding."""
    match finding:
        case (
            NoRuleMatches()
            | RuleGoverns()
            | RuleRequires()
            | QuotesNotShown()
            | ClientNameNotShown()
            | RuleUndecided()
            | RuleMayGovern()
            | NoRuleMayMatch()
            | NotDecided()
            | TlsTurnedOff()
            | CertificatesNoLongerRequested()
            | PredatesRules()
        ):
            return rule_finding_text(finding)
        case (
            UsesCertificate()
            | UsesOneOf()
            | NotInInventory()
            | NextCertificateUnknown()
            | WillSend()
            | NextHandshake()
            | TlsFilesNotInForce()
            | ReconnectsFail()
        ):
            return certificate_finding_text(finding)
        case (
            RulesState()
            | LineInError()
            | ServedNotVerified()
            | ServedRejected()
            | ServedDiffers()
            | Expiry()
            | NotInUse()
            | MoreNotInUse()
        ):
            return server_finding_text(finding)
        case _:
            assert_never(finding)
