"""Findings as JSON: kind, fields and text of every kind."""

import json
from dataclasses import fields, replace

import pytest

from exporter.model.certificates_report import (
    CertificateFileUnread,
    InventoryGap,
    NextUnknown,
    NotFound,
)
from exporter.model.doubt import MembershipUnread, RuleInDoubt, SeveralVersions
from exporter.model.finding import (
    ExpiringThing,
    Expiry,
    Finding,
    LineInError,
    MoreNotInUse,
    NextCertificateUnknown,
    NoRuleMatches,
    NotDecided,
    PredatesRules,
    RuleGoverns,
    RuleRequires,
    RulesState,
    TlsFilesNotInForce,
    UsesCertificate,
    UsesOneOf,
    Weakness,
)
from exporter.model.hba import ErrorLine
from exporter.model.judgement import Demand, FilesInForce, HbaState
from exporter.publish.json.findings import finding_objects
from exporter.publish.json.report import report_json
from exporter.publish.words.findings.text import text
from tests.unit.certificates import distinguished
from tests.unit.publish.sentences import HANDSHAKE, SENDS, SENTENCES
from tests.unit.reports import (
    AUTHORITY,
    CERT_RULE,
    HBA,
    IN_USE,
    NOW,
    RECORD,
    RENEWED,
    REPLICA,
    REPORT,
    STARTED,
)

FINDINGS = tuple(finding for finding, _ in SENTENCES)
IN_USE_OBJECT = {
    "fingerprint": IN_USE.fingerprint,
    "subject": "CN=replicator,O=Lab",
    "issuer": "CN=Lab authority,O=Lab",
    "serial_number": "244837814094590",
    "not_before": "2025-12-10T12:00:00+00:00",
    "not_after": "2026-12-10T12:00:00+00:00",
}
RENEWED_OBJECT = {
    "fingerprint": RENEWED.fingerprint,
    "subject": "CN=replicator,O=Lab",
    "issuer": "CN=Lab authority,O=Lab",
    "serial_number": "7",
    "not_before": RENEWED.not_before.isoformat(),
    "not_after": "2027-09-16T12:00:00+00:00",
}


@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_has_kind_fields_and_text_and_can_be_dumped(finding: Finding) -> None:
    (written,) = finding_objects([finding])
    assert list(written) == ["kind", *(field.name for field in fields(finding)), "text"]
    assert written["text"] == text(finding)
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize(
    ("finding", "kind", "expected"),
    [
        (NoRuleMatches(), "no_rule_matches", {}),
        (
            RuleGoverns(CERT_RULE),
            "rule_governs",
            {
                "rule": {
                    "file": HBA,
                    "line": 12,
                    "text": "hostssl replication replicator 10.0.0.0/24 cert",
                }
            },
        ),
        (
            RuleRequires(Demand.CHAIN_BY_MAP, "cert"),
            "rule_requires",
            {"demand": "chain_by_map", "auth_method": "cert"},
        ),
        (
            NotDecided(SeveralVersions()),
            "not_decided",
            {"why": {"kind": "several_versions"}},
        ),
        (
            NotDecided(RuleInDoubt(CERT_RULE.location, (MembershipUnread("staff"),))),
            "not_decided",
            {
                "why": {
                    "kind": "rule_in_doubt",
                    "location": {"file": HBA, "line": 12},
                    "doubts": [{"kind": "membership_unread", "group": "staff"}],
                }
            },
        ),
        (
            PredatesRules(STARTED, NOW),
            "predates_rules",
            {
                "backend_start": "2026-11-08T12:00:00+00:00",
                "in_force_since": "2026-11-20T12:00:00+00:00",
            },
        ),
        (
            UsesCertificate(IN_USE, is_expired=True),
            "uses_certificate",
            {"certificate": IN_USE_OBJECT, "is_expired": True},
        ),
        (
            UsesOneOf((IN_USE, RENEWED)),
            "uses_one_of",
            {"candidates": [IN_USE_OBJECT, RENEWED_OBJECT]},
        ),
        (
            NextCertificateUnknown(
                NextUnknown(
                    NotFound(
                        CertificateFileUnread("db2", "denied", is_missing=False),
                        InventoryGap.NO_INVENTORY,
                    )
                )
            ),
            "next_certificate_unknown",
            {
                "unknown": {
                    "kind": "next_unknown",
                    "why": {
                        "kind": "not_found",
                        "standby": {
                            "kind": "certificate_file_unread",
                            "target": "db2",
                            "detail": "denied",
                            "is_missing": False,
                        },
                        "inventory": "no_inventory",
                    },
                }
            },
        ),
        (
            SENDS,
            "will_send",
            {
                "certificate": RENEWED_OBJECT,
                "path": "/home/postgres/replica.crt",
                "is_on_standby": False,
                "is_in_use": False,
                "is_renewed": False,
            },
        ),
        (
            replace(HANDSHAKE, weakness=Weakness(distinguished("a"), "", "RSA 1024")),
            "next_handshake",
            {
                "role": "replicator",
                "name": "admitted",
                "verification": "ok",
                "weakness": {
                    "kind": "weakness",
                    "subject": "CN=a,O=Lab",
                    "signature_algorithm": "",
                    "key_type": "RSA 1024",
                },
                "compares_name": True,
                "is_required": True,
            },
        ),
        (
            replace(HANDSHAKE, verification=None),
            "next_handshake",
            {
                "role": "replicator",
                "name": "admitted",
                "verification": None,
                "weakness": None,
                "compares_name": True,
                "is_required": True,
            },
        ),
        (
            TlsFilesNotInForce(FilesInForce.NOT_TAKEN),
            "tls_files_not_in_force",
            {"state": "not_taken"},
        ),
        (RulesState(HbaState.PENDING), "rules_state", {"state": "pending"}),
        (
            LineInError(ErrorLine(CERT_RULE.location, "x", blocks_loading=False)),
            "line_in_error",
            {"error": {"file": HBA, "line": 12, "message": "x", "blocks_loading": False}},
        ),
        (
            Expiry(ExpiringThing.AUTHORITY, AUTHORITY.subject, NOW, is_past=True),
            "expiry",
            {
                "thing": "authority",
                "name": "CN=Lab authority,O=Lab",
                "at": "2026-11-20T12:00:00+00:00",
                "is_past": True,
            },
        ),
        (MoreNotInUse(189), "more_not_in_use", {"number": 189}),
    ],
)
def test_a_finding_as_json(finding: Finding, kind: str, expected: dict[str, object]) -> None:
    assert finding_objects([finding]) == [{"kind": kind, **expected, "text": text(finding)}]


def test_findings_stand_in_their_order() -> None:
    assert [each["text"] for each in finding_objects(FINDINGS)] == [s for _, s in SENTENCES]
    assert finding_objects(()) == []


def test_the_report_has_findings_of_connections_rules_and_certificates() -> None:
    certificates = replace(REPORT.certificates, findings=(MoreNotInUse(3),))
    report = replace(REPORT, connections=(REPLICA,), certificates=certificates)
    (target,) = json.loads(report_json([replace(RECORD, report=report)]))["targets"]
    (connection,) = target["connections"]
    for written, findings in (
        (connection, REPLICA.findings),
        (target["rules"], (RulesState(HbaState.LOADED),)),
        (target["certificates"], (MoreNotInUse(3),)),
    ):
        assert written["findings"] == finding_objects(findings)
        # the sentences alone, as before there were findings
        assert written["explanation"] == [text(finding) for finding in findings]
