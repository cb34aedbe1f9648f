"""Text as a label value."""

MAX_LABEL_LENGTH = 256
"""Characters of a label value; a longer one is cut and ends in an ellipsis."""


def label_value(text: str) -> str:
    r"""Return ``text`` as a label value: valid Unicode of at most 256 characters.

    A lone surrogate (which UTF-8 cannot encode) becomes ``\udcNN``. Nothing else is escaped here:
    quotes, backslashes and newlines are the encoder's.
    """
    if text.isascii() and len(text) <= MAX_LABEL_LENGTH:
        return text
    encodable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(encodable) <= MAX_LABEL_LENGTH:
        return encodable
    return encodable[: MAX_LABEL_LENGTH - 1] + "…"
