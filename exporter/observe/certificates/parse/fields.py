"""Fields that certificates and revocation lists have in common (RFC 5280)."""

import re
from datetime import UTC, datetime

from exporter.observe.certificates.parse.der import (
    GENERALIZED_TIME,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    Element,
    content,
    inside,
    integer,
    object_identifier,
)
from exporter.observe.certificates.parse.names import openssl_names

_MOST_INTEGER_BYTES = 1024
"""RFC 5280 allows 20; Python does not print much longer ones."""
_TIMES = {
    UTC_TIME: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
    GENERALIZED_TIME: re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
}
_FIRST_YEAR_OF_UTC_TIME = 50


def read_time(element: Element) -> datetime:
    """Return a Time of RFC 5280; OpenSSL's verification rejects every other form.

    Raises:
        ValueError: it is not such a Time.
    """
    form = _TIMES.get(element.tag)
    matched = form.fullmatch(element.content) if form else None
    if matched is None:
        raise ValueError("a form that RFC 5280 does not have")
    year, month, day, hour, minute, second = map(int, matched.groups())
    if element.tag == UTC_TIME:
        year += 1900 if year >= _FIRST_YEAR_OF_UTC_TIME else 2000
    # Python's dates begin with the year 1
    return datetime(max(year, 1), month, day, hour, minute, second, tzinfo=UTC)


def algorithm_name(identifier: Element) -> str:
    """Return OpenSSL's long name of an AlgorithmIdentifier, or its dotted form without one.

    Raises:
        ValueError: it is not an AlgorithmIdentifier.
    """
    dotted = object_identifier(next(inside(identifier, SEQUENCE), None))
    names = openssl_names(dotted)
    return names.long if names else dotted


def extensions_of(sequence: Element) -> dict[str, bytes]:
    """Return the values of Extensions by object identifier.

    Raises:
        ValueError: they are not Extensions.
    """
    found = {}
    for extension in inside(sequence, SEQUENCE):
        identifier, *_, value = inside(extension, SEQUENCE)
        found[object_identifier(identifier)] = content(value, OCTET_STRING)
    return found


def bounded_integer(element: Element) -> int:
    """Return a serial or list number.

    Raises:
        ValueError: it is not an INTEGER, or too long.
    """
    if len(content(element, INTEGER)) > _MOST_INTEGER_BYTES:
        raise ValueError("too long for a number")
    return integer(element)
