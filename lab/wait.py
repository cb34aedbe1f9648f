"""Waiting for a fact instead of for a while."""

import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.02


class NotWithinTimeError(AssertionError):
    """A condition did not come true in its time."""


def until(condition: Callable[[], object], within: float, what: str) -> None:
    """Return as soon as ``condition`` gives something true.

    Args:
        condition: asked about fifty times a second, and once more at the end.
        within: seconds.
        what: completes the sentence "waited for ..."; told when the time is over.

    Raises:
        NotWithinTimeError: the condition never came true.
    """
    ends_at = time.monotonic() + within
    while not condition():
        if time.monotonic() >= ends_at:
            if condition():
                return
            raise NotWithinTimeError(f"waited {within:g} s for {what}")
        time.sleep(_PAUSE_SECONDS)
