"""The kinds of value there are, each checked on its own; no message holds the value."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo

from exporter.config.files import file_fault
from exporter.config.parameters import SYSTEM_AUTHORITIES
from exporter.model.policy import LOOPBACK_EXEMPTION, IpNetwork

_DURATION = re.compile(
    "(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_UNIT_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LONGEST_SECONDS = 86_400.0
_SHORTEST_INTERVAL_SECONDS = 1.0
_LONGEST_NAME = 128
_LONGEST_TEXT = 1_024
_LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_VARIABLE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

OUR_LABELS = frozenset({"target", "cluster_name", "le", "quantile", "job", "instance"})
"""Labels with a meaning of their own: ours, and those that Prometheus sets or reads."""


def _duration(value: object) -> float:
    """Return seconds."""
    teach = 'must be a number and a unit, such as "30s" or "5m"'
    if not isinstance(value, str):
        raise ValueError(teach)  # noqa: TRY004  pydantic collects a ValueError, not a TypeError
    if re.fullmatch("[0-9]{1,9}", value):
        raise ValueError(f"{teach}: the unit is missing")
    found = _DURATION.fullmatch(value)
    if not value or not found:
        raise ValueError(teach)
    seconds = sum(
        int(number) * unit
        for number, unit in zip(found.groups(default="0"), _UNIT_SECONDS, strict=True)
    )
    if seconds <= 0:
        raise ValueError("must be more than 0")
    if seconds > _LONGEST_SECONDS:
        raise ValueError('must be at most "1d"')
    return seconds


def _interval(seconds: float) -> float:
    if seconds < _SHORTEST_INTERVAL_SECONDS:
        raise ValueError('must be at least "1s"')
    return seconds


def _text(longest: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value:
            raise ValueError("must not be empty")
        if len(value) > longest:
            raise ValueError(f"must be at most {longest} characters long")
        if not value.isprintable():
            raise ValueError("must not hold control characters")
        if value != value.strip():
            raise ValueError("must not begin or end with a blank")
        return value

    return check


def _label_name(value: str) -> str:
    if not _LABEL_NAME.fullmatch(value):
        raise ValueError(
            "is not a label name: write letters, digits and underscores, no digit at its beginning"
        )
    if value.startswith("__"):
        raise ValueError('is reserved: label names that begin with "__" are Prometheus\'s own')
    if value in OUR_LABELS:
        raise ValueError("is a label with a meaning of its own: choose another name")
    return value


def _label_value(value: str) -> str:
    # Prometheus treats an empty label as absent; it may be written to make that explicit.
    return _text(_LONGEST_TEXT)(value) if value else value


def _password(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _variable_name(value: str) -> str:
    if not _VARIABLE_NAME.fullmatch(value):
        raise ValueError("must be the name of an environment variable")
    return value


def _network(value: object) -> IpNetwork:
    teach = 'must be an IP address or network, such as "10.1.0.0/16" or "2001:db8::/32"'
    if not isinstance(value, str) or "%" in value:
        raise ValueError(teach)
    try:
        loose = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(teach) from None
    if loose.network_address != ip_address(value.partition("/")[0]):
        raise ValueError(f"has address bits behind its mask: write {loose.with_prefixlen}")
    return loose


class Never(StrEnum):
    """The value of ``until`` for an exemption without an end."""

    NEVER = "never"


def _until(value: object) -> datetime | Never:
    """Return the end of that day in UTC: the first instant after it."""
    teach = 'must be a date, such as "2027-01-31", or never'
    if value == Never.NEVER.value:
        return Never.NEVER
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError(teach)
    try:
        last = date.fromisoformat(value)
        return datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ValueError(f"{teach}: this day does not exist") from None


def _exemption_name(value: str) -> str:
    if value == LOOPBACK_EXEMPTION:
        raise ValueError(
            "is the name of the built-in exemption: choose another, or set exempt_loopback"
        )
    return value


def _server_name(value: str) -> str:
    # A list of hosts or a connection string here by mistake.
    if any(sign in value for sign in ("/", "@", ",", "=", " ")):
        raise ValueError("must be one host name or IP address")
    return value


def _trust_file(value: str, info: ValidationInfo[Path]) -> str:
    """Return ``system`` or an absolute path; ``info.context`` is where a relative one starts."""
    if value == SYSTEM_AUTHORITIES[1]:
        return value
    file = (info.context / value).absolute()
    if fault := file_fault(file):
        raise ValueError(fault)
    return str(file)


T = TypeVar("T")


def _some(values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise ValueError("must not be empty: name at least one, or leave the key out")
    return values


def _as_tuple(value: object) -> object:
    """Make a tuple of a list, because settings are frozen; a single text stays what it is."""
    return tuple(value) if isinstance(value, list) else value


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else _as_tuple(value)


Duration = Annotated[float, PlainValidator(_duration)]
Interval = Annotated[float, PlainValidator(_duration), AfterValidator(_interval)]
Name = Annotated[str, AfterValidator(_text(_LONGEST_NAME))]
ExemptionName = Annotated[Name, AfterValidator(_exemption_name)]
Text = Annotated[str, AfterValidator(_text(_LONGEST_TEXT))]
ServerName = Annotated[Text, AfterValidator(_server_name)]
TrustFile = Annotated[Text, AfterValidator(_trust_file)]
Secret = Annotated[str, AfterValidator(_password)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
LabelName = Annotated[str, AfterValidator(_label_name)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Until = Annotated[datetime | Never, PlainValidator(_until)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple), AfterValidator(_some)]
Networks = Annotated[
    tuple[Annotated[IpNetwork, PlainValidator(_network)], ...],
    BeforeValidator(_as_tuple),
    AfterValidator(_some),
]
Patterns = Annotated[tuple[Text, ...], BeforeValidator(_one_or_more), AfterValidator(_some)]
