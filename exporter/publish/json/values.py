"""Single values as JSON has them."""

import re
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.hba import ErrorLine, HbaRule, RuleLocation
from exporter.model.rule_text import rule_text

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def iso(at: datetime | None) -> str | None:
    """Return a date and time as ISO 8601 in UTC; null for what is not known."""
    return None if at is None else at.astimezone(UTC).isoformat()


def kind_name(kind: type) -> str:
    """Return the name of a kind of finding or step: ``RuleGoverns`` is ``rule_governs``."""
    return _WORD.sub("_", kind.__name__).lower()


def certificate_fields(certificate: Certificate) -> dict[str, Any]:
    """Return what identifies a certificate, and its validity."""
    return {
        "fingerprint": certificate.fingerprint,
        "subject": certificate.subject.rfc2253,
        "issuer": certificate.issuer.rfc2253,
        # as text: it takes up to 20 bytes, which no JSON reader holds exactly as a number
        "serial_number": str(certificate.serial_number),
        "not_before": iso(certificate.not_before),
        "not_after": iso(certificate.not_after),
    }


def fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    """Return the fields of a dataclass as JSON has them."""
    return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}


def json_value(value: object) -> object:  # noqa: C901, PLR0911  one case for each type
    """Return what a field of a finding or a step holds, as JSON has it.

    A dataclass without a form of its own becomes an object with its ``kind`` and its fields.
    """
    match value:
        case Certificate():
            return certificate_fields(value)
        case DistinguishedName():
            return value.rfc2253
        case HbaRule():
            return {**_place(value.location), "text": rule_text(value)}
        case RuleLocation():
            return _place(value)
        case ErrorLine():
            return {
                **_place(value.location),
                "message": value.message,
                "blocks_loading": value.blocks_loading,
            }
        case datetime():
            return iso(value)
        case Enum():
            return value.value
        case tuple() | list() | frozenset():
            return [json_value(each) for each in value]
        case _ if is_dataclass(value):
            return {"kind": kind_name(type(value)), **fields_of(value)}
        case IPv4Address() | IPv6Address():
            return str(value)
        case _:
            return value


def _place(location: RuleLocation) -> dict[str, object]:
    return {"file": location.file_name, "line": location.line_number}
