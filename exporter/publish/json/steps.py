"""Steps of a remedy in the report as JSON: as data for programs, and in words."""

from collections.abc import Callable
from typing import Any

from exporter.model.remedy import Edit, FileEdit, ParameterEdit, Step
from exporter.publish.json.values import fields_of, kind_name
from exporter.publish.words.steps.text import step_text

# Any: what json.dumps takes
_Object = dict[str, Any]
Written = Callable[[str], str]
"""A line of a step, as it is to be typed."""


def step_fields(step: Step, written: Written) -> _Object:
    """Return a step as an object.

    Args:
        step: of a remedy.
        written: how a line is to be typed.
    """
    text = step_text(step)
    return {
        "place": step.place.value,
        "kind": kind_name(type(step.kind)),
        "fields": fields_of(step.kind),
        "edit": _edit(step.edit),
        "action": text.action,
        "lines": [written(line) for line in text.lines],
    }


def _edit(edit: Edit | None) -> _Object | None:
    match edit:
        case None:
            return None
        case FileEdit():
            return {
                "type": "lines",
                "file": edit.file.value,
                "file_name": edit.file_name or None,
                "line": edit.line_number,
                "old": edit.old,
                "new": list(edit.new),
                "below": edit.below,
                "exact": edit.is_exact,
                "obstacles": sorted(each.value for each in edit.obstacles),
            }
        case ParameterEdit():
            return {
                "type": "parameters",
                "place": edit.place.value,
                "parameters": dict(edit.parameters),
                "managed": edit.is_managed,
            }
