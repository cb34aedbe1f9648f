"""The report as JSON, for programs: ``check --output json``.

Its shape is described in document.py, and in docs/report.schema.json, which is generated from it.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from exporter.model.failure import Unread
from exporter.model.hba import HbaRule
from exporter.model.observation import Server
from exporter.model.record import TargetRecord
from exporter.model.report import (
    Connection,
    ExemptionUse,
    Governs,
    NoRule,
    RulesReport,
    TargetReport,
    Undecided,
)
from exporter.model.rule_text import rule_text
from exporter.model.wal_sender import OtherPeer, TlsSession
from exporter.publish.json.certificates import connection_certificates, target_certificates
from exporter.publish.json.document import SCHEMA_VERSION
from exporter.publish.json.findings import finding_objects
from exporter.publish.json.steps import Written, step_fields
from exporter.publish.json.values import iso
from exporter.publish.reading import WORST_FIRST, host_text
from exporter.publish.summary import seen_connections, totals
from exporter.publish.words.findings.text import texts
from exporter.publish.words.own_command import DEFAULT_COMMAND, OwnCommand
from exporter.publish.words.unknown import undecided_text

# Any: what json.dumps takes
_Object = dict[str, Any]


def report_json(records: Sequence[TargetRecord], own: OwnCommand = DEFAULT_COMMAND) -> str:
    """Return the report of ``records`` as indented ASCII JSON with a final newline.

    Args:
        records: of all targets.
        own: how the exporter was called.
    """
    sums = totals(records)
    report = {
        "schema_version": SCHEMA_VERSION,
        "totals": {
            "targets": sums.targets,
            "targets_not_read": sums.unseen,
            "connections": {v.value: sums.connections[v] for v in WORST_FIRST},
        },
        "targets": [_target(record, own) for record in records],
    }
    return json.dumps(report, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _unread(unread: Unread | None) -> _Object | None:
    return None if unread is None else {"reason": unread.reason.value, "detail": unread.detail}


def _target(record: TargetRecord, own: OwnCommand) -> _Object:
    # what was judged was judged under the report's target, which may be older than the record's
    target = record.target if record.report is None else record.report.target
    head: _Object = {
        "name": target.name,
        "cluster_name": target.cluster_name,
        "labels": dict(target.labels),
        "policy": {
            "require": target.policy.require.value,
            "min_tls_version": target.policy.minimum_tls_version.value,
        },
    }
    return head | _report(record, record.report, partial(own.line, target=target))


def _report(record: TargetRecord, report: TargetReport | None, written: Written) -> _Object:
    if report is None:
        names = ("polled_at", "duration_seconds", "up", "failure", "readers", "server", "rules")
        return dict.fromkeys((*names, "exemptions", "certificates", "connections"))
    connections = seen_connections(record)
    return {
        "polled_at": iso(report.polled_at),
        "duration_seconds": report.duration_seconds,
        "up": report.failure is None,
        "failure": _unread(report.failure),
        "readers": {reader.value: _unread(u) for reader, u in report.readers.items()},
        "server": _server(report.server),
        "rules": _rules(report.rules, written),
        "exemptions": [_exemption(use) for use in report.exemptions],
        "certificates": target_certificates(report.certificates),
        "connections": None
        if connections is None
        else [_connection(c, written) for c in connections],
    }


def _server(server: Server | None) -> _Object | None:
    if server is None:
        return None
    return {
        "version": server.version,
        "system_identifier": server.system_identifier,
        "in_recovery": server.in_recovery,
        "started_at": iso(server.started_at),
        "configuration_loaded_at": iso(server.configuration_loaded_at),
        "tls_enabled": server.tls_enabled,
        "requests_client_certificate": server.requests_client_certificate,
    }


def _rules(rules: RulesReport | None, written: Written) -> _Object | None:
    if rules is None:
        return None
    return {
        "state": rules.state.value,
        "error_lines": [
            {
                "file": error.location.file_name,
                "line": error.location.line_number,
                "message": error.message,
                "blocks_loading": error.blocks_loading,
            }
            for error in rules.error_lines
        ],
        "findings": finding_objects(rules.findings),
        "explanation": list(texts(rules.findings)),
        "remedy": [step_fields(step, written) for step in rules.remedy],
    }


def _exemption(use: ExemptionUse) -> _Object:
    return {
        "name": use.name,
        "reason": use.reason,
        "until": iso(use.until),
        "connections": use.connections,
    }


def _connection(connection: Connection, written: Written) -> _Object:
    sender = connection.wal_sender
    peer = sender.peer
    return {
        "application_name": sender.application_name,
        "role": sender.role,
        "client_addr": None if isinstance(peer, OtherPeer) else host_text(peer.address),
        "peer": peer.value if isinstance(peer, OtherPeer) else "tcp",
        "kind": sender.kind.value,
        "database": sender.database,
        "pid": sender.pid,
        "backend_start": iso(sender.backend_start),
        "activity": sender.activity.value,
        "state": sender.state,
        "slot_name": sender.slot_name,
        "sync_state": sender.sync_state,
        "tls": _tls(sender.tls, connection),
        "gss_encrypted": sender.gss_encrypted,
        "posture": connection.posture.value,
        "verdict": connection.verdict.value,
        "reasons": [reason.value for reason in connection.reasons],
        "exemption": connection.exemption or None,
        "rule": _rule_match(connection),
        "predates_rules": connection.predates_rules,
        "forecast": connection.forecast.value,
        "forecast_cause": connection.forecast_cause.value or None,
        **connection_certificates(connection),
        "findings": finding_objects(connection.findings),
        "explanation": list(texts(connection.findings)),
        "remedy": [step_fields(step, written) for step in connection.remedy],
    }


def _tls(tls: TlsSession | None, connection: Connection) -> _Object | None:
    if tls is None:
        return None
    shown = tls.client_certificate
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "client_certificate": None
        if shown is None
        else {
            "common_name": connection.certificate_name,
            "issuer_common_name": connection.issuer_name,
            # as text: it has up to 20 bytes, which JSON readers do not read exactly as a number
            "serial_number": str(shown.serial_number),
        },
    }


def _rule_match(connection: Connection) -> _Object:
    match connection.rule_match:
        case Governs(rule):
            return {"match": "governs", **_rule(rule)}
        case NoRule():
            return {"match": "none"}
        case Undecided() as match:
            return {
                "match": "undecided",
                "candidates": [_rule(rule) for rule in match.candidates],
                "may_match_none": match.may_match_none,
                "why": list(map(undecided_text, match.why)),
            }


def _rule(rule: HbaRule) -> _Object:
    return {
        "file": rule.location.file_name,
        "line": rule.location.line_number,
        "text": rule_text(rule),
    }
