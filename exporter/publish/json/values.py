"""Single values as JSON has them."""

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.hba import ErrorLine, HbaRule, RuleLocation
from exporter.model.rule_text import rule_text


def iso(at: datetime | None) -> str | None:
    """Return a date and time as ISO 8601 in UTC; null for what is not known."""
    return None if at is None else at.astimezone(UTC).isoformat()


def kind_of(value: object) -> str:
    """Return the name of a kind of finding or step: ``RuleGoverns`` is ``rule_governs``."""
    name = type(value).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    """Return the fields of a dataclass as JSON has them."""
    return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}


def json_value(value: object) -> object:  # noqa: PLR0911  one case for each type
    """Return the value of a field of a finding or a step in its JSON form.

    A dataclass without a form of its own becomes an object with its ``kind`` and its fields.
    """
    match value:
        case Certificate():
            return {
                "fingerprint": value.fingerprint,
                "subject": value.subject.rfc2253,
                # as text: it has up to 20 bytes, which JSON readers do not read exactly as a number
                "serial_number": str(value.serial_number),
                "not_after": iso(value.not_after),
            }
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
            return {"kind": kind_of(value), **fields_of(value)}
        case _:
            return value


def _place(location: RuleLocation) -> dict[str, object]:
    return {"file": location.file_name, "line": location.line_number}
