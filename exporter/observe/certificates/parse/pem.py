"""Blocks of PEM (RFC 7468) in a file, found as OpenSSL finds them (PEM_read_bio() in pem_lib.c)."""

import binascii
import re
from collections.abc import Iterator

BEGIN = b"-----BEGIN "

_MARKER = re.compile(rb"-----(BEGIN|END) ([^\r\n-]{1,64}+)-----[\0- ]*?(?:\n|\Z)")
"""A line that begins or ends a block; only blanks and control characters may follow."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n\v\f"
_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")


def holds_pem(data: bytes) -> bool:
    """Return whether there is a block in ``data``, or the beginning of one."""
    return BEGIN in data


def blocks(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Return label and text of each block; the text is None if the block has no proper end.

    Text between blocks is skipped.
    """
    label: bytes | None = None
    begin = 0
    for marker in _MARKER.finditer(data):
        if not _begins_line(data, marker.start()):
            continue
        if label is not None:
            ends = marker[1] == b"END" and marker[2] == label
            yield label.decode("latin-1"), data[begin : marker.start()] if ends else None
        label = marker[2] if marker[1] == b"BEGIN" else None
        begin = marker.end()
    if label is not None:
        yield label.decode("latin-1"), None


def decoded(text: bytes) -> bytes:
    """Return the bytes of a block, given its text.

    Raises:
        ValueError: it is not base64.
    """
    if b":" in text:  # RFC 1421 has headers, and an empty line below them
        _, *rest = _BLANK_LINE.split(text, maxsplit=1)
        text = rest[0] if rest else b""
    return binascii.a2b_base64(text.translate(None, _WHITE), strict_mode=True)


def _begins_line(data: bytes, at: int) -> bool:
    return at == 0 or data[at - 1] == ord("\n") or data[max(at - 4, 0) : at] == _BYTE_ORDER_MARK
