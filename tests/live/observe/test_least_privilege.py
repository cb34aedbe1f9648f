"""What the shipped SQL gives the exporter's role, and what it does not, on every major."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from exporter.model.failure import Unread
from exporter.model.hba import ServerFile
from exporter.sql import least_privilege_sql
from tests.live.observe.reading_files import write
from tests.live.primaries import EXPORTER_ROLE, Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

FUNCTIONS = (
    "file_times",
    "file_times_at_once",
    "hba_lines",
    "ident_mappings",
    "public_certificates",
    "receiver_certificate",
)
INTERNAL = (
    "logical_lines",
    "with_included",
    "revocation_files",
    "receiver_certificate_path",
    "public_blocks",
    "may_include",
    "other_files",
    "times_of",
)


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
        observation.tls_files,
        observation.receiver,
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
        "SELECT * FROM replication_cert_exporter.public_blocks('/etc/passwd', 100000)",
        "SELECT * FROM replication_cert_exporter.revocation_files()",
        "SELECT replication_cert_exporter.receiver_certificate_path()",
        "ALTER SYSTEM SET ssl_ca_file = '/etc/passwd'",
        "ALTER FUNCTION replication_cert_exporter.public_certificates() SET search_path = public",
        "SELECT replication_cert_exporter.may_include('/etc/passwd')",
        "SELECT * FROM replication_cert_exporter.other_files(true)",
        "SELECT * FROM replication_cert_exporter.times_of('/etc/passwd')",
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
    assert rows == [(False, False)] * len(FUNCTIONS + INTERNAL)


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


@pytest.mark.parametrize("name", ["ssl_cert_file", "ssl_crl_dir", "primary_conninfo"])
def test_the_role_cannot_choose_a_file(primary: Primary, name: str) -> None:
    # 13 knows no ssl_crl_dir
    refusals = (psycopg.errors.CantChangeRuntimeParam, psycopg.errors.UndefinedObject)
    with contextlib.closing(_session(primary)) as session, pytest.raises(refusals):
        session.execute(f"SET {name} = '/etc/passwd'".encode())


HOSTILE = """
    SET search_path = pg_temp, pg_catalog;
    SET standard_conforming_strings = off;
    SET backslash_quote = on;
    SET bytea_output = escape;
    SET quote_all_identifiers = on;
    SET transform_null_equals = on;
    CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text LANGUAGE sql
      AS $$SELECT '/etc/passwd'::text$$;
    CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql
      AS $$SELECT '/etc/passwd'::text$$;
    CREATE FUNCTION pg_temp.regexp_matches(text, text, text) RETURNS SETOF text[] LANGUAGE sql
      AS $$SELECT ARRAY[$1]$$;
    CREATE FUNCTION pg_temp.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE FUNCTION pg_temp.pg_stat_get_wal_receiver(OUT conninfo text) LANGUAGE sql
      AS $$SELECT ' sslmode=prefer sslcert=/etc/passwd gssencmode=disable'::text$$;
    CREATE FUNCTION pg_temp.receiver_certificate_path() RETURNS text LANGUAGE sql
      AS $$SELECT '/etc/passwd'::text$$;
    CREATE TEMP TABLE status AS SELECT 1 AS size, false AS isdir;
    CREATE TEMP TABLE pg_settings AS SELECT 'ssl_cert_file' AS name;
"""
"""What a role may do in a session of its own so that something else is read."""


def test_a_hostile_session_gets_the_same_and_nothing_else(primary: Primary) -> None:
    everything = (
        "SELECT f::text FROM replication_cert_exporter.public_certificates() f UNION ALL"
        " SELECT f::text FROM replication_cert_exporter.receiver_certificate() f UNION ALL"
        " SELECT f::text FROM replication_cert_exporter.file_times() f"
    )
    with contextlib.closing(_session(primary)) as session:
        session.execute("SET timezone = 'UTC'")
        before = session.execute(everything).fetchall()
        session.execute(HOSTILE.encode())
        assert session.execute(everything).fetchall() == before
    assert "passwd" not in repr(before)


def test_public_certificates_are_those_of_the_files(own_primary: Primary) -> None:
    server = own_primary.server
    certificate, authority = (
        Path(server.sql(f"SHOW {setting}")[0][0]) for setting in ("ssl_cert_file", "ssl_ca_file")
    )
    # text in an old encoding may stand next to a certificate
    write(server.data_directory / "remarks.pem", b"caf\xe9 \0\n" + certificate.read_bytes())
    server.set("ssl_cert_file", "remarks.pem")
    server.reload()
    with contextlib.closing(_session(own_primary)) as session:
        rows = session.execute(
            "SELECT setting, path, problem, pem"
            " FROM replication_cert_exporter.public_certificates()"
        ).fetchall()
    assert [row[:3] for row in rows] == [
        ("ssl_cert_file", "remarks.pem", None),
        ("ssl_ca_file", str(authority), None),
    ]
    for (_, _, _, pem), path in zip(rows, (certificate, authority), strict=True):
        decoded = x509.load_pem_x509_certificate(str(pem).encode())
        assert decoded == x509.load_pem_x509_certificate(path.read_bytes())
        assert str(pem).startswith("-----BEGIN CERTIFICATE-----")


def _with_keys(certificate: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Make files in which a key stands with a certificate; give each with its key."""
    elliptic = ec.generate_private_key(ec.SECP256R1())
    rsa_key = rsa.generate_private_key(65537, 2048)
    for private in (elliptic, rsa_key):
        for form, encryption in (
            (PrivateFormat.PKCS8, NoEncryption()),
            (PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            (PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
        ):
            key = private.private_bytes(Encoding.PEM, form, encryption)
            _, *body, _ = key.splitlines(keepends=True)
            yield key + certificate, key
            yield certificate + key + certificate, key
            yield (certificate + key).replace(b"\n", b"\r\n"), key
            yield key.rstrip() + certificate.rstrip() + key, key
            yield certificate.replace(b"-----END", key + b"-----END"), key
            for label in (b"CERTIFICATE", b"X509 CRL", b"TRUSTED CERTIFICATE"):
                wrong = (b"-----BEGIN %b-----\n" % label, *body, b"-----END %b-----\n" % label)
                yield b"".join(wrong) + certificate, key
                yield b"".join((wrong[0], b"\n", *body, *key.splitlines()[-1:])), key


def test_a_key_never_leaves_the_server_whatever_stands_around_it(own_primary: Primary) -> None:
    server = own_primary.server
    certificate = Path(server.sql("SHOW ssl_cert_file")[0][0]).read_bytes()
    path = write(server.data_directory / "together.pem", certificate)
    server.set("ssl_crl_file", "together.pem")
    server.reload()
    with contextlib.closing(_session(own_primary)) as session:
        for content, key in _with_keys(certificate):
            write(path, content)
            rows = [
                row
                for function in FUNCTIONS
                for row in session.execute(
                    f"SELECT f::text FROM replication_cert_exporter.{function}() f".encode()
                ).fetchall()
            ]
            assert "together.pem" in repr(rows)
            for line in key.decode().splitlines()[1:-1]:
                assert line not in repr(rows)


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
            "SELECT setting, problem FROM replication_cert_exporter.public_certificates()"
        ).fetchall()
    assert rows == [
        ("ssl_cert_file", None),
        ("ssl_ca_file", "missing"),
        ("ssl_crl_file", "missing"),
    ]


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
    assert own_primary.server.sql("SELECT 1 FROM pg_roles WHERE rolname = 'unmade'") == []


_GRANTS = """
    SELECT grantee::regrole::text, count(*), bool_or(is_grantable)
      FROM (
        SELECT (aclexplode(proacl)).* FROM pg_proc
         WHERE pronamespace = 'replication_cert_exporter'::regnamespace
        UNION ALL
        SELECT (aclexplode(nspacl)).* FROM pg_namespace
         WHERE nspname = 'replication_cert_exporter'
      ) AS given
     WHERE grantee::regrole::text <> 'postgres' GROUP BY 1 ORDER BY 1
"""


@pytest.mark.parametrize("major", [13, 18])
def test_a_second_role_takes_nothing_from_the_first(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary:
        server = primary.server
        server.sql(
            'CREATE ROLE watcher; CREATE ROLE "Other ""watcher";'
            " GRANT USAGE ON SCHEMA replication_cert_exporter TO watcher;"
            " GRANT EXECUTE ON FUNCTION replication_cert_exporter.file_times() TO watcher"
            " WITH GRANT OPTION"
        )
        for _ in range(2):
            server.sql(least_privilege_sql('Other "watcher'))
        assert server.sql(_GRANTS) == [
            ('"Other ""watcher"', len(FUNCTIONS) + 1, False),
            (EXPORTER_ROLE, len(FUNCTIONS) + 1, False),
            ("watcher", 3, True),
        ]
        with contextlib.closing(_session(primary)) as session:
            session.execute("SELECT FROM replication_cert_exporter.public_certificates()")


def test_grants_to_everybody_and_of_others_functions_do_not_come_back(
    own_primary: Primary,
) -> None:
    server = own_primary.server
    # PUBLIC may call a function that somebody makes, and its maker may as well
    server.sql(
        "GRANT USAGE, CREATE ON SCHEMA replication_cert_exporter TO PUBLIC;"
        " GRANT EXECUTE ON FUNCTION replication_cert_exporter.file_times() TO PUBLIC;"
        " DROP FUNCTION replication_cert_exporter.hba_lines();"
        " SET ROLE l_socket;"
        " CREATE FUNCTION replication_cert_exporter.hba_lines() RETURNS int"
        " LANGUAGE sql AS 'SELECT 1';"
        " GRANT EXECUTE ON FUNCTION replication_cert_exporter.hba_lines() TO blind;"
        " RESET ROLE"
    )
    server.sql(least_privilege_sql(EXPORTER_ROLE))
    assert server.sql(_GRANTS) == [(EXPORTER_ROLE, len(FUNCTIONS) + 1, False)]


def test_somebody_else_s_schema_of_that_name_is_not_trusted(own_primary: Primary) -> None:
    own_primary.server.sql(
        "DROP SCHEMA replication_cert_exporter CASCADE;"
        " CREATE SCHEMA replication_cert_exporter AUTHORIZATION blind"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="belongs to a role"):
        own_primary.server.sql(least_privilege_sql(EXPORTER_ROLE))


async def test_a_member_that_does_not_inherit_is_reported_as_blind(own_primary: Primary) -> None:
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
    for read in (observation.wal_senders, observation.hba, observation.hba_lines):
        assert not isinstance(read, Unread)
    assert not isinstance(observation.tls_files, Unread)
