"""The words of one kind of step, before those of its edit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepWords:
    """The words of one kind of step.

    Attributes:
        what: what to do, in the imperative.
        warning: what to check first, or what follows; may be empty.
        lines: to run or look for, besides those of the edit.
    """

    what: str
    warning: str = ""
    lines: tuple[str, ...] = ()
