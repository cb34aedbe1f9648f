"""A role that may not see enough: reported as blind, never as secure or as a healthy zero."""

from collections.abc import Iterator

import pytest

from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.report import TargetReport
from exporter.publish.summary import exit_code
from exporter.publish.terminal.explain import explain_text
from exporter.publish.terminal.table import connections_table
from lab import modes
from lab.wait import until
from tests.live.primaries import MAJORS, Primaries
from tests.live.scenarios.stage import (
    Stage,
    connections_of,
    stage,
    staged,
)
from tests.unit.publish.metrics.scrape import names, scraped, values

pytestmark = pytest.mark.live

SHOWN = (
    modes.CERTIFICATE_REQUIRED,
    modes.CERTIFICATE_NOT_ASKED_FOR,
    modes.TLS_WITHOUT_CERTIFICATE,
    modes.PLAINTEXT,
    modes.UNIX_SOCKET,
    modes.MAPPED_LITERALLY,
)
EVERYBODY = "host postgres all 127.0.0.1/32 trust\n"
ROLES = """
CREATE ROLE blind LOGIN;
CREATE ROLE sees LOGIN;
GRANT pg_read_all_stats TO sees;
CREATE ROLE noinherit LOGIN NOINHERIT;
GRANT pg_read_all_stats TO noinherit;
"""
INHERITANCE_COUNTS_SINCE = 15


@pytest.fixture(scope="module", params=MAJORS)
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, EVERYBODY + modes.hba_text(SHOWN), roles=ROLES) as started:
        started.primary.server.write_ident(modes.ident_text(SHOWN))
        started.primary.server.reload()
        yield started


@pytest.fixture(scope="module")
def password(shared: Stage) -> str:
    return modes.create_roles(shared.primary.server, SHOWN)


@pytest.fixture
def quiet(shared: Stage) -> Stage:
    """A server without replication connections."""
    until(
        lambda: not shared.primary.server.sql("SELECT 1 FROM pg_stat_replication"),
        within=10,
        what="the last client to be gone",
    )
    return shared


@pytest.fixture
def busy(quiet: Stage, password: str) -> Iterator[Stage]:
    """The same server with clients of several modes."""
    with modes.clients(quiet.primary.server, quiet.primary.authority, password, SHOWN):
        yield quiet


def as_role(on: Stage, role: str) -> Stage:
    return staged(on.primary, role=role)


def is_reported_as_blind(blind: Stage) -> None:
    """Assert it of every publisher: metrics, table, explanation, exit code."""
    report = blind.poll()
    assert report.failure is not None
    assert report.failure.reason is FailureReason.PERMISSION
    assert "pg_read_all_stats" in report.failure.detail
    assert isinstance(report.connections, Unread)
    record = blind.board.record(blind.target.name)
    series = scraped(record)
    assert values(series, "pgrepl_up") == {(): 0}
    assert values(series, "pgrepl_target_failure", "reason") == {("permission",): 1}
    assert values(series, "pgrepl_reader_success", "reader")["wal_senders",] == 0
    assert (
        values(series, "pgrepl_reader_failure", "reader", "reason")["wal_senders", "permission"]
        == 1
    )
    assert not [name for name in names(series) if name.startswith("pgrepl_connection")]
    assert "pgrepl_target_connections" not in names(series)
    assert exit_code([record]) == 3
    table = connections_table([record], colour=False, width=None)
    assert "secure" not in table.replace("insecure", "").replace("0 secure", "")
    assert "pg_read_all_stats" in table
    assert "GRANT pg_read_all_stats TO" in explain_text(record, colour=False)


def test_without_the_statistics_grant_replicas_are_not_judged(busy: Stage) -> None:
    is_reported_as_blind(as_role(busy, "blind"))


def test_without_the_statistics_grant_no_replication_is_not_a_zero(quiet: Stage) -> None:
    is_reported_as_blind(as_role(quiet, "blind"))


def test_with_the_grant_no_replication_is_a_known_zero(quiet: Stage) -> None:
    quiet.poll()
    series = scraped(quiet.board.record(quiet.target.name))
    assert values(series, "pgrepl_up") == {(): 1}
    assert values(series, "pgrepl_target_connections", "verdict") == {
        (v.value,): 0 for v in Verdict
    }


def test_membership_without_inheritance_counts_as_the_server_counts_it(busy: Stage) -> None:
    member = as_role(busy, "noinherit")
    if busy.primary.server.major >= INHERITANCE_COUNTS_SINCE:
        is_reported_as_blind(member)
    else:
        assert len(connections_of(member.poll())) == len(SHOWN)


@pytest.mark.parametrize("shared", [16, 17, 18], indirect=True)
def test_a_grant_without_inheritance_is_blind(busy: Stage) -> None:
    busy.primary.server.sql("GRANT pg_read_all_stats TO blind WITH INHERIT FALSE")
    try:
        is_reported_as_blind(as_role(busy, "blind"))
    finally:
        busy.primary.server.sql("REVOKE pg_read_all_stats FROM blind")


def test_membership_without_inheritance_is_blind_also_without_replication(
    quiet: Stage,
) -> None:
    member = as_role(quiet, "noinherit")
    if quiet.primary.server.major >= INHERITANCE_COUNTS_SINCE:
        is_reported_as_blind(member)
    else:
        assert connections_of(member.poll()) == ()


def as_on_a_managed_service(busy: Stage) -> TargetReport:
    """Poll as a role that sees the statistics and nothing of files and rules."""
    return as_role(busy, "sees").poll()


def test_without_rules_what_is_visible_is_judged(busy: Stage) -> None:
    report = as_on_a_managed_service(busy)
    assert report.failure is None
    assert report.rules is not None
    assert report.rules.state is HbaState.UNREADABLE
    reported = {
        c.wal_sender.application_name: (c.posture, c.verdict, set(c.reasons))
        for c in connections_of(report)
    }
    unknown = (
        Posture.CERTIFICATE_UNCONFIRMED,
        Verdict.UNKNOWN,
        {Reason.RULES_UNREADABLE},
    )
    assert reported == {
        modes.CERTIFICATE_REQUIRED.name: unknown,
        modes.CERTIFICATE_NOT_ASKED_FOR.name: unknown,
        modes.MAPPED_LITERALLY.name: unknown,
        modes.TLS_WITHOUT_CERTIFICATE.name: (
            Posture.TLS_WITHOUT_CERTIFICATE,
            Verdict.INSECURE,
            {Reason.CLIENT_SENT_NO_CERTIFICATE, Reason.RULES_UNREADABLE},
        ),
        modes.PLAINTEXT.name: (
            Posture.PLAINTEXT,
            Verdict.INSECURE,
            {Reason.CLIENT_WITHOUT_TLS, Reason.RULES_UNREADABLE},
        ),
        modes.UNIX_SOCKET.name: (Posture.UNIX_SOCKET, Verdict.SECURE, set()),
    }


def test_each_thing_that_may_not_be_read_is_reported_with_its_reason(busy: Stage) -> None:
    report = as_on_a_managed_service(busy)
    reasons = {reader: unread.reason for reader, unread in report.readers.items() if unread}
    expected = {
        Reader.HBA_RULES: FailureReason.PERMISSION,
        Reader.HBA_LINES: FailureReason.PERMISSION,
        Reader.FILE_TIMES: FailureReason.PERMISSION,
        Reader.IDENT_MAPPINGS: FailureReason.PERMISSION,
        Reader.TLS_FILES: FailureReason.PERMISSION,
    }
    if busy.primary.server.major >= 16:
        expected[Reader.REGULAR_EXPRESSIONS] = FailureReason.PERMISSION
    assert reasons == expected


def test_metrics_show_that_the_rules_are_unreadable(busy: Stage) -> None:
    managed = as_role(busy, "sees")
    managed.poll()
    series = scraped(managed.board.record(managed.target.name))
    states = values(series, "pgrepl_hba_state", "state")
    assert [state for (state,), held in states.items() if held] == ["unreadable"]
    assert values(series, "pgrepl_reader_success", "reader")["hba_rules",] == 0
    assert values(series, "pgrepl_up") == {(): 1}
    assert "pgrepl_hba_error_lines" not in names(series)
