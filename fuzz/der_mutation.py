"""One element of DER changed, the lengths around it put right: what is beside it is still read."""

from collections.abc import Callable
from random import Random

from lab.odd_certificates import element

_CONSTRUCTED = 0x20
_LONG_LENGTH = 0x80
_TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x14, 0x17, 0x18, 0x1C, 0x1E, 0x30, 0x31)
_DEEPEST = 12


def mutated(der: bytes, random: Random, change: Callable[[bytes], bytes]) -> bytes:
    """Return ``der`` with one change somewhere.

    Args:
        der: elements, one after the other; what is none is changed as a whole.
        random: decides where and how.
        change: changes the content of an element.
    """
    return _mutated(der, random, change, 0)


def _mutated(der: bytes, random: Random, change: Callable[[bytes], bytes], depth: int) -> bytes:
    parts = _split(der)
    if not parts or depth > _DEEPEST:
        return change(der)
    at = random.randrange(len(parts))
    tag, content = parts[at]
    match random.randrange(12):
        case 0:
            del parts[at]
        case 1:
            parts.insert(at, parts[at])
        case 2:
            parts[at] = random.choice(_TAGS), content
        case 3:
            parts[at] = tag, change(content)
        case _ if tag & _CONSTRUCTED or content[:1] == b"\x30":
            parts[at] = tag, _mutated(content, random, change, depth + 1)
        case _:
            parts[at] = tag, change(content)
    return b"".join(element(tag, content) for tag, content in parts)


def _split(der: bytes) -> list[tuple[int, bytes]] | None:
    """Return tag and content of each element; None if ``der`` is no row of them."""
    found = []
    at = 0
    while at < len(der):
        length_at = at + 1
        if length_at >= len(der):
            return None
        begin = length_at + 1
        length = der[length_at]
        if length >= _LONG_LENGTH:
            begin += length - _LONG_LENGTH
            length = int.from_bytes(der[length_at + 1 : begin])
        if begin + length > len(der):
            return None
        found.append((der[at], der[begin : begin + length]))
        at = begin + length
    return found
