"""Single values as JSON has them."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum

import pytest

from exporter.model.certificate import DistinguishedName
from exporter.model.certificates_report import NameFit, StandbysDiffer
from exporter.model.doubt import MembershipUnread
from exporter.model.finding import NoRuleMatches, RuleGoverns, TlsTurnedOff, UsesOneOf
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import HbaState
from exporter.publish.json.values import fields_of, iso, json_value, kind_name
from tests.unit.reports import CERT_RULE, HBA, IN_USE, NOW

EAST = timezone(timedelta(hours=2))


@dataclass(frozen=True)
class Nested:
    inner: MembershipUnread
    several: tuple[object, ...]


class Number(Enum):
    ONE = 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (NOW, "2026-11-20T12:00:00+00:00"),
        (datetime(2026, 11, 20, 1, 2, 3, 4, tzinfo=EAST), "2026-11-19T23:02:03.000004+00:00"),
    ],
)
def test_dates_are_iso_8601_in_utc(at: datetime | None, text: str | None) -> None:
    assert iso(at) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (NoRuleMatches(), "no_rule_matches"),
        (RuleGoverns(CERT_RULE), "rule_governs"),
        (TlsTurnedOff(), "tls_turned_off"),
        (UsesOneOf(()), "uses_one_of"),
        (Nested(MembershipUnread(""), ()), "nested"),
    ],
)
def test_a_kind_is_named_after_its_type(value: object, kind: str) -> None:
    assert kind_name(type(value)) == kind


def test_fields_are_those_of_the_dataclass_in_their_order() -> None:
    assert fields_of(NoRuleMatches()) == {}
    assert list(fields_of(ErrorLine(RuleLocation("x", 1), "y", blocks_loading=True))) == [
        "location",
        "message",
        "blocks_loading",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (HbaState.LOADED, "loaded"),
        (NameFit.UNDECIDED, "undecided"),
        (Number.ONE, 1),
        (datetime(2026, 11, 20, 14, 0, tzinfo=EAST), "2026-11-20T12:00:00+00:00"),
        (DistinguishedName("/O=Lab/CN=x", "CN=x,O=Lab", ("x",)), "CN=x,O=Lab"),
        (RuleLocation(HBA, 3), {"file": HBA, "line": 3}),
        (
            CERT_RULE,
            {
                "file": HBA,
                "line": 12,
                "text": "hostssl replication replicator 10.0.0.0/24 cert",
            },
        ),
        (
            ErrorLine(RuleLocation(HBA, 3), "bad", blocks_loading=True),
            {"file": HBA, "line": 3, "message": "bad", "blocks_loading": True},
        ),
        ((), []),
        ((1, (2, "x")), [1, [2, "x"]]),
        ([HbaState.PENDING], ["pending"]),
        (frozenset({"one"}), ["one"]),
        (
            StandbysDiffer(("db2", "db3")),
            {"kind": "standbys_differ", "standbys": ["db2", "db3"]},
        ),
        (
            Nested(MembershipUnread("staff"), (NoRuleMatches(), NOW)),
            {
                "kind": "nested",
                "inner": {"kind": "membership_unread", "group": "staff"},
                "several": [{"kind": "no_rule_matches"}, "2026-11-20T12:00:00+00:00"],
            },
        ),
    ],
)
def test_a_value_as_json(value: object, expected: object) -> None:
    written = json_value(value)
    assert written == expected
    assert type(written) is type(expected)
    assert json.loads(json.dumps(written)) == expected


def test_serial_numbers_are_text_because_no_reader_has_numbers_that_large() -> None:
    largest = replace(IN_USE, serial_number=2**159)
    written = json_value(largest)
    assert isinstance(written, dict)
    assert written == {
        "fingerprint": IN_USE.fingerprint,
        "subject": "CN=replicator,O=Lab",
        "issuer": "CN=Lab authority,O=Lab",
        "serial_number": str(2**159),
        "not_before": "2025-12-10T12:00:00+00:00",
        "not_after": "2026-12-10T12:00:00+00:00",
    }


def test_a_hostile_name_is_plain_ascii_once_it_is_dumped() -> None:
    name = "evil\x1b\u202e\ud800"
    assert json.dumps(json_value(MembershipUnread(name))).isascii()
    assert json_value(MembershipUnread(name)) == {"kind": "membership_unread", "group": name}
