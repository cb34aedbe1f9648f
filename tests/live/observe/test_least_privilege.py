"""What the shipped SQL gives the exporter's role, and what it does not, on every major."""

import contextlib
from pathlib import Path

import psycopg
import pytest
from cryptography import x509

from exporter.model.failure import Unread
from exporter.model.hba import ServerFile
from exporter.sql import least_privilege_sql
from lab.account import server_account
from tests.live.primaries import EXPORTER_ROLE, Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

FUNCTIONS = ("file_times", "hba_lines", "ident_mappings", "public_certificates")


def _refused(primary: Primary, statement: str) -> bool:
    with contextlib.closing(_session(primary)) as session:
        try:
            session.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


def _session(primary: Primary) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1",
        port=primary.server.port,
        user=EXPORTER_ROLE,
        dbname="postgres",
        autocommit=True,
    )


async def test_everything_is_readable_with_it(primary: Primary) -> None:
    observation = await primary.observe()
    for read in (
        observation.wal_senders,
        observation.hba,
        observation.hba_lines,
        observation.ident,
        observation.file_times,
        observation.role_memberships,
        observation.regular_expressions,
    ):
        assert not isinstance(read, Unread), read
    assert observation.server.system_identifier is not None
    assert observation.server.statistics_visible


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_read_binary_file('pg_hba.conf')",
        "SELECT pg_stat_file('pg_hba.conf')",
        "SELECT pg_ls_dir('.')",
        "SHOW primary_conninfo",
        "SHOW data_directory",
        "SELECT rolpassword FROM pg_authid",
        "SELECT * FROM replication_cert_exporter.logical_lines('pg_hba.conf')",
        "SELECT * FROM replication_cert_exporter.with_included('/etc')",
        "SELECT replication_cert_exporter.may_include('/etc/passwd')",
        "CREATE FUNCTION replication_cert_exporter.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION replication_cert_exporter.hba_lines(int) RETURNS int AS '' LANGUAGE sql",
        "DROP SCHEMA replication_cert_exporter CASCADE",
    ],
)
def test_more_than_that_is_refused(primary: Primary, statement: str) -> None:
    assert _refused(primary, statement)


def test_other_roles_get_nothing_of_it(primary: Primary) -> None:
    rows = primary.server.sql(
        "SELECT has_schema_privilege('blind', 'replication_cert_exporter', 'USAGE'),"
        " has_function_privilege('blind', p.oid, 'EXECUTE')"
        " FROM pg_proc p WHERE p.pronamespace = 'replication_cert_exporter'::regnamespace"
    )
    assert rows == [(False, False)] * (len(FUNCTIONS) + 3)


def test_objects_of_the_session_do_not_get_into_the_functions(primary: Primary) -> None:
    with contextlib.closing(_session(primary)) as session:
        session.execute("SET search_path = pg_temp, pg_catalog")
        session.execute("CREATE TEMP TABLE pg_settings AS SELECT 'hba_file' AS name")
        session.execute(
            "CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql AS"
            " $$SELECT '/etc/passwd'$$"
        )
        paths = session.execute(
            "SELECT path FROM replication_cert_exporter.file_times() WHERE setting = 'hba_file'"
        ).fetchall()
    assert paths == [(str(primary.server.hba_path),)]


def test_public_certificates_are_those_of_the_files_and_no_key(own_primary: Primary) -> None:
    server = own_primary.server
    settings = ("ssl_cert_file", "ssl_key_file", "ssl_ca_file")
    certificate, key, authority = (
        Path(server.sql(f"SHOW {setting}")[0][0]) for setting in settings
    )
    # one file for certificate, key and remarks in an old encoding is legal
    together = server.data_directory / "together.pem"
    together.write_bytes(b"caf\xe9\n" + key.read_bytes() + certificate.read_bytes())
    server_account().own(together)
    together.chmod(0o600)
    server.set("ssl_cert_file", "together.pem")
    server.reload()
    with contextlib.closing(_session(own_primary)) as session:
        rows = session.execute(
            "SELECT setting, number, pem FROM replication_cert_exporter.public_certificates()"
        ).fetchall()
    assert [(setting, number) for setting, number, _ in rows] == [
        ("ssl_cert_file", 1),
        ("ssl_ca_file", 1),
    ]
    for (_, _, pem), path in zip(rows, (certificate, authority), strict=True):
        told = x509.load_pem_x509_certificate(str(pem).encode())
        assert told == x509.load_pem_x509_certificate(path.read_bytes())
    assert "PRIVATE KEY" not in repr(rows)


def test_it_may_be_run_again_by_any_name(own_primary: Primary) -> None:
    for role in (EXPORTER_ROLE, "Odd \"one\" with 'quotes', $$ and \\ and ü", "select"):
        for _ in range(2):
            own_primary.server.sql(least_privilege_sql(role))
        assert own_primary.server.sql(
            "SELECT pg_has_role(oid, 'pg_read_all_stats', 'MEMBER'), rolsuper, rolcanlogin"
            " FROM pg_roles WHERE rolname = %s",
            [role],
        ) == [(True, False, True)]


async def test_missing_files_are_tolerated(own_primary: Primary) -> None:
    server = own_primary.server
    server.set("ssl_crl_file", "absent.crl")
    server.set("ssl_ca_file", "/nonexistent/ca.crt")
    server.reload()
    (server.data_directory / "pg_ident.conf").unlink()
    server.sql(least_privilege_sql(EXPORTER_ROLE))
    times = (await own_primary.observe()).file_times
    assert not isinstance(times, Unread), times
    assert {each.setting: each.modified is not None for each in times} == {
        ServerFile.HBA: True,
        ServerFile.IDENT: False,
        ServerFile.CERTIFICATE: True,
        ServerFile.AUTHORITY: False,
        ServerFile.CRL: False,
    }
    with contextlib.closing(_session(own_primary)) as session:
        rows = session.execute(
            "SELECT setting FROM replication_cert_exporter.public_certificates()"
        ).fetchall()
    assert rows == [("ssl_cert_file",)]


@pytest.mark.parametrize("major", [13, 18])
def test_it_is_made_where_tls_is_off(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major, tls=False) as primary:
        primary.server.sql(least_privilege_sql(EXPORTER_ROLE))


def test_only_a_superuser_may_run_it_and_nothing_is_left_half_done(own_primary: Primary) -> None:
    own_primary.server.sql("CREATE ROLE l_maker LOGIN CREATEROLE")
    own_primary.server.write_hba("local postgres l_maker trust\n")
    own_primary.server.reload()
    with pytest.raises(psycopg.errors.RaiseException, match="superuser"):
        own_primary.server.sql(least_privilege_sql("unmade"), user="l_maker")
    assert own_primary.server.sql("SELECT FROM pg_roles WHERE rolname = 'unmade'") == []


def test_somebody_else_s_schema_of_that_name_is_not_trusted(own_primary: Primary) -> None:
    own_primary.server.sql(
        "DROP SCHEMA replication_cert_exporter CASCADE;"
        " CREATE SCHEMA replication_cert_exporter AUTHORIZATION blind"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="belongs to a role"):
        own_primary.server.sql(least_privilege_sql(EXPORTER_ROLE))


async def test_a_member_that_does_not_inherit_is_told_as_blind(own_primary: Primary) -> None:
    server = own_primary.server
    server.sql("REVOKE pg_read_all_stats FROM exporter; ALTER ROLE exporter NOINHERIT")
    server.sql("GRANT pg_read_all_stats TO exporter")
    read = (await own_primary.observe()).wal_senders
    assert isinstance(read, Unread) is (server.major >= 15)


async def test_a_revoked_control_function_costs_only_the_identifier(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18) as primary:
        primary.server.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        observation = await primary.observe()
    assert observation.server.system_identifier is None
    assert not isinstance(observation.wal_senders, Unread)
