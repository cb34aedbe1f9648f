"""What each family exposes of a record, as documented."""

import math
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.report import Connection, NoRule, RulesReport, Undecided
from exporter.model.wal_sender import ReplicationKind, TcpPeer
from exporter.publish.metrics.catalog import PER_TARGET
from exporter.publish.metrics.catalog_connection import MAX_SERIES
from tests.unit.publish.metrics.scrape import names, scraped, values
from tests.unit.reports import (
    BLIND,
    CERT_RULE,
    DOWN,
    HBA,
    IN_USE,
    LOCAL,
    NOT_POLLED,
    NOW,
    PLAINTEXT,
    RECORD,
    REPLICA,
    REPORT,
    TARGET,
    WAL_SENDER,
    named,
    with_connections,
)

KEY = ("application_name", "usename", "client_addr", "kind")
CONNECTION_FAMILIES = {
    "pgrepl_connections",
    "pgrepl_target_connections",
    "pgrepl_connection_info",
    "pgrepl_connection_reason",
    "pgrepl_connection_predates_rules",
    "pgrepl_connection_forecast",
    "pgrepl_connection_certificate_not_after_timestamp_seconds",
    "pgrepl_connection_breaks_timestamp_seconds",
    "pgrepl_client_certificate_pending",
    "pgrepl_series_dropped",
    "pgrepl_exemption_connections",
}


def sent_by(connection: Connection, application_name: str, pid: int = 1) -> Connection:
    sender = replace(connection.wal_sender, application_name=application_name, pid=pid)
    return replace(connection, wal_sender=sender)


def test_every_family_of_the_catalogue_is_filled_by_some_record() -> None:
    samples = names(scraped(RECORD, DOWN, BLIND))
    assert {family.full_name for family in PER_TARGET} <= samples


def test_before_the_first_poll_a_target_is_only_counted() -> None:
    series = scraped(NOT_POLLED)
    assert not [labels for _, labels in series if "target" in dict(labels)]
    assert values(series, "pgrepl_targets") == {(): 1}


def test_a_target_that_cannot_be_read_is_down_and_has_no_connections() -> None:
    series = scraped(DOWN)
    assert values(series, "pgrepl_up", "target") == {("standby",): 0}
    assert values(series, "pgrepl_target_failure", "reason") == {("timeout",): 1}
    assert not names(series) & CONNECTION_FAMILIES
    assert "pgrepl_server_info" not in names(series)
    assert "pgrepl_hba_state" not in names(series)


def test_a_failed_poll_keeps_what_it_read_of_the_server_but_no_connections() -> None:
    half = replace(REPORT, failure=Unread(FailureReason.TIMEOUT))
    series = scraped(replace(RECORD, report=half))
    assert values(series, "pgrepl_server_tls", "target") == {("primary",): 1}
    assert not names(series) & CONNECTION_FAMILIES


def test_blindness_is_not_a_zero() -> None:
    series = scraped(BLIND)
    assert values(series, "pgrepl_reader_success", "reader")[("wal_senders",)] == 0
    assert values(series, "pgrepl_reader_failure", "reader", "reason") == {
        ("wal_senders", "permission"): 1,
        ("file_times", "not_installed"): 1,
    }
    assert not names(series) & CONNECTION_FAMILIES


def test_a_target_that_is_up_has_no_failure() -> None:
    assert "pgrepl_target_failure" not in names(scraped(RECORD))


def test_no_connections_is_a_known_zero_of_every_verdict() -> None:
    series = scraped(with_connections(()))
    assert values(series, "pgrepl_target_connections", "verdict") == {
        ("secure",): 0,
        ("insecure",): 0,
        ("exempt",): 0,
        ("unknown",): 0,
    }
    assert "pgrepl_connections" not in names(series)


def test_sessions_observed_are_reported_in_all_combinations() -> None:
    samples = values(scraped(RECORD), "pgrepl_sessions_observed_total", "kind", "verdict")
    assert set(samples) == {(k.value, v.value) for k in ReplicationKind for v in Verdict}
    assert {key: value for key, value in samples.items() if value} == {
        ("physical", "secure"): 2,
        ("physical", "insecure"): 1,
    }


@pytest.mark.parametrize("state", list(HbaState))
def test_one_hba_state_is_1_and_the_others_are_0(state: HbaState) -> None:
    rules = RulesReport(state, (), (), ())
    samples = values(
        scraped(replace(RECORD, report=replace(REPORT, rules=rules))), "pgrepl_hba_state", "state"
    )
    assert samples == {(other.value,): float(other is state) for other in HbaState}


def test_only_lines_that_block_loading_are_error_lines() -> None:
    lines = (
        ErrorLine(RuleLocation(HBA, 3), "invalid connection type", blocks_loading=True),
        ErrorLine(RuleLocation(HBA, 4), "hostssl without ssl", blocks_loading=False),
    )
    rules = RulesReport(HbaState.REJECTED, lines, (), ())
    series = scraped(replace(RECORD, report=replace(REPORT, rules=rules)))
    assert values(series, "pgrepl_hba_error_lines") == {(): 1}


def test_rules_that_cannot_be_read_have_no_number_of_error_lines() -> None:
    rules = RulesReport(HbaState.UNREADABLE, (), (), ())
    series = scraped(replace(RECORD, report=replace(REPORT, rules=rules)))
    assert "pgrepl_hba_error_lines" not in names(series)


def test_an_exemption_without_end_ends_at_infinity() -> None:
    samples = values(scraped(RECORD), "pgrepl_exemption_end_timestamp_seconds", "exemption")
    assert samples == {("loopback",): math.inf}


def test_configured_labels_are_those_of_the_target_info() -> None:
    labelled = replace(TARGET, labels={"team": "storage", "az": "b"})
    series = scraped(replace(RECORD, report=replace(REPORT, target=labelled)))
    assert values(series, "pgrepl_target_info", "cluster_name", "team", "az") == {
        ("main", "storage", "b"): 1
    }


def test_connections_of_equal_key_are_counted() -> None:
    twins = [sent_by(REPLICA, "standby1", pid) for pid in (1, 2, 3)]
    samples = values(
        scraped(with_connections(twins)), "pgrepl_connections", *KEY, "posture", "verdict"
    )
    assert samples == {
        ("standby1", "replicator", "10.0.0.5", "physical", "certificate_required", "secure"): 3
    }


def test_connections_of_equal_key_and_different_posture_are_counted_apart() -> None:
    other = replace(REPLICA, posture=Posture.CERTIFICATE_OPTIONAL, verdict=Verdict.INSECURE)
    samples = values(
        scraped(with_connections((REPLICA, REPLICA, other))), "pgrepl_connections", "posture"
    )
    assert samples == {("certificate_required",): 2, ("certificate_optional",): 1}


def test_the_worst_verdict_of_equal_key_is_described() -> None:
    bad = replace(
        REPLICA,
        posture=Posture.CERTIFICATE_OPTIONAL,
        verdict=Verdict.INSECURE,
        reasons=(Reason.RULE_USES_PASSWORD,),
    )
    unknown = replace(REPLICA, posture=Posture.HIDDEN, verdict=Verdict.UNKNOWN)
    series = scraped(with_connections((REPLICA, unknown, bad)))
    assert values(series, "pgrepl_connection_reason", "reason") == {("rule_uses_password",): 1}


def test_the_worst_posture_of_equal_verdict_is_described() -> None:
    insecure = replace(REPLICA, verdict=Verdict.INSECURE)
    optional = replace(insecure, posture=Posture.CERTIFICATE_OPTIONAL, predates_rules=False)
    plaintext = replace(insecure, posture=Posture.PLAINTEXT, predates_rules=True)
    series = scraped(with_connections((optional, plaintext)))
    assert values(series, "pgrepl_connection_predates_rules", *KEY) == {
        ("standby1", "replicator", "10.0.0.5", "physical"): 1
    }


def test_the_oldest_of_equally_bad_connections_is_described() -> None:
    older = replace(
        REPLICA,
        wal_sender=replace(WAL_SENDER, backend_start=NOW - timedelta(days=9), slot_name="old"),
    )
    series = scraped(with_connections((REPLICA, older)))
    assert values(series, "pgrepl_connection_info", "slot_name") == {("old",): 1}


def test_what_is_not_known_of_the_age_is_absent() -> None:
    series = scraped(with_connections((replace(REPLICA, predates_rules=None),)))
    assert "pgrepl_connection_predates_rules" not in names(series)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pg_16394_sync_16388_7423456789012345678", "pg_sync"),
        ("pg_16394_sync_16388_", "pg_16394_sync_16388_"),
        ("pg_a_sync_1_2", "pg_a_sync_1_2"),
        ("xpg_1_sync_2_3", "xpg_1_sync_2_3"),
        ("pg_1_sync_2_3x", "pg_1_sync_2_3x"),
        ("pg_1_sync_2_3\n", "pg_1_sync_2_3\n"),
        ("pg_\u0661_sync_2_3", "pg_\u0661_sync_2_3"),
    ],
)
def test_only_table_synchronisation_workers_fold(name: str, expected: str) -> None:
    series = scraped(with_connections((sent_by(REPLICA, name),)))
    assert values(series, "pgrepl_connections", "application_name") == {(expected,): 1}


def test_a_unix_socket_has_no_address() -> None:
    assert values(scraped(with_connections((LOCAL,))), "pgrepl_connections", "client_addr") == {
        ("",): 1
    }


def test_a_mapped_address_is_written_as_postgresql_writes_it() -> None:
    sender = replace(WAL_SENDER, peer=TcpPeer(ip_address("::ffff:10.0.0.9"), 1))
    series = scraped(with_connections((replace(REPLICA, wal_sender=sender),)))
    assert values(series, "pgrepl_connections", "client_addr") == {("::ffff:10.0.0.9",): 1}


def test_the_info_shows_rule_certificate_and_slot() -> None:
    labels = (
        "tls_version", "auth_method", "hba_file", "hba_line", "serial_number", "certificate_cn",
        "issuer_cn", "fingerprint", "slot_name", "sync_state", "activity",
    )  # fmt: skip
    assert values(scraped(with_connections((REPLICA,))), "pgrepl_connection_info", *labels) == {
        (
            "TLSv1.3", "cert", HBA, "12", "244837814094590", "replicator",
            "Lab authority", IN_USE.key[0], "standby1", "async", "streaming",
        ): 1
    }  # fmt: skip


@pytest.mark.parametrize("match", [NoRule(), Undecided((CERT_RULE,), may_match_none=True, why=())])
def test_a_rule_is_only_named_when_exactly_one_governs(match: NoRule | Undecided) -> None:
    series = scraped(with_connections((replace(REPLICA, rule_match=match),)))
    assert values(series, "pgrepl_connection_info", "auth_method", "hba_file", "hba_line") == {
        ("", "", ""): 1
    }


def test_beyond_the_cap_secure_connections_are_left_out_first_and_counted() -> None:
    secure = [sent_by(REPLICA, f"good{i}") for i in range(MAX_SERIES)]
    bad = [sent_by(PLAINTEXT, f"bad{i}") for i in range(5)]
    series = scraped(with_connections([*secure, *bad]))
    samples = values(series, "pgrepl_connections", "application_name", "verdict")
    assert len(samples) == MAX_SERIES
    assert sum(verdict == "insecure" for _, verdict in samples) == 5
    assert values(series, "pgrepl_series_dropped", "family") == {
        ("pgrepl_connections",): 5,
        ("pgrepl_connection_info",): 5,
        ("pgrepl_connection_reason",): 0,
        ("pgrepl_connection_predates_rules",): 5,
        ("pgrepl_connection_forecast",): 5,
        ("pgrepl_connection_certificate_not_after_timestamp_seconds",): 0,
        ("pgrepl_connection_breaks_timestamp_seconds",): 0,
        ("pgrepl_client_certificate_pending",): 0,
    }
    assert values(series, "pgrepl_target_connections", "verdict")[("secure",)] == MAX_SERIES


def test_a_reason_that_was_found_twice_is_reported_once() -> None:
    twice = replace(PLAINTEXT, reasons=(Reason.RULE_TRUSTS, Reason.RULE_TRUSTS))
    assert values(scraped(with_connections((twice,))), "pgrepl_connection_reason", "reason") == {
        ("rule_trusts",): 1
    }


def test_two_targets_each_expose_their_own() -> None:
    samples = values(scraped(RECORD, named(RECORD, "other")), "pgrepl_up", "target")
    assert samples == {("primary",): 1, ("other",): 1}
