"""Text for a terminal: columns that line up, colours if wanted.

Frames and abbreviations are plain ASCII, so that the output looks right on any terminal.
"""

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.model.judgement import Verdict

_ELLIPSIS = "..."


def columns_of(text: str) -> int:
    """Return how many terminal columns printable ``text`` takes (wide characters take two)."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def clip(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns; three dots replace what is cut off."""
    if columns_of(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += columns_of(character)
        if used > width - len(_ELLIPSIS):
            break
        kept += character
    return kept + _ELLIPSIS


def clip_left(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns, its end kept: for paths."""
    if columns_of(text) <= width:
        return text
    return clip(text[::-1], width)[::-1]


def pad(text: str, width: int) -> str:
    """Return ``text`` followed by spaces up to ``width`` columns."""
    return text + " " * (width - columns_of(text))


def wrapped(text: str, width: int, *, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns; words are never broken."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


@dataclass(frozen=True, slots=True)
class Style:
    """How text is marked; without colour it is left as it is."""

    colour: bool

    def _mark(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def strong(self, text: str) -> str:
        """Mark a heading."""
        return self._mark(text, "1")

    def faint(self, text: str) -> str:
        """Mark what is only background."""
        return self._mark(text, "2")

    def alarm(self, text: str) -> str:
        """Mark what is wrong."""
        return self._mark(text, "1;31")

    def doubt(self, text: str) -> str:
        """Mark what is not known."""
        return self._mark(text, "33")

    def verdict(self, verdict: Verdict, text: str) -> str:
        """Mark ``text`` in the colour of ``verdict``."""
        match verdict:
            case Verdict.SECURE:
                return self._mark(text, "32")
            case Verdict.INSECURE:
                return self.alarm(text)
            case Verdict.EXEMPT:
                return self._mark(text, "36")
            case Verdict.UNKNOWN:
                return self.doubt(text)


def aligned(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return ``rows`` as lines with columns of ``widths``, two spaces apart."""
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
