"""The metrics page as Prometheus's own tool reads it."""

import subprocess

import pytest

from tests.unit.publish.metrics.scrape import page_of
from tests.unit.reports import BLIND, DOWN, RECORD, named

pytestmark = pytest.mark.tools


def test_promtool_accepts_the_metrics_page() -> None:
    page = page_of((RECORD, DOWN, BLIND, named(RECORD, 'hostile " \\ \n name')))
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
