"""The board: what it keeps of polls, and what a new configuration does to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporter.assess.report import failed
from exporter.board import Board
from exporter.model.failure import FailureReason, Unread
from exporter.model.history import FileHistory, RulesHistory
from exporter.model.judgement import Verdict
from exporter.model.knowledge import Knowledge
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.model.wal_sender import ReplicationKind
from exporter.observe.certificates.tls.verification import verify

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TARGET = Target("db1", {"host": "127.0.0.1"})
OTHER = Target("db2", {"host": "127.0.0.2"})
REFUSED = failed(
    TARGET,
    Unread(FailureReason.REFUSED, "no server listens"),
    Knowledge(verify),
    at=AT,
    duration_seconds=0.1,
)
READ: TargetReport = replace(REFUSED, failure=None, connections=())


def test_a_target_that_was_never_polled_has_no_report() -> None:
    (record,) = Board([TARGET]).snapshot()
    assert (record.report, record.polls, record.last_success) == (None, 0, None)


def test_a_failed_poll_is_counted_by_its_reason_and_is_no_success() -> None:
    board = Board([TARGET])
    board.post(REFUSED, RulesHistory())
    record = board.record("db1")
    assert record.polls == 1
    assert record.failures[FailureReason.REFUSED] == 1
    assert record.last_success is None


def test_the_last_success_outlives_a_failure() -> None:
    board = Board([TARGET])
    board.post(READ, RulesHistory())
    board.post(replace(REFUSED, polled_at=AT + timedelta(minutes=1)), RulesHistory())
    assert board.record("db1").last_success == AT


def test_every_kind_and_verdict_of_session_is_counted_from_zero() -> None:
    counts = Board([TARGET]).record("db1").sessions_observed
    assert set(counts) == {(k, v) for k in ReplicationKind for v in Verdict}
    assert set(counts.values()) == {0}


def test_an_unchanged_record_is_the_same_object() -> None:
    board = Board([TARGET, OTHER])
    before = board.record("db2")
    board.post(READ, RulesHistory())
    assert board.record("db2") is before


def test_the_report_of_a_target_that_is_gone_is_dropped() -> None:
    board = Board([OTHER])
    board.post(READ, RulesHistory())
    assert [r.target.name for r in board.snapshot()] == ["db2"]


def test_the_report_under_an_older_configuration_is_dropped() -> None:
    board = Board([replace(TARGET, interval_seconds=30.0)])
    board.post(READ, RulesHistory())
    assert board.record("db1").report is None


def test_the_history_comes_back_as_it_was_posted() -> None:
    board = Board([TARGET])
    history = RulesHistory(hba=FileHistory(complete=True))
    board.post(READ, history)
    assert board.history("db1") is history


def test_another_system_identifier_is_reported_once_and_forgets_the_history() -> None:
    board = Board([TARGET])
    board.post(READ, RulesHistory(hba=FileHistory(complete=True)))
    assert board.same_cluster("db1", "1")
    assert board.same_cluster("db1", "1")
    assert not board.same_cluster("db1", "2")
    assert board.history("db1") == RulesHistory()
    assert board.same_cluster("db1", "2")


def test_an_identifier_that_may_not_be_read_changes_nothing() -> None:
    board = Board([TARGET])
    assert board.same_cluster("db1", "1")
    assert board.same_cluster("db1", None)
    assert board.same_cluster("db1", "1")


def test_a_new_configuration_keeps_what_did_not_change() -> None:
    board = Board([TARGET, OTHER])
    board.post(READ, RulesHistory(hba=FileHistory(complete=True)))
    board.configure([TARGET, replace(OTHER, timeout_seconds=5.0)])
    assert board.record("db1").polls == 1
    assert board.history("db1").hba.complete
    assert board.record("db2").report is None


def test_a_target_with_a_changed_configuration_starts_over() -> None:
    board = Board([TARGET])
    board.post(READ, RulesHistory(hba=FileHistory(complete=True)))
    board.configure([replace(TARGET, timeout_seconds=5.0)])
    assert board.record("db1").polls == 0
    assert board.history("db1") == RulesHistory()
