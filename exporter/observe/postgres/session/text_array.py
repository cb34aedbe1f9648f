"""The text form of a one-dimensional text[] (array_out() in arrayfuncs.c)."""

import re

from exporter.observe.postgres.session.statement import MalformedError

_ELEMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^",{}\\]+)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def elements(value: bytes | None) -> tuple[bytes, ...]:
    """Return the elements of ``{a,"b c"}``; NULL for the whole array is an empty one.

    Raises:
        MalformedError: it is not such an array, or one of its elements is NULL.
    """
    if value is None:
        return ()
    if not (value.startswith(b"{") and value.endswith(b"}")):
        raise MalformedError("not a text[]")
    found: list[bytes] = []
    position = 1
    end = len(value) - 1
    while position < end:
        element = _ELEMENT.match(value, position, end)
        if element is None:
            raise MalformedError("not a text[]")
        quoted, plain = element.groups()
        if plain is not None and plain.upper() == b"NULL":
            raise MalformedError("NULL in a text[]")
        found.append(plain if quoted is None else _ESCAPE.sub(rb"\1", quoted))
        position = element.end()
        if position < end:
            if value[position : position + 1] != b",":
                raise MalformedError("not a text[]")
            position += 1
            if position == end:
                raise MalformedError("not a text[]")
    return tuple(found)


def literal(values: tuple[bytes, ...]) -> bytes:
    """Write a text[] that elements() reads back."""
    quoted = (b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"' for value in values)
    return b"{" + b",".join(quoted) + b"}"
