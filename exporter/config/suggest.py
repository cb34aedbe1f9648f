"""Suggestions for unknown words."""

from collections.abc import Collection
from difflib import get_close_matches


def _listed(words: Collection[str]) -> str:
    """Return ``a, b and c``."""
    *all_but_last, last = words
    return f"{', '.join(all_but_last)} and {last}" if all_but_last else last


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return ``did you mean timeout?``, or the list of what is known when nothing is close."""
    # difflib takes time with the square of the length; no known word is near 64 characters.
    close = get_close_matches(word[:64], known, n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else f"there are {_listed(known)}"
