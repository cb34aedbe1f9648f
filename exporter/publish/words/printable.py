"""Hostile names made harmless."""

import unicodedata


def printable(text: str) -> str:
    r"""Return ``text`` with all that could move, hide or reorder other text written as an escape.

    Names come from clients and databases: control characters (terminal escapes, newlines),
    format characters (bidirectional overrides, zero width), unassigned and private characters,
    lone surrogates, combining marks and unusual spaces become ``\xNN``, ``\uNNNN`` or
    ``\UNNNNNNNN``.
    """
    return "".join(
        c if c == " " or unicodedata.category(c)[0] in "LNPS" else _escape(c) for c in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004  the widths of Python's own escapes
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  as above
