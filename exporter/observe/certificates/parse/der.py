"""Elements of DER (ITU-T X.690): tag, length and content, without their meaning."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

INTEGER = 0x02
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_MULTI_BYTE_TAG = 0x1F
_LONG_LENGTH = 0x80
_MOST_IDENTIFIER_BYTES = 128


class Element(NamedTuple):
    """One element.

    Attributes:
        tag: its identifier octet: class, constructed or not, number (below 31).
        content: without tag and length.
        encoded: all of it.
    """

    tag: int
    content: bytes
    encoded: bytes


def first(data: bytes) -> Element:
    """Return the element that ``data`` begins with; bytes after it are ignored.

    Raises:
        ValueError: there is none, or it is cut short.
    """
    return element_at(data, 0)


def element_at(data: bytes, start: int) -> Element:
    """Return the element that begins at ``start``.

    Raises:
        ValueError: there is none, or it is cut short.
    """
    try:
        tag, length = data[start], data[start + 1]
    except IndexError as error:
        raise ValueError("cut short") from error
    if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG or length == _LONG_LENGTH:
        raise ValueError("a form that DER does not have")
    begin = start + 2
    if length > _LONG_LENGTH:
        begin += length - _LONG_LENGTH
        length = int.from_bytes(data[start + 2 : begin])
    end = begin + length
    if end > len(data):
        raise ValueError("cut short")
    return Element(tag, data[begin:end], data[start:end])


def elements(data: bytes) -> Iterator[Element]:
    """Return all elements of ``data``, one after the other.

    Raises:
        ValueError: part of it is not an element; raised where it is reached.
    """
    at = 0
    while at < len(data):
        found = element_at(data, at)
        yield found
        at += len(found.encoded)


def inside(element: Element, tag: int) -> Iterator[Element]:
    """Return the elements inside ``element``.

    Raises:
        ValueError: it has another tag than ``tag``, or part of it is not an element.
    """
    return elements(content(element, tag))


def content(element: Element | None, tag: int) -> bytes:
    """Return the content of ``element``.

    Raises:
        ValueError: it has another tag than ``tag``, or there is none.
    """
    if element is None or element.tag != tag:
        raise ValueError("not the element that belongs here")
    return element.content


def integer(element: Element | None) -> int:
    """Return the value of an INTEGER.

    Raises:
        ValueError: it is not an INTEGER.
    """
    return int.from_bytes(content(element, INTEGER), signed=True)


def object_identifier(element: Element | None) -> str:
    """Return an OBJECT IDENTIFIER with dots.

    Raises:
        ValueError: it is not one, or unreasonably long.
    """
    octets = content(element, OBJECT_IDENTIFIER)
    if not octets or octets[-1] & 0x80 or len(octets) > _MOST_IDENTIFIER_BYTES:
        raise ValueError("no object identifier")
    return _with_dots(octets)


@lru_cache(maxsize=1024)  # the same few, again and again
def _with_dots(octets: bytes) -> str:
    numbers = []
    number = 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    top = min(numbers[0] // 40, 2)
    return ".".join(map(str, (top, numbers[0] - 40 * top, *numbers[1:])))
