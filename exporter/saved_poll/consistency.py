"""Checks of a file that its shape does not cover: what the readers guarantee of what they read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from exporter.model.certificate import Certificate, RevocationList
from exporter.model.target import Target
from exporter.observe.certificates.parse.certificate import read_certificate
from exporter.observe.certificates.parse.revocation_list import read_revocation_list

_SHOWN = 16
"""Characters of a text that the file chose."""


def inconsistency(value: object) -> str | None:
    """Return what is wrong with ``value`` or anything in it; None if nothing is.

    A certificate is what its DER bytes say: OpenSSL is asked about the bytes, and the rules are
    judged by the fields. Every time has a time zone. What the configuration says of a target is
    printed as it is, so it must be printable.
    """
    return next(_inconsistencies(value), None)


def _inconsistencies(value: object) -> Iterator[str]:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            yield f"the time {value.isoformat()} has no time zone"
        return
    if isinstance(value, Certificate) and not _agrees(value, read_certificate):
        key = value.fingerprint[:_SHOWN]
        yield f"the fields of certificate {key!a} are not those of its DER bytes"
    if isinstance(value, RevocationList) and not _agrees(value, read_revocation_list):
        key = value.fingerprint[:_SHOWN]
        yield f"the fields of CRL {key!a} are not those of its DER bytes"
    if isinstance(value, Target):
        for text in (value.name, value.cluster_name, *value.labels, *value.labels.values()):
            if not text.isprintable():
                yield f"{text[:_SHOWN]!a} in a target is not printable"
    for part in _parts(value):
        yield from _inconsistencies(part)


def _parts(value: object) -> Iterator[object]:
    if is_dataclass(value):
        for field in fields(value):
            yield getattr(value, field.name)
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, tuple | frozenset):
        yield from value


def _agrees(
    value: Certificate | RevocationList, read: Callable[[bytes], Certificate | RevocationList]
) -> bool:
    try:
        known = read(value.der)
    except ValueError:
        return False
    # not ==, which compares fingerprints
    return all(getattr(known, f.name) == getattr(value, f.name) for f in fields(known))
