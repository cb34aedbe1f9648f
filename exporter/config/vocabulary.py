"""The words that a configuration is made of, and which keys a fault may show.

A missing colon, a stray brace or a wrong indentation makes a key of what was meant as a value, and
so perhaps of a secret. A key is therefore shown only where it is one of our words, or close to one
and as plain; the others are found by the fault's line number.
"""

import re
from difflib import get_close_matches

from exporter.config.conninfo import KEYWORDS
from exporter.config.shapes import SHAPES

HIDDEN = "?"
"""Stands for a key that may be a value, and so a secret."""

WORDS = frozenset(key for shape in SHAPES for key in shape.model_fields) | KEYWORDS
"""Every key that has a meaning somewhere, libpq's keywords among them."""

_PLAIN = re.compile("[a-z_]{1,64}")
_LABEL = re.compile("[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def shown_key(key: str | int, parent: str | int) -> str:
    """Return ``key`` as it may be shown; ``parent`` is the key that it stands below."""
    if isinstance(key, int) or key in WORDS:
        return str(key)
    if parent == "labels":
        # the user's own names, which are published
        return key if _LABEL.fullmatch(key) else HIDDEN
    close = _PLAIN.fullmatch(key) and get_close_matches(key, WORDS, n=1, cutoff=0.7)
    return key if close else HIDDEN
