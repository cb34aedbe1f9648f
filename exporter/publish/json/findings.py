"""Findings as JSON: kind, fields and text."""

from collections.abc import Sequence
from typing import Any

from exporter.model.finding import Finding
from exporter.publish.json.values import fields_of, kind_name
from exporter.publish.words.findings.text import text


def finding_objects(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return one object for each finding, in their order."""
    return [{"kind": kind_name(type(f)), **fields_of(f), "text": text(f)} for f in findings]
