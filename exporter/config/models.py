"""Converts a checked mapping of the configuration to the model of the rest of the program."""

from dataclasses import fields
from typing import Any

from exporter.config.shape import Shape


def same_named(shape: Shape, model: type, *but: str) -> dict[str, Any]:
    """Return arguments for ``model``: its fields that ``shape`` has a key of the same name for.

    A field in seconds has its unit in its name and its key has not: ``interval_seconds`` is
    ``interval``.

    Args:
        shape: checked and merged with the defaults.
        model: a dataclass.
        but: fields that the caller sets itself, because their key has another meaning or form.
    """
    return {
        field.name: getattr(shape, key)
        for field in fields(model)
        if field.name not in but
        and (key := field.name.removesuffix("_seconds")) in type(shape).model_fields
    }
