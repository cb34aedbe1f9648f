"""GSSAPI encryption against a real key distribution centre (root: its packages are installed)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from exporter.board import Board
from exporter.model.judgement import Posture, Reason, Verdict
from exporter.model.target import Target
from exporter.sql import least_privilege_sql
from lab import installations
from lab.account import workspace
from lab.kerberos import REALM, Realm, realm
from lab.pki import Authority, server_pki
from lab.replication import ReplicationClient, ReplicationRefusedError
from lab.server import PostgresServer
from tests.live.primaries import EXPORTER_ROLE
from tests.live.scenarios.stage import STRICT, connection_of, poll
from tests.steps import lines as lines_of

pytestmark = [pytest.mark.live, pytest.mark.root]

WITH_GSSAPI = (14, 15, 16, 17, 18)
"""The package that 13 comes from was built without it."""

HBA = f"""\
host       postgres    {EXPORTER_ROLE} 127.0.0.1/32 trust
hostgssenc replication r_gss 127.0.0.1/32 gss include_realm=0
hostgssenc replication other 127.0.0.1/32 gss include_realm=0
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with workspace() as made:
        yield made


@pytest.fixture(scope="module")
def kerberos(directory: Path) -> Iterator[Realm]:
    with realm(directory / "realm") as running:
        yield running


@pytest.fixture(scope="module")
def authority(directory: Path) -> Authority:
    return Authority.create(directory)


@pytest.fixture(scope="module", params=WITH_GSSAPI)
def server(
    request: pytest.FixtureRequest, directory: Path, kerberos: Realm, authority: Authority
) -> Iterator[PostgresServer]:
    with PostgresServer.create(
        installations.provide(request.param),
        directory / f"{request.param}",
        hba=HBA,
        pki=server_pki(authority),
        settings={"krb_server_keyfile": str(kerberos.keytab)},
        environment=kerberos.environment(),
    ) as running:
        running.sql("CREATE ROLE r_gss LOGIN REPLICATION; CREATE ROLE other LOGIN REPLICATION")
        running.sql(least_privilege_sql(EXPORTER_ROLE))
        yield running


def test_a_client_with_a_ticket_is_encrypted_by_gssapi_and_not_by_tls(
    server: PostgresServer, kerberos: Realm
) -> None:
    client = {**server.tcp, "user": "r_gss", "gssencmode": "require"}
    with kerberos.logged_in("r_gss"), ReplicationClient(client) as connected:
        rows = server.sql(
            "SELECT g.encrypted, g.principal, s.ssl FROM pg_stat_gssapi g"
            " JOIN pg_stat_ssl s USING (pid) WHERE pid = %s",
            [connected.backend_pid],
        )
    assert rows == [(True, f"r_gss@{REALM}", False)]


def test_it_is_reported_as_gss_encrypted_and_insecure_with_the_reasons(
    server: PostgresServer, kerberos: Realm
) -> None:
    target = Target(
        name="gss",
        parameters={**server.tcp, "user": EXPORTER_ROLE, "dbname": "postgres"},
        policy=STRICT,
    )
    client = {**server.tcp, "user": "r_gss", "gssencmode": "require"}
    with kerberos.logged_in("r_gss"), ReplicationClient(client) as connected:
        connection = connection_of(poll(target, Board([target])), connected)
    assert connection.posture is Posture.GSS_ENCRYPTED
    assert connection.verdict is Verdict.INSECURE
    assert set(connection.reasons) == {Reason.CLIENT_USED_GSS, Reason.RULE_USES_OTHER_METHOD}


def test_with_a_ticket_only_the_step_s_own_parameters_lead_to_tls(
    server: PostgresServer, kerberos: Realm, authority: Authority
) -> None:
    target = Target(
        name="gss",
        parameters={**server.tcp, "user": EXPORTER_ROLE, "dbname": "postgres"},
        policy=STRICT,
    )
    board = Board([target])
    issued = authority.issue(common_name="r_gss")
    files = {
        "root.crt": str(authority.certificate_path),
        "client.crt": str(issued.certificate_path),
        "client.key": str(issued.key_path),
    }
    client = {**server.tcp, "user": "r_gss", "gssencmode": "prefer"}
    with kerberos.logged_in("r_gss"):
        with ReplicationClient(client) as connected:
            steps = connection_of(poll(target, board), connected).remedy
        lines = [line for step in steps for line in lines_of(step)]
        (rule,) = (line[2:] for line in lines if line.startswith("+ hostssl"))
        (conninfo,) = (line for line in lines if line.startswith("user="))
        server.write_hba(f"{rule}\n{HBA}")
        server.reload()
        try:
            written = {k: files.get(str(v), str(v)) for k, v in conninfo_to_dict(conninfo).items()}
            asks_for_tls = {k: v for k, v in written.items() if k != "gssencmode"}
            with ReplicationClient({**client, **asks_for_tls}) as connected:
                connection = connection_of(poll(target, board), connected)
            assert connection.posture is Posture.GSS_ENCRYPTED
            with ReplicationClient({**client, **written}) as connected:
                connection = connection_of(poll(target, board), connected)
            assert connection.posture is Posture.CERTIFICATE_REQUIRED
        finally:
            server.write_hba(HBA)
            server.reload()


def test_a_ticket_of_another_name_is_refused(server: PostgresServer, kerberos: Realm) -> None:
    client = {**server.tcp, "user": "other", "gssencmode": "require"}
    with (
        kerberos.logged_in("r_gss"),
        pytest.raises(ReplicationRefusedError, match="authentication failed"),
    ):
        ReplicationClient(client)
