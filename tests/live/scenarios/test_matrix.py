"""Every way to replicate, on every major: posture, reasons and verdict, by a role with few rights.

The exporter's role is the one that the shipped SQL makes (tests/live/primaries.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.policy import LOOPBACK_EXEMPTION, Policy, Requirement, TlsVersion
from exporter.model.report import Governs, TargetReport
from exporter.model.wal_sender import Activity, TcpPeer
from lab.modes import MODES, Mode, clients, create_roles, hba_text, ident_text
from lab.replication import LOGICAL, ReplicationClient
from lab.wait import until
from tests.live.primaries import MAJORS, Primaries
from tests.live.scenarios.stage import Stage, connection_of, connections_of, stage, staged
from tests.unit.publish.metrics.scrape import scraped, values

pytestmark = pytest.mark.live

OTHER_RULES = """\
hostssl replication r_ipv6 ::1/128 cert
hostssl replication r_backup 127.0.0.0/8 cert
hostssl postgres r_backup 127.0.0.0/8 cert
"""
OTHER_ROLES = "CREATE ROLE r_ipv6 LOGIN REPLICATION; CREATE ROLE r_backup LOGIN REPLICATION"


@dataclass
class Matrix:
    """A primary with a client of every mode, polled once."""

    stage: Stage
    clients: Mapping[str, ReplicationClient]
    report: TargetReport


@pytest.fixture(scope="module", params=MAJORS)
def matrix(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Matrix]:
    with stage(
        primaries,
        request.param,
        hba_text() + OTHER_RULES,
        settings={"listen_addresses": "127.0.0.1,::1"},
    ) as started:
        server = started.primary.server
        password = create_roles(server)
        server.sql(OTHER_ROLES)
        server.write_ident(ident_text())
        server.reload()
        with clients(server, started.primary.authority, password) as connected:
            yield Matrix(started, connected, started.poll())


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_mode_has_its_posture_its_verdict_and_its_reasons(matrix: Matrix, mode: Mode) -> None:
    connection = connection_of(matrix.report, matrix.clients[mode.name])
    assert connection.posture is mode.posture
    assert connection.verdict is mode.verdict
    assert set(connection.reasons) == mode.reasons
    assert connection.wal_sender.kind is mode.kind
    assert connection.wal_sender.application_name == mode.name
    assert connection.predates_rules is False


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_governing_rule_is_the_one_that_admitted_the_mode(matrix: Matrix, mode: Mode) -> None:
    match = connection_of(matrix.report, matrix.clients[mode.name]).rule_match
    assert isinstance(match, Governs)
    path = matrix.stage.primary.server.hba_path
    lines = path.read_text("utf-8").splitlines()
    assert lines[match.rule.location.line_number - 1] in mode.rule_lines
    assert match.rule.location.file_name == str(path)


def test_everything_that_is_asked_for_is_read_with_the_shipped_rights(matrix: Matrix) -> None:
    assert matrix.report.failure is None
    assert [name for name, unread in matrix.report.readers.items() if unread] == []
    assert matrix.report.rules is not None
    assert matrix.report.rules.state is HbaState.LOADED
    assert matrix.report.rules.error_lines == ()
    assert len(connections_of(matrix.report)) == len(MODES)


def test_metrics_count_what_the_matrix_holds(matrix: Matrix) -> None:
    series = scraped(matrix.stage.board.record(matrix.stage.target.name))
    samples = values(series, "pgrepl_connections", "application_name", "posture", "verdict")
    by_name = {key: count for key, count in samples.items() if key[0] in matrix.clients}
    assert by_name == {(m.name, m.posture.value, m.verdict.value): 1 for m in MODES}


@pytest.mark.parametrize("require", list(Requirement))
def test_the_policy_decides_which_postures_are_enough(matrix: Matrix, require: Requirement) -> None:
    started = staged(matrix.stage.primary, policy=Policy(require=require, exempt_loopback=False))
    enough = {
        Requirement.CERTIFICATE: {Posture.CERTIFICATE_REQUIRED},
        Requirement.CERTIFICATE_CHAIN: {
            Posture.CERTIFICATE_REQUIRED,
            Posture.CERTIFICATE_CHAIN_REQUIRED,
        },
        Requirement.TLS: set(Posture) - {Posture.PLAINTEXT},
    }[require] | {Posture.UNIX_SOCKET}
    for connection in connections_of(started.poll()):
        assert (connection.verdict is Verdict.SECURE) == (connection.posture in enough)


def test_loopback_is_exempt_unless_that_is_switched_off(matrix: Matrix) -> None:
    report = staged(matrix.stage.primary, policy=Policy()).poll()
    insecure = [m.name for m in MODES if m.verdict is Verdict.INSECURE]
    exempt = [c for c in connections_of(report) if c.verdict is Verdict.EXEMPT]
    assert sorted(c.wal_sender.application_name for c in exempt) == sorted(insecure)
    assert {c.exemption for c in exempt} == {LOOPBACK_EXEMPTION}


def test_a_client_over_ipv6_is_matched_by_ipv6_rules(matrix: Matrix) -> None:
    parameters = matrix.stage.primary.client_with_certificate("r_ipv6", host="::1")
    with ReplicationClient(parameters) as client:
        connection = matrix.stage.connection(client)
    assert isinstance(connection.wal_sender.peer, TcpPeer)
    assert connection.wal_sender.peer.address == ip_address("::1")
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.verdict is Verdict.SECURE


def test_a_base_backup_is_a_connection_like_others(matrix: Matrix) -> None:
    parameters = matrix.stage.primary.client_with_certificate("r_backup")
    with ReplicationClient(parameters, base_backup=True) as client:
        until(
            lambda: matrix.stage.connection(client).wal_sender.activity is Activity.BACKUP,
            within=10,
            what="the base backup to begin",
        )
        connection = matrix.stage.connection(client)
    assert connection.posture is Posture.CERTIFICATE_REQUIRED


def test_an_idle_walsender_is_judged_too(matrix: Matrix) -> None:
    parameters = matrix.stage.primary.client_with_certificate("r_backup")
    with ReplicationClient(parameters, stream=False) as client:
        connection = matrix.stage.connection(client)
    assert connection.wal_sender.activity is Activity.IDLE
    assert connection.posture is Posture.CERTIFICATE_REQUIRED


def test_table_synchronisation_workers_fold_to_one_name(matrix: Matrix) -> None:
    workers = ("pg_16394_sync_16385_7312345678901234567", "pg_16394_sync_16390_7312345678901234567")
    first, second = (
        matrix.stage.primary.client_with_certificate("r_backup", application_name=name)
        for name in workers
    )
    with ReplicationClient(first, LOGICAL), ReplicationClient(second, LOGICAL):
        matrix.stage.poll()
    series = scraped(matrix.stage.board.record(matrix.stage.target.name))
    samples = values(series, "pgrepl_connections", "application_name", "usename", "posture")
    assert samples["pg_sync", "r_backup", "certificate_required"] == 2
    assert not any(key[0] in workers for key in samples)


def test_a_client_with_an_older_tls_version_than_required_is_insecure(matrix: Matrix) -> None:
    parameters = matrix.stage.primary.client_with_certificate(
        "r_backup", ssl_max_protocol_version="TLSv1.2"
    )
    policy = replace(matrix.stage.target.policy, minimum_tls_version=TlsVersion.TLS_1_3)
    started = staged(matrix.stage.primary, policy=policy)
    with ReplicationClient(parameters) as client:
        connection = started.connection(client)
        assert matrix.stage.connection(client).verdict is Verdict.SECURE
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.verdict is Verdict.INSECURE
    assert connection.reasons == (Reason.TLS_VERSION_TOO_OLD,)
