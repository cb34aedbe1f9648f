"""What all mappings of the configuration have in common, and how one is merged into another."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A mapping with known keys.

    Every key has a default, a required key included, so that a mapping with faults can be checked
    further without the keys that have them. Which keys were written is in ``model_fields_set``.

    Attributes:
        required: keys that must be written.
        adding: keys whose list is appended to the list of the defaults instead of replacing it.
        only_here: the reason that is reported for a key that is not known.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )
    required: ClassVar[frozenset[str]] = frozenset()
    adding: ClassVar[frozenset[str]] = frozenset()
    only_here: ClassVar[str] = ""

    def fault_of_all(self, failed: frozenset[str]) -> str:  # noqa: ARG002  overridden
        """Return what is wrong with keys that are valid one by one; empty if nothing is.

        Args:
            failed: keys that are not valid, and have their default here.
        """
        return ""

    def over(self, base: "Shape") -> Self:
        """Return this mapping with the keys that only ``base`` has written.

        Mappings within it are merged in the same way, key by key. Lists named in ``adding`` are
        appended to those of ``base``. Keys of ``base`` that do not exist here are left out.
        """
        update: dict[str, object] = {}
        for key in base.model_fields_set & type(self).model_fields.keys():
            own, default = getattr(self, key), getattr(base, key)
            if isinstance(own, Shape):
                update[key] = own.over(default)
            elif key in self.adding:
                update[key] = default + own
            elif key not in self.model_fields_set:
                update[key] = default
        return self.model_copy(update=update)


@dataclass(frozen=True, slots=True)
class Part:
    """What a key holds: one mapping with known keys, or a list of them."""

    shape: type[Shape]
    is_list: bool


@cache
def parts(shape: type[Shape]) -> Mapping[str, Part]:
    """Return those keys of ``shape`` that hold mappings with a shape."""
    found = {}
    for key, field in shape.model_fields.items():
        is_list = get_origin(field.annotation) is tuple
        kind = get_args(field.annotation)[0] if is_list else field.annotation
        if isinstance(kind, type) and issubclass(kind, Shape):
            found[key] = Part(kind, is_list)
    return found
