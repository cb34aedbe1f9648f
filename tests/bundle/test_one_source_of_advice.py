"""Dashboard, alerts and runbooks give one and the same advice for a reason."""

import json

import pytest

from exporter.model.judgement import Reason
from exporter.publish.words.advice import ADVICE
from grafana.source.__main__ import PATH as DASHBOARD
from scripts import prometheusrule
from scripts.runbook_advice import RUNBOOKS, reasons_of, with_tables

PAGES = {path.name: path.read_text("utf-8") for path in sorted(RUNBOOKS.glob("*.md"))}
SHORT_ADVICE = {
    "PgReplicationNotEncrypted": [Reason.CLIENT_WITHOUT_TLS, Reason.RULE_ALLOWS_PLAINTEXT],
    "PgReplicationTrusted": [Reason.CLIENT_SENT_NO_CERTIFICATE, Reason.RULE_TRUSTS],
    "PgReplicationWithoutCertificate": [
        Reason.CLIENT_SENT_NO_CERTIFICATE,
        Reason.RULE_USES_PASSWORD,
    ],
    "PgReplicationCertificateNotRequired": [Reason.RULE_USES_PASSWORD],
    "PgReplicationTlsTooOld": [Reason.TLS_VERSION_TOO_OLD],
    "PgReplicationRulesRejected": [Reason.RULES_REJECTED],
    "PgReplicationRulesNotLoaded": [Reason.RULES_PENDING],
}
"""What the description of an alert advises, in this order."""


def test_every_reason_has_one_sentence() -> None:
    assert set(ADVICE) == set(Reason)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_tables_of_the_runbooks_are_those_that_are_generated(name: str) -> None:
    assert with_tables(PAGES[name]) == PAGES[name]


def test_every_reason_is_in_a_runbook() -> None:
    assert {reason for page in PAGES.values() for reason in reasons_of(page)} == set(Reason)


def test_a_changed_table_is_noticed() -> None:
    page = PAGES["PgReplicationTrusted.md"]
    assert with_tables(page.replace(ADVICE[Reason.RULE_TRUSTS], "Do as you like.")) == page


@pytest.mark.parametrize("alert", sorted(SHORT_ADVICE))
def test_the_alerts_advise_the_same(alert: str) -> None:
    descriptions = {
        " ".join(rule["annotations"]["description"].split())
        for group in prometheusrule.rule_groups()
        for rule in group["rules"]
        if rule.get("alert") == alert
    }
    assert descriptions
    for description in descriptions:
        places = [description.index(ADVICE[reason]) for reason in SHORT_ADVICE[alert]]
        assert places == sorted(places)


def test_the_dashboard_has_every_sentence() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    shown = json.dumps(dashboard, ensure_ascii=False)
    for reason, advice in ADVICE.items():
        assert json.dumps(advice, ensure_ascii=False) in shown, reason
