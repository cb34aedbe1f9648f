"""PKCS#12 files (RFC 7292): their certificates. The private key is discarded immediately."""

import re
import warnings
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from exporter.model.certificate import CertificateFile
from exporter.observe.certificates.parse.certificate import read_certificate
from exporter.observe.certificates.parse.der import (
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    element_at,
    integer,
)

_BEGINNING = re.compile(
    rb"\x30(?:[\0-\x80]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL
)
"""A SEQUENCE with version 3, then another SEQUENCE."""
_MOST_BYTES = 4 * 1024 * 1024
_MOST_ROUNDS = 10_000_000
"""Rounds of hashing the password, in all: about four seconds. Usual files need up to a million."""
_DEEPEST = 12
_CONSTRUCTED = 0x20
_LENGTH_NOT_TOLD = b"\x80"


class EncryptedError(ValueError):
    """The password is missing or wrong."""


def holds_pkcs12(data: bytes) -> bool:
    """Return whether ``data`` begins as such a file does."""
    return _BEGINNING.match(data) is not None


def parse_pkcs12(data: bytes, path: str, password: str) -> CertificateFile:
    """Return the certificates of a file: first the one that the key belongs to.

    Args:
        data: the file.
        path: of the file, for the result only.
        password: empty for none.

    Raises:
        EncryptedError: the password does not open it.
        ValueError: it is damaged, or would take too long.
    """
    if len(data) > _MOST_BYTES:
        raise ValueError("too large for a PKCS#12 file")
    if sum(_rounds(data)) > _MOST_ROUNDS:
        raise ValueError("requires too many rounds of hashing")
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd serial numbers, of BER
            opened = pkcs12.load_pkcs12(data, password.encode() or None)
    except UnsupportedAlgorithm as error:
        raise ValueError("an algorithm that is not known here") from error
    except ValueError as error:
        if "password" in str(error):
            raise EncryptedError from error
        raise
    own = () if opened.cert is None else (opened.cert,)
    found = []
    unparsable = 0
    for one in (*own, *opened.additional_certs):
        try:
            found.append(read_certificate(one.certificate.public_bytes(Encoding.DER)))
        except ValueError:
            unparsable += 1
    return CertificateFile(path, tuple(found), unparsable=unparsable)


def _rounds(data: bytes, depth: int = 0) -> Iterator[int]:
    """Return how often the password is hashed, as far as it can be seen without the password.

    In all forms the number follows the salt (RFC 7292, section 4 and appendix C; RFC 8018,
    appendix A). Some programs write BER: the length of an element is not given, and its octets come
    in pieces.
    """
    at = 0
    octets = b""
    while at < len(data) and depth < _DEEPEST:
        if data[at + 1 : at + 2] == _LENGTH_NOT_TOLD:
            at += 2  # what is in it follows
            continue
        try:
            element = element_at(data, at)
        except ValueError:
            break  # what is encrypted only seemed to begin like an element
        at += len(element.encoded)
        if element.tag == OCTET_STRING:
            octets += element.content
            continue
        if element.tag == INTEGER and octets:
            yield max(integer(element), 0)
        elif element.tag & _CONSTRUCTED:
            yield from _rounds(element.content, depth + 1)
        yield from _rounds_in(octets, depth)
        octets = b""
    yield from _rounds_in(octets, depth)


def _rounds_in(octets: bytes, depth: int) -> Iterator[int]:
    if octets[:1] == bytes([SEQUENCE]):
        yield from _rounds(octets, depth + 1)
