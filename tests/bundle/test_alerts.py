"""The alerting rules fit the metric catalogue, have tests of their own, and lead to a page."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.expressions import faults

REPOSITORY = Path(__file__).resolve().parents[2]
ALERTS = REPOSITORY / "alerts"
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted(ALERTS.glob("*.rules.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
UNIT_TESTS: list[dict[str, Any]] = [
    case
    for path in sorted(ALERTS.glob("tests/*.test.yml"))
    for test in yaml.safe_load(path.read_text())["tests"]
    for case in test.get("alert_rule_test", [])
]

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


@each_rule
def test_it_asks_only_for_what_is_published(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"]) == []


@each_rule
def test_it_has_a_runbook_page_of_its_name(rule: dict[str, Any]) -> None:
    page = REPOSITORY / rule["annotations"]["runbook"]
    assert page.name == f"{rule['alert']}.md"
    assert page.read_text().startswith(
        f"# {rule['alert']}\n\nSeverity: {rule['labels']['severity']}."
    )


@each_rule
def test_a_unit_test_sees_it_fire(rule: dict[str, Any]) -> None:
    assert any(case["alertname"] == rule["alert"] and case["exp_alerts"] for case in UNIT_TESTS)


@each_rule
def test_its_words_use_only_labels_that_its_expression_keeps(rule: dict[str, Any]) -> None:
    words = " ".join(rule["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", words))
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    assert used <= kept | {"instance"}


def test_no_runbook_page_is_left_without_its_alert() -> None:
    pages = {path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["alert"] for rule in RULES}


def test_promtool_accepts_the_rules_and_their_unit_tests_pass() -> None:
    rules = [str(path) for path in ALERTS.glob("*.rules.yml")]
    tests = [str(path) for path in ALERTS.glob("tests/*.test.yml")]
    for command in (["check", "rules", *rules], ["test", "rules", *tests]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
