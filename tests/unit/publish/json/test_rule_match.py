"""What the report says about the rule that governs a connection."""

import json
from dataclasses import replace

import pytest

from exporter.model.doubt import AddressNotShown, RuleInDoubt, SeveralVersions
from exporter.model.report import Governs, NoRule, RuleMatch, Undecided
from exporter.publish.json.report import report_json
from tests.unit.reports import CERT_RULE, HBA, RECORD, REPLICA, TRUST_RULE, with_connections

CERT_OBJECT = {
    "file": HBA,
    "line": 12,
    "text": "hostssl replication replicator 10.0.0.0/24 cert",
}
TRUST_OBJECT = {
    "file": HBA,
    "line": 14,
    "text": "host replication replicator 10.0.0.0/24 trust",
}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Governs(CERT_RULE), {"match": "governs", **CERT_OBJECT}),
        (NoRule(), {"match": "none"}),
        (
            Undecided(
                (CERT_RULE, TRUST_RULE),
                may_match_none=True,
                why=(SeveralVersions(), RuleInDoubt(CERT_RULE.location, (AddressNotShown(),))),
            ),
            {
                "match": "undecided",
                "candidates": [CERT_OBJECT, TRUST_OBJECT],
                "may_match_none": True,
                "why": [
                    "Several versions of the rules may be in force.",
                    f"{HBA}, line 12: the server does not show its address.",
                ],
            },
        ),
    ],
)
def test_the_match_of_a_rule(match: RuleMatch, expected: dict[str, object]) -> None:
    record = with_connections([replace(REPLICA, rule_match=match)], RECORD)
    (target,) = json.loads(report_json([record]))["targets"]
    (connection,) = target["connections"]
    assert connection["rule"] == expected
