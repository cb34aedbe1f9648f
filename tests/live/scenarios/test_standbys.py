"""Real standbys: one that streams, one below it, and what the exporter reports on each node."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.report import Connection, Governs
from exporter.model.wal_sender import Activity, ReplicationKind
from lab.wait import until
from tests.live.primaries import MAJORS, Primaries, Primary
from tests.live.scenarios.stage import EXPORTER_RULE, Stage, connections_of, stage, staged
from tests.unit.publish.metrics.scrape import scraped, values

pytestmark = pytest.mark.live

RULES = "hostssl replication r_standby 127.0.0.0/8 cert\n"
RULES_BELOW = "hostssl replication r_standby 127.0.0.0/8 trust\n"
"""pg_hba.conf is each node's own."""

ROLES = "CREATE ROLE r_standby LOGIN REPLICATION"


@dataclass
class Cascade:
    """A primary with a standby, and a standby of that standby."""

    primary: Stage
    standby: Stage


@pytest.fixture(scope="module", params=MAJORS)
def cascade(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Cascade]:
    with stage(primaries, request.param, RULES, roles=ROLES) as started:
        server, authority = started.primary.server, started.primary.authority
        folder = server.directory
        own = started.primary.client_with_certificate("r_standby")
        with server.standby(
            folder.with_name(f"{folder.name}s"),
            {**own, "application_name": "standby"},
            hba=EXPORTER_RULE + RULES_BELOW,
        ) as standby:
            to_standby = {**own, "port": str(standby.port), "application_name": "below"}
            with server.standby(folder.with_name(f"{folder.name}b"), to_standby):
                yield Cascade(started, staged(Primary(standby, authority)))


def _streaming(on: Stage, name: str) -> Connection:
    """Poll until the standby ``name`` streams, and return its connection."""
    found: list[Connection] = []

    def streams() -> bool:
        found[:] = [
            c
            for c in connections_of(on.poll())
            if c.wal_sender.application_name == name and c.wal_sender.state == "streaming"
        ]
        return bool(found)

    until(streams, within=30, what=f"{name} to stream")
    (connection,) = found
    return connection


def test_a_streaming_standby_with_a_required_certificate_is_secure(cascade: Cascade) -> None:
    connection = _streaming(cascade.primary, "standby")
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.verdict is Verdict.SECURE
    assert connection.reasons == ()
    assert connection.remedy == ()
    assert connection.wal_sender.kind is ReplicationKind.PHYSICAL
    assert connection.wal_sender.activity is Activity.STREAMING
    assert connection.certificate_name == "r_standby"
    assert connection.issuer_name == "Lab Root CA"


def test_a_walsender_of_a_standby_is_judged_by_the_standby_s_own_rules(cascade: Cascade) -> None:
    connection = _streaming(cascade.standby, "below")
    assert connection.posture is Posture.CERTIFICATE_OPTIONAL
    assert connection.verdict is Verdict.INSECURE
    assert connection.reasons == (Reason.RULE_TRUSTS,)
    assert isinstance(connection.rule_match, Governs)
    location = connection.rule_match.rule.location
    assert location.file_name == str(cascade.standby.primary.server.hba_path)
    assert location.line_number == 3


def test_a_standby_is_read_as_completely_as_a_primary(cascade: Cascade) -> None:
    on_primary, on_standby = cascade.primary.poll(), cascade.standby.poll()
    assert [r for r, unread in on_standby.readers.items() if unread] == []
    assert on_standby.failure is None
    assert on_primary.server is not None
    assert on_standby.server is not None
    assert (on_primary.server.in_recovery, on_standby.server.in_recovery) == (False, True)
    assert on_standby.server.system_identifier == on_primary.server.system_identifier
    assert on_standby.rules is not None
    assert on_standby.rules.state is HbaState.LOADED


def test_metrics_distinguish_a_standby_from_a_primary(cascade: Cascade) -> None:
    samples = []
    for on in (cascade.primary, cascade.standby):
        on.poll()
        series = scraped(on.board.record(on.target.name))
        samples += list(values(series, "pgrepl_in_recovery").values())
    assert samples == [0, 1]


def test_metrics_show_the_issuer_of_a_certificate(cascade: Cascade) -> None:
    _streaming(cascade.primary, "standby")
    series = scraped(cascade.primary.board.record(cascade.primary.target.name))
    names = ("application_name", "certificate_cn", "issuer_cn")
    assert ("standby", "r_standby", "Lab Root CA") in values(
        series, "pgrepl_connection_info", *names
    )
