"""Parses one certificate revocation list (CRL) in DER."""

import hashlib

from cryptography import x509

from exporter.model.certificate import RevocationList
from exporter.observe.certificates.parse.der import (
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    Element,
    first,
    inside,
)
from exporter.observe.certificates.parse.fields import (
    bounded_integer,
    extensions_of,
    read_time,
)
from exporter.observe.certificates.parse.names import distinguished_name

_EXTENSIONS = 0xA0
_CRL_NUMBER = "2.5.29.20"


def read_revocation_list(der: bytes) -> RevocationList:
    """Return the list that ``der`` begins with; bytes after it are ignored.

    Raises:
        ValueError: it is not a CRL.
    """
    whole = first(der)
    try:
        x509.load_der_x509_crl(whole.encoded)
    except x509.InvalidVersion as error:
        raise ValueError("a version that there is not") from error
    to_be_signed, *_ = inside(whole, SEQUENCE)
    fields = list(inside(to_be_signed, SEQUENCE))
    if fields and fields[0].tag == INTEGER:
        del fields[0]  # the version
    _, issuer, this_update, *rest = fields
    next_update = rest[0] if rest and rest[0].tag in (UTC_TIME, GENERALIZED_TIME) else None
    return RevocationList(
        fingerprint=hashlib.sha256(whole.encoded).hexdigest(),
        der=whole.encoded,
        issuer=distinguished_name(issuer.encoded),
        this_update=read_time(this_update),
        next_update=None if next_update is None else read_time(next_update),
        number=_number(rest),
    )


def _number(optional: list[Element]) -> int | None:
    for field in optional:
        if field.tag == _EXTENSIONS:
            number = extensions_of(first(field.content)).get(_CRL_NUMBER)
            return None if number is None else bounded_integer(first(number))
    return None
