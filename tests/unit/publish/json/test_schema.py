"""docs/report.schema.json is generated from the types, and is what the report is like."""

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from exporter.model.remedy import Step
from exporter.publish.json.report import report_json
from scripts.report_schema import PATH, text
from tests.unit.publish.sentences import SENTENCES
from tests.unit.publish.words.step_examples import EXAMPLES
from tests.unit.reports import RECORD, REPLICA, with_connections

SCHEMA = json.loads(PATH.read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def report(findings: tuple[Any, ...] = (), steps: tuple[Step, ...] = ()) -> dict[str, Any]:
    connection = replace(REPLICA, findings=findings, remedy=steps)
    found: dict[str, Any] = json.loads(report_json([with_connections([connection])]))
    return found


def test_the_file_is_the_one_that_is_generated() -> None:
    assert PATH.read_text("utf-8") == text()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_a_report_and_one_before_the_first_poll_follow_it() -> None:
    VALIDATOR.validate(json.loads(report_json([RECORD, replace(RECORD, report=None)])))
    VALIDATOR.validate(json.loads(report_json([with_connections([REPLICA])])))


@pytest.mark.parametrize("finding", [finding for finding, _ in SENTENCES])
def test_every_finding_follows_it(finding: Any) -> None:
    VALIDATOR.validate(report(findings=(finding,)))


@pytest.mark.parametrize("step", EXAMPLES.values(), ids=EXAMPLES)
def test_every_step_follows_it(step: Step) -> None:
    VALIDATOR.validate(report(steps=(step,)))


def test_what_does_not_follow_it_is_noticed() -> None:
    more = report()
    more["targets"][0]["more"] = 1
    less = report(findings=(SENTENCES[0][0],))
    del less["targets"][0]["connections"][0]["findings"][0]["text"]
    other = report(steps=(EXAMPLES["close"],))
    other["targets"][0]["connections"][0]["remedy"][0]["fields"]["role"] = 7
    for wrong in (more, less, other):
        with pytest.raises(ValidationError):
            VALIDATOR.validate(wrong)
