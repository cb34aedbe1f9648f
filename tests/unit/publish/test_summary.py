"""The exit code of ``check``, and the report as JSON."""

import json
from dataclasses import replace

import pytest

from exporter.model.judgement import Posture, Verdict
from exporter.model.record import TargetRecord
from exporter.publish.json.report import report_json
from exporter.publish.summary import exit_code
from tests.unit.reports import (
    BLIND,
    DOWN,
    HBA,
    LOCAL,
    NOT_POLLED,
    PLAINTEXT,
    RECORD,
    REPLICA,
    with_connections,
)

EXEMPT = replace(PLAINTEXT, verdict=Verdict.EXEMPT, exemption="legacy")
UNKNOWN = replace(REPLICA, verdict=Verdict.UNKNOWN, posture=Posture.CERTIFICATE_UNCONFIRMED)
HOSTILE_NAME = "evil\x1b[2J\u202e\n\ud800name"
HOSTILE = replace(REPLICA, wal_sender=replace(REPLICA.wal_sender, application_name=HOSTILE_NAME))


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ((), 0),
        ((with_connections(()),), 0),
        ((with_connections((REPLICA, LOCAL, EXEMPT)),), 0),
        ((with_connections((REPLICA, UNKNOWN)),), 3),
        ((with_connections((REPLICA,)), DOWN), 3),
        ((with_connections((REPLICA,)), BLIND), 3),
        ((NOT_POLLED,), 3),
        ((with_connections((UNKNOWN, PLAINTEXT)), DOWN), 2),
        ((RECORD,), 2),
    ],
)
def test_the_exit_code_of_insecure_takes_precedence_over_unknown(
    records: tuple[TargetRecord, ...], code: int
) -> None:
    assert exit_code(records) == code


def test_the_json_holds_what_the_table_holds() -> None:
    text = report_json((RECORD, DOWN, BLIND, NOT_POLLED, with_connections((HOSTILE,))))
    text.encode("ascii")
    report = json.loads(text)
    assert report["schema_version"] == 1
    assert report["totals"] == {
        "targets": 5,
        "targets_not_read": 3,
        "connections": {"insecure": 1, "unknown": 0, "exempt": 0, "secure": 3},
    }
    primary, down, blind, not_polled, hostile = report["targets"]
    assert [c["posture"] for c in primary["connections"]] == [
        "plaintext",
        "unix_socket",
        "certificate_required",
    ]
    assert primary["connections"][0]["reasons"][0] == "rule_trusts"
    assert primary["connections"][0]["rule"] == {
        "match": "governs",
        "file": HBA,
        "line": 14,
        "text": "host replication replicator 10.0.0.0/24 trust",
    }
    shown = primary["connections"][2]["tls"]["client_certificate"]
    assert shown["serial_number"] == "244837814094590"
    assert (down["up"], down["connections"], down["failure"]["reason"]) == (False, None, "timeout")
    assert blind["readers"]["wal_senders"]["reason"] == "permission"
    assert (not_polled["up"], not_polled["polled_at"]) == (None, None)
    assert hostile["connections"][0]["application_name"] == HOSTILE_NAME
