"""How long the text of a step is, for the count of work: it is written into pages and reports."""

from dataclasses import fields, is_dataclass

from exporter.model.certificate import Certificate
from exporter.model.remedy import Step

CHARACTERS_OF_A_STEP = 250
"""Of the sentences and commands that a step of one kind always has; a mean."""

CHARACTERS_OF_A_VALUE = 10
"""Of a number, an address, a yes or no."""


def length(step: Step) -> int:
    """Return about how many characters the text of ``step`` has.

    What grows with names, rules and connections of the server is counted exactly, at least once.
    """
    return CHARACTERS_OF_A_STEP + _length(step.kind) + _length(step.edit)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple | frozenset):
        return sum(map(_length, value))
    if isinstance(value, Certificate):
        return len(value.subject.rfc2253)
    if is_dataclass(value):
        return sum(_length(getattr(value, each.name)) for each in fields(value))
    return CHARACTERS_OF_A_VALUE
