"""Steps in the report as JSON: their kinds and fields are names that programs rely on."""

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from exporter.model.client_steps import ClientStepKind
from exporter.model.remedy import Step
from exporter.model.server_steps import ServerStepKind
from exporter.publish.json.report import report_json
from exporter.publish.json.steps import step_fields
from exporter.publish.json.values import kind_name
from exporter.publish.words.steps.text import step_text
from tests.unit.publish.words.step_examples import CERTIFICATE, EXAMPLES
from tests.unit.reports import PLAINTEXT, with_connections

KINDS = {
    "accept_client": ["role", "database", "is_refused", "refused"],
    "accept_whole_name": ["current", "map_name", "map_line"],
    "change_name": ["current", "name", "map_name", "map_line"],
    "check_name": ["name"],
    "check_new_certificate": [],
    "check_tls_versions": ["version"],
    "choose_time": [],
    "close_rule": ["role", "database", "refused"],
    "complete_ca_file": [],
    "complete_pattern": ["unnamed", "has_others"],
    "configure_backup": [],
    "configure_standby": ["is_under_patroni"],
    "configure_subscription": [],
    "correct_in_patroni": [],
    "correct_line": ["location", "message", "mistake", "rules"],
    "correct_maps": ["server_version_number"],
    "correct_rules": [],
    "install_functions": [],
    "issue_certificate": ["name"],
    "load_maps": ["server_version_number"],
    "load_once": [],
    "load_rules": ["server_version_number"],
    "make_certificate_known": [],
    "narrow_map": ["role", "unnamed", "has_others"],
    "provide_valid_certificate": [],
    "reconnect": ["role", "application_name", "address"],
    "remove_duplicates": [],
    "renew_certificate": ["current", "cause", "name"],
    "renew_revocation_lists": [],
    "replace_certificate": ["name", "presented"],
    "request_certificates": [],
    "require_certificate": ["role", "database", "refused", "requests_no_password"],
    "require_tls_version": ["version"],
    "see_certificate": [],
    "try_connection": ["database", "parameters"],
    "use_certificate": ["certificate", "role"],
    "use_newer_tls": ["version"],
    "wait_for_backup": [],
}
"""None is renamed or removed within a version of the schema; one may be added."""


def written(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(step_fields(EXAMPLES[name], lambda line: line)))
    return found


def test_kinds_and_fields_keep_their_names() -> None:
    kinds = (*get_args(ServerStepKind), *get_args(ClientStepKind))
    assert {kind_name(kind): [f.name for f in fields(kind)] for kind in kinds} == KINDS


@pytest.mark.parametrize("step", EXAMPLES.values(), ids=EXAMPLES)
def test_a_step_of_every_kind_is_data_and_words(step: Step) -> None:
    found = step_fields(step, lambda line: f"> {line}")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["place", "kind", "fields", "edit", "action", "lines"]
    text = step_text(step)
    assert found["place"] == step.place.value
    assert found["action"] == text.action
    assert found["lines"] == [f"> {line}" for line in text.lines]
    assert list(found["fields"]) == KINDS[found["kind"]]
    assert (found["edit"] is None) is (step.edit is None)


def test_what_a_step_says_of_clients_and_names() -> None:
    assert written("close")["fields"] == {
        "role": "replica",
        "database": None,
        "refused": [
            {
                "kind": "other_client",
                "application_name": "other",
                "role": "replica",
                "address": "10.0.0.6",
                "security": "unencrypted",
                "certificate_name": None,
                "connections": 1,
            }
        ],
    }
    assert written("issue whole")["fields"] == {
        "name": {
            "kind": "name_requirement",
            "role": "replica",
            "is_whole": True,
            "names": ["CN=a,O=x", "CN=b"],
            "patterns": [],
            "map_name": "m",
        }
    }
    assert written("correct peer")["fields"] == {
        "location": {"file": "/etc/pg_hba.conf", "line": 7},
        "message": "m",
        "mistake": "peer_over_tcp",
        "rules": ["local all all peer"],
    }


def test_a_certificate_is_identified_and_its_bytes_stay_out() -> None:
    assert written("renew, revoked")["fields"]["current"] == {
        "kind": "known_certificate",
        "certificate": {
            "fingerprint": CERTIFICATE.fingerprint,
            "subject": "CN=standby-1,O=Lab",
            "issuer": "CN=Lab authority,O=Lab",
            "serial_number": "9",
            "not_before": "2026-01-19T12:00:00+00:00",
            "not_after": "2027-01-19T12:00:00+00:00",
        },
        "source": "inventory",
        "path": "/inventory/r.crt",
    }


def test_an_edit_of_a_file_is_complete_enough_for_a_program() -> None:
    assert written("require")["edit"] == {
        "type": "lines",
        "file": "pg_hba.conf",
        "file_name": "/etc/pg_hba.conf",
        "line": 7,
        "old": "host replication replica 10.0.0.0/8 scram-sha-256",
        "new": [
            "hostssl replication replica 10.0.0.0/8 cert",
            "host replication replica 10.0.0.0/8 reject",
        ],
        "below": None,
        "exact": True,
        "obstacles": [],
    }
    inserted = written("accept")["edit"]
    assert (inserted["old"], inserted["below"]) == (None, "host all all all scram-sha-256")
    begun = written("accept, without a rule")["edit"]
    assert (begun["file_name"], begun["line"], begun["exact"]) == (None, None, False)
    assert begun["obstacles"] == ["no_rules"]
    patroni = written("require, under Patroni")["edit"]
    assert (patroni["exact"], patroni["obstacles"]) == (False, ["changed", "managed"])


def test_an_edit_of_parameters_has_names_and_values() -> None:
    assert written("require a version")["edit"] == {
        "type": "parameters",
        "place": "postgresql.conf",
        "parameters": {"ssl_min_protocol_version": "TLSv1.2"},
        "managed": True,
    }
    assert written("backup")["edit"]["place"] == "program"


def test_the_report_has_the_steps_with_commands_as_they_are_to_be_typed() -> None:
    steps = (EXAMPLES["see"], EXAMPLES["install"])
    record = with_connections((replace(PLAINTEXT, remedy=steps),))
    (connection,) = json.loads(report_json([record]))["targets"][0]["connections"]
    see, install = connection["remedy"]
    assert see["kind"] == "see_certificate"
    assert see["lines"] == ["pg-replication-cert-exporter explain primary"]
    assert install["lines"][0].startswith("pg-replication-cert-exporter sql --role=repl_exporter")
