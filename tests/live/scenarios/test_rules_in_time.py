"""What is reported while rules are edited, loaded, rejected, reverted, and after a restart.

Each test records what /metrics exposes at every step. The standby's certificate names its role.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from exporter.sql import least_privilege_sql
from lab.replication import ReplicationClient
from lab.wait import until
from tests.live.primaries import EXPORTER_ROLE, Primaries
from tests.live.scenarios.stage import Stage, now, stage
from tests.live.scenarios.timeline import STANDBY, Moment, after_the_second_of_the_load, moment

pytestmark = pytest.mark.live

RULES = "hostssl replication r_standby 127.0.0.0/8 cert\n"
QUOTED = 'hostssl "replication" r_standby 127.0.0.0/8 cert\n'
TRUSTING = "hostssl replication r_standby 127.0.0.0/8 trust\n"
UNRELATED = RULES + "hostssl replication somebody_else 127.0.0.0/8 trust\n"
BROKEN = RULES + "host replication somebody_else 127.0.0.0/8 cert\n"
REFUSING = "hostssl replication r_standby 127.0.0.0/8 reject\n"
ROLES = "CREATE ROLE r_standby LOGIN REPLICATION"

GOOD = Moment("loaded", "certificate_required", "secure", predates=False)
GOOD_AND_OLDER = GOOD._replace(predates=True)
LOOSE = Moment(
    "loaded",
    "certificate_optional",
    "insecure",
    predates=True,
    reasons=frozenset({"rule_trusts"}),
)


def unknown(state: str, reason: str, *, predates: bool | None = None) -> Moment:
    return Moment(state, "certificate_unconfirmed", "unknown", predates, frozenset({reason}))


@pytest.fixture(scope="module", params=[13, 18])
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, RULES, roles=ROLES) as begun:
        yield begun


@pytest.fixture
def started(shared: Stage) -> Stage:
    """A server that has just started with RULES, and an exporter that knows nothing of it."""
    server = shared.primary.server
    server.sql(least_privilege_sql(EXPORTER_ROLE))
    server.set("log_min_messages", None)
    shared.write_hba(RULES)
    server.restart()
    shared.restart_exporter()
    return shared


@pytest.fixture
def standby(started: Stage) -> Iterator[ReplicationClient]:
    """A client that stays connected through everything but a restart of the server."""
    with connect(started) as client:
        yield client


@pytest.fixture
def without_functions(started: Stage) -> None:
    """As where the shipped functions were not installed: file times cannot be read."""
    started.primary.server.sql("DROP SCHEMA replication_cert_exporter CASCADE")


def connect(staged: Stage, name: str = "r_standby") -> ReplicationClient:
    issued = staged.primary.authority.issue(common_name=name)
    return ReplicationClient(
        staged.primary.client_with_certificate(
            "r_standby",
            application_name=STANDBY,
            sslcert=str(issued.certificate_path),
            sslkey=str(issued.key_path),
        )
    )


def reload_unrelated_parameter(staged: Stage) -> None:
    staged.primary.server.set("log_min_messages", "log")
    staged.primary.server.reload()


def polls(staged: Stage, *, restarts: bool) -> Moment:
    """Poll, by the exporter that knows the past or by one that has just begun."""
    if restarts:
        staged.restart_exporter()
    return moment(staged)


@pytest.mark.usefixtures("standby")
class TestWithFileTimes:
    """The exporter's role has all that the shipped SQL gives."""

    def test_a_reload_of_an_unrelated_parameter_changes_nothing(self, started: Stage) -> None:
        moments = [moment(started)]
        for _ in range(2):
            reload_unrelated_parameter(started)
            moments.append(moment(started))
        assert moments == [GOOD] * 3

    def test_an_exporter_that_begins_after_a_reload_does_not_know_what_it_brought(
        self, started: Stage
    ) -> None:
        # a file that was written before the server started would be known since then
        started.primary.server.hba_path.touch()
        reload_unrelated_parameter(started)
        assert [moment(started), polls(started, restarts=True)] == [GOOD_AND_OLDER] * 2

    def test_after_a_rejected_reload_the_older_rules_are_known_to_be_in_force(
        self, started: Stage
    ) -> None:
        moments = [moment(started)]
        started.load_hba(BROKEN)
        moments += [moment(started), moment(started)]
        reload_unrelated_parameter(started)
        moments.append(moment(started))
        started.load_hba(RULES)
        moments += [moment(started), moment(started)]
        rejected = GOOD._replace(hba_state="rejected")
        assert moments == [GOOD, rejected, rejected, rejected, GOOD, GOOD]

    def test_an_exporter_that_begins_after_a_rejected_reload_does_not_know_the_rules(
        self, started: Stage
    ) -> None:
        started.load_hba(BROKEN)
        moments = [moment(started), polls(started, restarts=True)]
        started.load_hba(RULES)
        moments += [moment(started), polls(started, restarts=True)]
        rejected = unknown("rejected", "rules_rejected")
        assert moments == [rejected, rejected, GOOD_AND_OLDER, GOOD_AND_OLDER]

    def test_an_edit_that_is_not_loaded_leaves_what_is_in_force_open(self, started: Stage) -> None:
        moments = [moment(started)]
        started.write_hba(TRUSTING)
        moments += [moment(started), moment(started)]
        started.write_hba(RULES)
        moments.append(moment(started))
        pending = unknown("pending", "rules_pending", predates=False)
        assert moments == [GOOD, pending, pending, GOOD]

    def test_quotes_taken_away_on_disk_are_pending_until_they_are_loaded(
        self, started: Stage
    ) -> None:
        """The server's view shows both alike, and no physical walsender matches the quoted one."""
        started.load_hba(QUOTED + TRUSTING)
        moments = [moment(started)]
        started.write_hba(RULES + TRUSTING)
        moments += [moment(started), moment(started)]
        started.primary.server.reload()
        moments.append(moment(started))
        pending = unknown("pending", "rules_pending", predates=True)
        assert moments == [LOOSE, pending, pending, GOOD_AND_OLDER]

    def test_an_edit_under_which_nothing_changes_for_the_standby_leaves_it_secure(
        self, started: Stage
    ) -> None:
        moments = [moment(started)]
        started.write_hba(UNRELATED)
        moments.append(moment(started))
        started.primary.server.reload()
        moments += [moment(started), moment(started)]
        assert moments == [GOOD, GOOD._replace(hba_state="pending"), *[GOOD_AND_OLDER] * 2]

    def test_an_exporter_that_begins_after_an_edit_does_not_know_the_rules(
        self, started: Stage
    ) -> None:
        after_the_second_of_the_load(started)
        started.write_hba(UNRELATED)
        moments = [polls(started, restarts=True), moment(started)]
        started.primary.server.reload()
        moments += [moment(started), polls(started, restarts=True)]
        pending = unknown("pending", "rules_pending")
        assert moments == [pending, pending, GOOD_AND_OLDER, GOOD_AND_OLDER]

    def test_a_change_of_the_file_s_mode_alone_is_not_an_edit(self, started: Stage) -> None:
        moments = [moment(started)]
        after_the_second_of_the_load(started)
        started.primary.server.hba_path.chmod(0o640)
        moments += [moment(started), moment(started)]
        assert moments == [GOOD] * 3

    def test_an_exporter_that_begins_after_a_change_of_mode_waits_for_a_reload(
        self, started: Stage
    ) -> None:
        after_the_second_of_the_load(started)
        started.primary.server.hba_path.chmod(0o640)
        moments = [polls(started, restarts=True)]
        reload_unrelated_parameter(started)
        moments.append(moment(started))
        assert moments == [unknown("pending", "rules_pending"), GOOD_AND_OLDER]

    def test_rules_that_are_loosened_show_at_once(self, started: Stage) -> None:
        moments = [moment(started)]
        started.load_hba(TRUSTING)
        moments.append(moment(started))
        started.load_hba(RULES)
        moments.append(moment(started))
        assert moments == [GOOD, LOOSE, GOOD_AND_OLDER]

    def test_rules_that_would_refuse_the_running_session_are_reported(self, started: Stage) -> None:
        moments = [moment(started)]
        started.load_hba(REFUSING)
        moments += [moment(started), polls(started, restarts=True)]
        refused = unknown("loaded", "rules_would_refuse", predates=True)
        assert moments == [GOOD, refused, refused]


@pytest.mark.usefixtures("standby")
def test_an_edit_right_after_a_reload_is_detected_by_a_poll_in_between(started: Stage) -> None:
    """And not by an exporter that begins later: docs/architecture.md says why it may not doubt."""
    server = started.primary.server
    moments: list[Moment] = []

    def edited_in_the_second_of_the_load() -> bool:
        started.load_hba(TRUSTING)
        moments[:] = [moment(started)]
        started.write_hba(RULES)
        return server.load_time().timestamp() // 1 == server.hba_path.stat().st_mtime // 1

    until(edited_in_the_second_of_the_load, within=30, what="load and edit in one second")
    moments += [moment(started), polls(started, restarts=True)]
    pending = unknown("pending", "rules_pending", predates=True)
    assert moments == [LOOSE, pending, GOOD_AND_OLDER]


@pytest.mark.parametrize("poll_after", [moment, partial(polls, restarts=True)])
def test_a_restart_of_the_server_loads_what_is_there(
    started: Stage, poll_after: Callable[[Stage], Moment]
) -> None:
    with connect(started):
        moments = [moment(started)]
    started.write_hba(UNRELATED)
    started.primary.server.restart()
    with connect(started):
        moments += [poll_after(started), moment(started)]
    assert moments == [GOOD] * 3


def test_a_file_older_than_the_server_is_known_to_be_in_force_since_the_start(
    started: Stage,
) -> None:
    server = started.primary.server
    until(
        lambda: now().timestamp() // 1 > server.hba_path.stat().st_ctime // 1,
        within=5,
        what="the next second",
    )
    server.restart()
    with connect(started):
        reload_unrelated_parameter(started)
        assert moment(started) == GOOD


def test_a_session_older_than_the_rules_is_secure_only_if_its_name_is_the_role_s(
    started: Stage,
) -> None:
    started.load_hba(TRUSTING)
    with connect(started, name="somebody"):
        moments = [moment(started)]
        started.load_hba(RULES)
        moments.append(moment(started))
    assert moments == [
        LOOSE._replace(predates=False),
        unknown("loaded", "certificate_name_unproven", predates=True),
    ]


@pytest.mark.usefixtures("without_functions", "standby")
class TestWithoutFileTimes:
    """Without the shipped functions, only a reload that is watched shows what is in force."""

    NOT_YET = unknown("unverified", "rules_load_unverified")

    def test_a_reload_that_is_watched_confirms_the_rules(self, started: Stage) -> None:
        moments = [moment(started), moment(started)]
        reload_unrelated_parameter(started)
        moments += [moment(started), moment(started)]
        assert moments == [*[self.NOT_YET] * 2, *[GOOD_AND_OLDER] * 2]

    def test_a_restart_of_the_exporter_loses_the_confirmation(self, started: Stage) -> None:
        moment(started)
        reload_unrelated_parameter(started)
        assert moment(started) == GOOD_AND_OLDER
        assert polls(started, restarts=True) == self.NOT_YET

    def test_a_rejected_reload_is_reported_once_it_was_watched(self, started: Stage) -> None:
        moment(started)
        reload_unrelated_parameter(started)
        moments = [moment(started)]
        started.write_hba(BROKEN)
        moments.append(moment(started))
        started.primary.server.reload()
        moments.append(moment(started))
        assert moments == [
            GOOD_AND_OLDER,
            GOOD_AND_OLDER._replace(hba_state="pending"),
            GOOD_AND_OLDER._replace(hba_state="rejected"),
        ]

    def test_an_edit_and_its_reload_between_two_polls_wait_for_the_next_reload(
        self, started: Stage
    ) -> None:
        moment(started)
        reload_unrelated_parameter(started)
        moments = [moment(started)]
        started.load_hba(TRUSTING)
        moments.append(moment(started))
        reload_unrelated_parameter(started)
        moments.append(moment(started))
        assert moments == [
            GOOD_AND_OLDER,
            unknown("unverified", "rules_load_unverified", predates=True),
            LOOSE,
        ]

    def test_an_edit_that_is_not_loaded_is_pending_and_its_revert_is_not(
        self, started: Stage
    ) -> None:
        moment(started)
        reload_unrelated_parameter(started)
        moment(started)
        started.write_hba(TRUSTING)
        moments = [moment(started)]
        started.write_hba(RULES)
        moments.append(moment(started))
        assert moments == [unknown("pending", "rules_pending", predates=True), GOOD_AND_OLDER]
