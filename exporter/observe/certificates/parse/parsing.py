"""Parses a file into certificates and revocation lists; never raises, whatever the bytes."""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from exporter.model.certificate import Certificate, CertificateFile, RevocationList
from exporter.observe.certificates.parse.certificate import read_certificate
from exporter.observe.certificates.parse.pem import BEGIN, blocks, decoded, holds_pem
from exporter.observe.certificates.parse.revocation_list import read_revocation_list

T = TypeVar("T", Certificate, RevocationList)

_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_REVOCATION_LIST = "X509 CRL"
"""Labels of PEM blocks as OpenSSL has them (pem.h)."""

_DER = re.compile(
    rb"(?:\x30(?:[\0-\x7f]|\x81.|\x82..|\x83...|\x84....)){2}[\x30\xa0\x02]", re.DOTALL
)
"""How certificates and lists begin, even cut short, and keys and PKCS#12 files do not.

Two nested SEQUENCEs, in which a version, a serial number or an algorithm comes first.
"""


MOST_TO_VERIFY = 500
"""Certificates in one file that others are verified with; more are not parsed.

All authorities of the web are some 150. OpenSSL compares each with each: the time grows by the
square, and a server decides what its files hold.
"""


def are_too_many(data: bytes, most: int = MOST_TO_VERIFY) -> bool:
    """Return whether ``data`` holds more blocks of PEM than ``most``."""
    return data.count(BEGIN) > most


def parse(data: bytes, path: str) -> CertificateFile:
    """Return what ``data`` holds: blocks of PEM, or one certificate or list in DER.

    Every other block, private keys above all, and text between blocks is skipped.
    """
    certificates = []
    revocation_lists = []
    unparsable = 0
    for read in _pem(data) if holds_pem(data) else _der(data):
        match read:
            case Certificate():
                certificates.append(read)
            case RevocationList():
                revocation_lists.append(read)
            case None:
                unparsable += 1
    return CertificateFile(path, tuple(certificates), tuple(revocation_lists), unparsable)


def _pem(data: bytes) -> Iterator[Certificate | RevocationList | None]:
    for label, text in blocks(data):
        if label in _CERTIFICATES:
            yield _read(read_certificate, text)
        elif label == _REVOCATION_LIST:
            yield _read(read_revocation_list, text)


def _der(data: bytes) -> Iterator[Certificate | RevocationList | None]:
    if _DER.match(data):
        yield _read_der(read_certificate, data) or _read_der(read_revocation_list, data)


def _read(reader: Callable[[bytes], T], text: bytes | None) -> T | None:
    try:
        return None if text is None else reader(decoded(text))
    except ValueError:
        return None


def _read_der(reader: Callable[[bytes], T], der: bytes) -> T | None:
    try:
        return reader(der)
    except ValueError:
        return None
