"""Steps of a remedy in the report as JSON: as data for programs, and in words."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from exporter.model.certificate import Certificate
from exporter.model.remedy import Edit, FileEdit, ParameterEdit, Step
from exporter.publish.json.certificates import certificate_fields
from exporter.publish.words.steps.text import step_text

# Any: what json.dumps takes
_Object = dict[str, Any]
Written = Callable[[str], str]
"""A line of a step, as it is to be typed."""

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
        "fields": _value(step.kind),
        "edit": _edit(step.edit),
        "action": text.action,
        "lines": [written(line) for line in text.lines],
    }


def kind_name(kind: type) -> str:
    """Return the name of a kind of step, such as ``require_certificate``."""
    return _WORD.sub("_", kind.__name__).lower()


def _value(value: object) -> Any:  # noqa: ANN401  what json.dumps takes
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case tuple():
            return [_value(each) for each in value]
        case Certificate():
            return certificate_fields(value)
        case _ if is_dataclass(value):
            return {each.name: _value(getattr(value, each.name)) for each in fields(value)}
        case _:
            # an IP address
            return str(value)


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
