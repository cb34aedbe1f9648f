"""The sentence for each finding."""

from exporter.model.finding import CertificateFinding, Finding, RuleFinding
from exporter.publish.words.findings.certificate import certificate_finding_text
from exporter.publish.words.findings.rule import rule_finding_text
from exporter.publish.words.findings.server import server_finding_text


def texts(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return the sentences for ``findings``."""
    return tuple(map(text, findings))


def text(finding: Finding) -> str:
    """Return the sentence for one finding."""
    if isinstance(finding, RuleFinding):
        return rule_finding_text(finding)
    if isinstance(finding, CertificateFinding):
        return certificate_finding_text(finding)
    return server_finding_text(finding)
