"""The alerting rules fit the metric catalogue, have tests of their own, and lead to a page."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import prometheusrule
from tests.bundle.expressions import (
    faults,
    kept_labels,
    labels_of_families,
    selectors,
)

REPOSITORY = Path(__file__).resolve().parents[2]
ALERTS = REPOSITORY / "alerts"
RULES = [rule for group in prometheusrule.rule_groups() for rule in group["rules"]]
ALERTING: list[dict[str, Any]] = [rule for rule in RULES if "alert" in rule]
NAMES = {rule["alert"] for rule in ALERTING}
SEVERITIES = ("critical", "warning", "info")
UNIT_TESTS: list[dict[str, Any]] = [
    test
    for path in sorted(ALERTS.glob("tests/*.test.yml"))
    for test in yaml.safe_load(path.read_text("utf-8"))["tests"]
]
OF_ALERTS = frozenset({"alertname", "alertstate"})
_PRINTED_QUERY = re.compile(r'printf (?:"((?:\\.|[^"\\])*)"|`([^`]*)`)')


def _recorded() -> dict[str, frozenset[str]]:
    known = labels_of_families() | {"ALERTS": OF_ALERTS}
    recordings: dict[str, frozenset[str]] = {}
    for rule in RULES:
        if "record" in rule:
            kept = kept_labels(rule["expr"], known | recordings)
            recordings[rule["record"]] = recordings.get(rule["record"], frozenset()) | kept
    return recordings


RECORDED = _recorded()
KNOWN = labels_of_families() | RECORDED | {"ALERTS": OF_ALERTS}


def _name(rule: dict[str, Any]) -> str:
    if "record" in rule:
        return str(rule["record"])
    return f"{rule['alert']}-{rule['labels']['severity']}"


def _queries_in_words(rule: dict[str, Any]) -> Iterator[str]:
    for quoted, raw in _PRINTED_QUERY.findall(rule["annotations"]["description"]):
        query = raw or quoted.replace('\\"', '"')
        if query.startswith("%"):
            continue  # a number, not a query
        yield query.replace("%q", '"$"')


each_rule = pytest.mark.parametrize("rule", RULES, ids=_name)
each_alert = pytest.mark.parametrize("rule", ALERTING, ids=_name)


@each_rule
def test_it_asks_only_for_what_is_published(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"], RECORDED) == []


@each_alert
def test_its_words_ask_only_for_what_is_published(rule: dict[str, Any]) -> None:
    for query in _queries_in_words(rule):
        assert faults(query) == []


@each_alert
def test_its_words_use_only_labels_that_its_expression_keeps(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert used <= kept_labels(rule["expr"], KNOWN)


@each_alert
def test_it_pages_once_however_it_is_scraped_and_wherever_the_client_moves(
    rule: dict[str, Any],
) -> None:
    kept = kept_labels(rule["expr"], KNOWN)
    assert not kept & {"job", "pod", "client_addr"}
    assert "instance" not in kept or rule["alert"] == "PgReplicationExporterConfigRejected"


@each_alert
def test_it_has_a_severity_a_static_summary_and_a_wait(rule: dict[str, Any]) -> None:
    assert rule["labels"] in [{"severity": severity} for severity in SEVERITIES]
    assert re.fullmatch(r"[A-Zp][^{}\n]*\.", rule["annotations"]["summary"])
    assert rule["annotations"]["description"].endswith((".", "}"))
    assert rule["alert"].startswith("PgReplication")
    assert rule["for"]


@each_alert
def test_it_has_a_runbook_page_of_its_name(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    page = (REPOSITORY / rule["annotations"]["runbook_url"]).read_text("utf-8")
    title, _, severity, *_ = page.splitlines()
    assert title == f"# {rule['alert']}"
    assert severity.startswith("Severity: ")
    assert rule["labels"]["severity"] in severity
    sections = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert sections == [
        "What it means",
        "What breaks, and when",
        "How to confirm",
        "How to fix it",
        "How to silence it",
    ]


@each_alert
def test_its_page_says_which_command_explains_and_what_becomes_of_each_file(
    rule: dict[str, Any],
) -> None:
    page = (REPOSITORY / rule["annotations"]["runbook_url"]).read_text("utf-8")
    for words in ("pg-replication-cert-exporter explain", "pg_hba.conf"):
        assert words in page
    assert "primary_conninfo" in page or "on the standbys" in page or "connection string" in page


@each_alert
def test_its_page_asks_only_for_what_is_published(rule: dict[str, Any]) -> None:
    page = (REPOSITORY / rule["annotations"]["runbook_url"]).read_text("utf-8")
    queries = re.findall(r"^```promql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert queries
    for query in queries:
        assert faults(query.replace('"TARGET"', '"$"'), RECORDED) == []


def test_no_runbook_page_is_left_without_its_alert() -> None:
    pages = {path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")}
    assert pages == NAMES | {"require-certificate"}


def _cases(rule: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (test, case)
        for test in UNIT_TESTS
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == rule["alert"]
    ]


@each_alert
def test_a_unit_test_reads_its_words_when_it_fires(rule: dict[str, Any]) -> None:
    assert any(
        expected["exp_labels"]["severity"] == rule["labels"]["severity"]
        for _, case in _cases(rule)
        for expected in case["exp_alerts"]
    )


@each_alert
def test_a_unit_test_sees_it_silent(rule: dict[str, Any]) -> None:
    assert any(not case["exp_alerts"] for _, case in _cases(rule))


@each_alert
def test_a_unit_test_sees_it_resolve(rule: dict[str, Any]) -> None:
    silences = [(test, case["eval_time"]) for test, case in _cases(rule) if not case["exp_alerts"]]
    assert any(
        test is other and _minutes(case["eval_time"]) < _minutes(at)
        for test, case in _cases(rule)
        if case["exp_alerts"]
        for other, at in silences
    )


def _minutes(duration: str) -> float:
    units = {"d": 1440, "h": 60, "m": 1, "s": 1 / 60}
    return sum(float(n) * units[u] for n, u in re.findall(r"(\d+)([dhms])", duration))


def test_alerts_that_other_rules_name_exist() -> None:
    for rule in RULES:
        for selector in selectors(rule["expr"]):
            for matcher in selector.matchers.matchers:
                if matcher.name == "alertname":
                    named = re.fullmatch(r"PgReplication\((.*)\)", matcher.value)
                    assert named
                    assert {f"PgReplication{end}" for end in named[1].split("|")} <= NAMES


def test_the_resource_for_the_operator_is_up_to_date() -> None:
    written = (ALERTS / "prometheusrule.yml").read_text("utf-8")
    assert written == prometheusrule.text(prometheusrule.resource(prometheusrule.rule_groups())), (
        "run: make prometheusrule"
    )
    groups = yaml.safe_load((ALERTS / "pg-replication-cert-exporter.rules.yml").read_text())
    assert yaml.safe_load(written)["spec"] == groups


def test_pages_kept_elsewhere_are_linked_there() -> None:
    groups = prometheusrule.rule_groups("https://wiki.example.com/replication/")
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    for rule in rules:
        page = f"https://wiki.example.com/replication/{rule['alert']}.md"
        assert rule["annotations"]["runbook_url"] == page


@pytest.mark.tools
def test_promtool_accepts_the_rules_and_their_unit_tests_pass() -> None:
    rules = [str(path) for path in ALERTS.glob("*.rules.yml")]
    tests = [str(path) for path in ALERTS.glob("tests/*.test.yml")]
    for command in (["check", "rules", *rules], ["test", "rules", *tests]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
