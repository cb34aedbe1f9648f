"""Polls of live tests are saved, read back and judged again: the report must be the same."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from exporter.judging import Inputs
from exporter.model.report import TargetReport
from exporter.publish.json.report import report_json
from exporter.publish.terminal.explain import explain_text
from exporter.saved_poll.file import read_saved, saved_text
from exporter.saved_poll.masking import masked
from exporter.saved_poll.replay import judged_again
from tests.unit.reports import RECORD


def replayed(inputs: Inputs, judged_at: datetime) -> TargetReport:
    """Return the report on a poll that went through a file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "poll.json"
        path.write_text(saved_text([(inputs, judged_at)], "test"))
        (record,) = judged_again(read_saved(path))
    assert record.report is not None
    return record.report


def assert_same_when_replayed(inputs: Inputs, judged_at: datetime, report: TargetReport) -> None:
    """Check that a file holds everything that ``report`` depends on.

    Equal values may print differently, and certificates are equal if their bytes are: so what a
    person and a program read is compared too.
    """
    expected = replace(report, target=masked(report.target))
    again = replayed(inputs, judged_at)
    assert again == expected
    assert _printed(again) == _printed(expected)


def _printed(report: TargetReport) -> tuple[str, str]:
    record = replace(RECORD, target=report.target, report=report)
    return explain_text(record, colour=False), report_json((record,))
