"""Checks a mapping of the configuration: returns what is valid, and reports every fault."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.shape import Part, Shape, parts
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
    """Check ``value``, a mapping of ``document``, and add what is wrong to ``faults``.

    Mappings within it that have a shape are checked on their own, so that a fault in one of them
    does not hide the others.

    Returns:
        The valid keys, with defaults for the rest; and the keys that are not valid.
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
    inner: list[Fault] = []
    given = {
        key: _part(parts(shape)[key], document, (*path, key), one, inner)
        if key in parts(shape)
        else one
        for key, one in value.items()
        if key not in empty
    }
    checked, details = _validated(shape, given, document.file.parent)
    for detail in details:
        at = _location(detail)
        shown = (*path, *_without_stray_value(shape, at, given))
        faults.append(document.fault((*path, *at), _message(shape, detail), shown))
        failed.add(str(detail["loc"][0]))
    if fault := checked.fault_of_all(frozenset(failed)):
        faults.append(document.fault(path, fault))
    faults += inner
    return checked, frozenset(failed)


def _part(
    part: Part, document: Document, path: KeyPath, value: object, faults: list[Fault]
) -> object:
    """Return the checked mapping or mappings; a value of the wrong kind is returned as it is."""
    if not part.is_list:
        return check(part.shape, document, path, value, faults)[0]
    if not isinstance(value, list):
        return value
    return tuple(
        check(part.shape, document, (*path, position), one, faults)[0]
        for position, one in enumerate(value)
    )


def _validated(
    shape: type[S], given: Mapping[str, object], folder: Path
) -> tuple[S, list[ErrorDetails]]:
    """Return the valid keys, and the faults of the others.

    Args:
        shape: of the mapping.
        given: the mapping, with every mapping within it that has a shape checked already.
        folder: where relative paths start.
    """
    try:
        return shape.model_validate(given, context=folder), []
    except ValidationError as error:
        # include_input: a fault must not carry the value, which may be a secret.
        details = error.errors(include_url=False, include_input=False)
    wrong = {detail["loc"][0] for detail in details}
    kept = {key: value for key, value in given.items() if key not in wrong}
    return shape.model_validate(kept, context=folder), details


def _location(detail: ErrorDetails) -> KeyPath:
    # pydantic marks a fault of a mapping's key, not its value, by this last part.
    return detail["loc"][:-1] if detail["loc"][-1] == "[key]" else detail["loc"]


def _without_stray_value(shape: type[Shape], at: KeyPath, given: Mapping[str, object]) -> KeyPath:
    """Hide the last key of ``at`` if it is unknown and has no value.

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
