"""Rewrites sample.json: python -m tests.unit.saved_poll.write_sample."""

from pathlib import Path

from exporter.saved_poll.file import saved_text
from tests.unit.assess.facts import NOW
from tests.unit.saved_poll.facts import INPUTS

if __name__ == "__main__":
    Path(__file__).with_name("sample.json").write_text(saved_text([(INPUTS, NOW)], "0.1.0") + "\n")
