"""Distinguished names in the two forms in which PostgreSQL has them.

PostgreSQL has OpenSSL print them; this module prints the same. ``slash`` follows
X509_NAME_to_cstring() in be-secure-openssl.c, ``rfc2253`` X509_NAME_print_ex() with
XN_FLAG_RFC2253; the values in both follow ASN1_STRING_print_ex() (crypto/asn1/a_strex.c).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

# OpenSSL's table of objects; there is no public way to it.
from ssl import _ASN1Object

from exporter.model.certificate import DistinguishedName
from exporter.observe.certificates.parse.der import (
    SEQUENCE,
    SET,
    Element,
    first,
    inside,
    object_identifier,
)

_COMMON_NAME = "2.5.4.3"
_UNKNOWN_SHORT_NAME = "UNDEF"
_MOST_IDENTIFIER_CHARACTERS = 79
"""OpenSSL prints an unknown identifier into an array of 80 (do_name_ex())."""
_MOST_CACHED_BYTES = 1024

_UTF8_STRING = 12
_ONE_BYTE_STRINGS = frozenset({18, 19, 20, 22, 23, 24, 26})
"""Numeric, Printable, T61, IA5, the times, Visible: each byte a character of ISO 8859-1."""
_BMP_STRING = 30
_LAST_OF_BMP = 0xFFFF
_WIDE_STRINGS = {_BMP_STRING: "utf-16-be", 28: "utf-32-be"}
"""BMPString, UniversalString."""

_PLAIN = re.compile(rb"[\w.:/=@*!$%&'()?\[\]^`{|}~-]([\w .:/=@*#!$%&'()?\[\]^`{|}~-]*[\w.:/=@-])?")
"""A value without characters to escape, which is the usual case."""
_ALWAYS_ESCAPED = b'"+,;<>\\'
_DELETE = 0x7F
_CONSTRUCTED = 0x20


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One AttributeTypeAndValue.

    Attributes:
        relative_name: which RelativeDistinguishedName it belongs to; several in one are joined
            by ``+``.
    """

    relative_name: int
    identifier: str
    value: Element


@dataclass(frozen=True, slots=True)
class OpenSslNames:
    """What OpenSSL calls an object identifier."""

    short: str
    long: str


@lru_cache(maxsize=1024)
def openssl_names(identifier: str) -> OpenSslNames | None:
    """Return OpenSSL's names of an object identifier with dots; None if it knows none."""
    try:
        known = _ASN1Object(identifier)
    except ValueError:
        return None
    return OpenSslNames(known.shortname, known.longname)


def distinguished_name(name: bytes) -> DistinguishedName:
    r"""Return a name, given in DER, in both forms.

    An attribute that OpenSSL does not know is ``UNDEF`` in ``slash``, as in PostgreSQL 13; later
    ones reject the connection.

    ``common_names`` are the bytes that PostgreSQL compares with the role, whatever their string
    type: where those are not UTF-8, or contain a NUL, they appear as ``\xfc``, and match no role.

    Raises:
        ValueError: it is not a name, or one that OpenSSL rejects.
    """
    # issuers come again and again
    return _cached(name) if len(name) <= _MOST_CACHED_BYTES else _read(name)


def _read(name: bytes) -> DistinguishedName:
    attributes = _attributes(name)
    slash = b"".join(
        b"/%s=%s" % (_slash_type(a.identifier).encode(), _printed(a, ascii_only=False))
        for a in attributes
    )
    rfc2253 = b",".join(
        b"+".join(_rfc2253_attribute(a) for a in together)
        for _, together in groupby(reversed(attributes), key=lambda a: a.relative_name)
    )
    common_names = (a.value.content for a in attributes if a.identifier == _COMMON_NAME)
    return DistinguishedName(
        slash=slash.decode(),
        rfc2253=rfc2253.decode("ascii"),
        common_names=tuple(
            value.decode(errors="backslashreplace").replace("\0", "\\x00") for value in common_names
        ),
    )


_cached = lru_cache(maxsize=1024)(_read)


def _attributes(name: bytes) -> list[_Attribute]:
    found = []
    for number, relative_name in enumerate(inside(first(name), SEQUENCE)):
        for attribute in inside(relative_name, SET):
            identifier, value = inside(attribute, SEQUENCE)
            found.append(_Attribute(number, object_identifier(identifier), value))
    return found


def _slash_type(identifier: str) -> str:
    names = openssl_names(identifier)
    return names.short if names else _UNKNOWN_SHORT_NAME


def _rfc2253_attribute(attribute: _Attribute) -> bytes:
    names = openssl_names(attribute.identifier)
    if names is None:
        identifier = attribute.identifier[:_MOST_IDENTIFIER_CHARACTERS]
        return b"%s=%s" % (identifier.encode(), _dumped(attribute))
    return b"%s=%s" % (names.short.encode(), _printed(attribute, ascii_only=True))


def _printed(attribute: _Attribute, *, ascii_only: bool) -> bytes:
    tag, value = attribute.value.tag, attribute.value.content
    if tag == _UTF8_STRING or tag in _ONE_BYTE_STRINGS:
        if _PLAIN.fullmatch(value):
            return value
        if tag == _UTF8_STRING:
            return _escaped([bytes([byte]) for byte in value], ascii_only=ascii_only)
        return _escaped([chr(byte).encode() for byte in value], ascii_only=ascii_only)
    if tag & _CONSTRUCTED and tag != SEQUENCE:
        raise ValueError("a string in pieces, which DER does not have")
    encoding = _WIDE_STRINGS.get(tag)
    if encoding is None:
        return _dumped(attribute)
    text = value.decode(encoding)
    if tag == _BMP_STRING and any(ord(character) > _LAST_OF_BMP for character in text):
        raise ValueError("two halves of a surrogate pair, which are not characters of a BMPString")
    return _escaped([character.encode() for character in text], ascii_only=ascii_only)


def _dumped(attribute: _Attribute) -> bytes:
    return b"#" + attribute.value.encoded.hex().upper().encode()


def _escaped(characters: Sequence[bytes], *, ascii_only: bool) -> bytes:
    last = len(characters) - 1
    printed = bytearray()
    for place, character in enumerate(characters):
        for byte in character:
            at_end = place in (0, last)
            if byte < ord(" ") or byte == _DELETE or (ascii_only and byte > _DELETE):
                printed += b"\\%02X" % byte
            elif (
                byte in _ALWAYS_ESCAPED
                or (byte == ord(" ") and at_end)
                # a value of this one character counts as its end, not as its beginning
                or (byte == ord("#") and place == 0 != last)
            ):
                printed += b"\\%c" % byte
            else:
                printed.append(byte)
    return bytes(printed)
