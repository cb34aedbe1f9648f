"""How much work one judgement may be.

A server chooses how many rules, connections and maps it shows, and judging compares all of one kind
with all of another. The work is counted in steps, not measured in time: the same input gives the
same result on every machine.
"""

from dataclasses import fields, is_dataclass

MOST_STEPS = 6_000_000
"""Limit of one judgement. A step takes about half a microsecond."""


class TooMuchWorkError(Exception):
    """A judgement has reached its limit."""


class Work:
    """Counts the steps of one judgement.

    Attributes:
        most: the limit.
        done: steps so far.
    """

    __slots__ = ("_shared", "done", "most")

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.most = most
        self.done = 0
        self._shared: Work | None = None

    def add(self, steps: int) -> None:
        """Count ``steps``.

        Raises:
            TooMuchWorkError: they exceed the limit.
        """
        self.done += steps
        if self.done > self.most:
            raise TooMuchWorkError

    @property
    def shared(self) -> "Work":
        """Counts what is worked out once for several connections, with a limit of its own.

        So the steps of a connection do not depend on which connection is judged first.
        """
        if self._shared is None:
            self._shared = Work(self.most)
        return self._shared


_OF_NO_TEXT = 8
"""Characters of a number, a date or a fixed sentence, roughly."""


def size_of(value: object) -> int:
    """Return about how many characters it takes to print ``value``: findings, of dataclasses."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(size_of, value))
    if is_dataclass(value):
        return _OF_NO_TEXT + sum(size_of(getattr(value, each.name)) for each in fields(value))
    return _OF_NO_TEXT
