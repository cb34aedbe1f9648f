"""A mapping of the configuration held against its shape: what stands, and every fault."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.shapes import Shape
from exporter.config.suggest import did_you_mean
from exporter.config.vocabulary import HIDDEN

_TYPES = {
    "string_type": "must be text (true, false and null need quotes)",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
}

S = TypeVar("S", bound=Shape)


def check(
    shape: type[S], document: Document, path: KeyPath, value: object, faults: list[Fault]
) -> tuple[S, frozenset[str]]:
    """Hold ``value`` against ``shape`` and add what is wrong to ``faults``.

    Returns:
        What stands the check, with defaults for the rest; and the keys that did not.
    """
    if not isinstance(value, Mapping):
        faults.append(document.fault(path, _TYPES["dict_type"]))
        return shape(), frozenset(shape.model_fields)
    empty = {key for key, given in value.items() if given is None and key in shape.model_fields}
    faults += [
        document.fault((*path, key), "has no value: write one, or leave the key out")
        for key in value
        if key in empty
    ]
    failed = empty | (shape.required - value.keys())
    faults += [
        document.fault((*path, key), "is missing") for key in sorted(shape.required - value.keys())
    ]
    given = {key: value[key] for key in value if key not in empty}
    try:
        return shape.model_validate(given), frozenset(failed)
    except ValidationError as error:
        # include_input: a fault must not carry the value, which may be a secret.
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        at = _location(detail)
        shown = (*path, *_without_stray_value(shape, at, given))
        faults.append(document.fault((*path, *at), _message(shape, detail), shown))
        failed.add(str(detail["loc"][0]))
    kept = {key: value for key, value in given.items() if key not in failed}
    return shape.model_validate(kept), frozenset(failed)


def _location(detail: ErrorDetails) -> KeyPath:
    # pydantic marks a fault of a mapping's key, not its value, by this last part.
    return detail["loc"][:-1] if detail["loc"][-1] == "[key]" else detail["loc"]


def _without_stray_value(shape: type[Shape], at: KeyPath, given: Mapping[str, object]) -> KeyPath:
    """Hide the last key of ``at`` if it is none of ours and has no value.

    YAML reads ``{hunter2}`` as a mapping with the key ``hunter2``, which may be a secret.
    """
    value: object = given
    for key in at:
        value = value.get(str(key)) if isinstance(value, Mapping) else ""
    return at if value is not None or at[-1] in shape.model_fields else (*at[:-1], HIDDEN)


def _message(shape: type[Shape], detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "is not a key here: " + (
            shape.only_here or did_you_mean(str(detail["loc"][-1]), shape.model_fields)
        )
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind == "enum":
        return f"must be {detail['ctx']['expected'].replace(chr(39), '')}"
    return _TYPES.get(kind, f"cannot be used ({kind})")
