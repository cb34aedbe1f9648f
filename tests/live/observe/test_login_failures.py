"""Logins that fail, at real servers: each with its own reason, on every major where it differs."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.target import (
    ClearPassword,
    Password,
    PasswordFile,
    PasswordVariable,
    Target,
)
from exporter.observe.postgres.poll import observe
from lab.pki import Authority
from lab.server import PostgresServer
from lab.wait import NotWithinTimeError, until
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.seen import note_read

pytestmark = pytest.mark.live

SLACK_SECONDS = 15.0
PASSWORD = "planted-password"

HBA = """\
host    postgres,absent,closed  exporter,limited,nologin,nobody  127.0.0.1/32  trust
host    postgres                by_password                      127.0.0.1/32  scram-sha-256
hostssl postgres                by_certificate                   127.0.0.1/32  cert
host    postgres                rejected                         127.0.0.1/32  reject
"""

ROLES = """
CREATE ROLE by_password LOGIN PASSWORD 'another-password';
CREATE ROLE by_certificate LOGIN;
CREATE ROLE rejected LOGIN;
CREATE ROLE limited LOGIN CONNECTION LIMIT 0;
CREATE ROLE nologin;
"""


@pytest.fixture(scope="module", params=[13, 14, 15, 16, 17, 18])
def strict(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Primary]:
    with fresh_primary(primaries, request.param, hba=HBA) as primary:
        for statement in (
            ROLES,
            "CREATE DATABASE closed",
            "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
        ):
            primary.server.sql(statement)
        yield primary


async def _failure(
    primary: Primary, parameters: Mapping[str, str], password: Password = None
) -> Unread:
    base = primary.target()
    return await _poll(Target(base.name, {**base.parameters, **parameters}, password))


async def _poll(target: Target) -> Unread:
    started = time.monotonic()
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert time.monotonic() - started < target.timeout_seconds + SLACK_SECONDS
    assert isinstance(read, Unread), read
    assert PASSWORD not in repr(read)
    return read


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"user": "by_password"}, FailureReason.AUTHENTICATION),
        ({"user": "nobody"}, FailureReason.AUTHENTICATION),
        ({"user": "nologin"}, FailureReason.AUTHENTICATION),
        ({"user": "stranger"}, FailureReason.NO_HBA_ENTRY),
        ({"user": "rejected"}, FailureReason.NO_HBA_ENTRY),
        ({"dbname": "absent"}, FailureReason.DATABASE_MISSING),
        ({"dbname": "closed"}, FailureReason.PERMISSION),
        ({"user": "limited"}, FailureReason.ROLE_CONNECTION_LIMIT),
        ({"user": "by_certificate", "sslmode": "require"}, FailureReason.CLIENT_CERTIFICATE),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
async def test_a_refused_login_is_reported_with_its_reason(
    strict: Primary, parameters: dict[str, str], reason: FailureReason
) -> None:
    # with a password, a server that is not verified must not admit without one
    password = ClearPassword(PASSWORD) if parameters.get("user") == "by_password" else None
    read = await _failure(strict, parameters, password)
    assert read.reason is reason, read


async def test_of_two_attempts_the_wrong_password_is_reported(strict: Primary) -> None:
    # sslmode=prefer tries again without TLS after a login that was refused
    strict.server.sql("CREATE ROLE twice LOGIN PASSWORD 'another-password'")
    strict.server.write_hba(f"hostssl postgres twice 127.0.0.1/32 scram-sha-256\n{HBA}")
    strict.server.reload()
    try:
        read = await _failure(
            strict, {"user": "twice", "sslmode": "prefer"}, ClearPassword(PASSWORD)
        )
    finally:
        strict.server.write_hba(HBA)
        strict.server.reload()
        strict.server.sql("DROP ROLE twice")
    assert read.reason is FailureReason.AUTHENTICATION


async def test_the_server_s_certificate_is_verified_against_the_given_authority(
    strict: Primary, tmp_path: Path
) -> None:
    other = Authority.create(tmp_path, common_name="Another CA")
    for parameters in (
        {"sslmode": "verify-ca", "sslrootcert": str(other.certificate_path)},
        {"sslmode": "verify-ca", "sslrootcert": str(tmp_path / "absent.crt")},
        {
            "sslmode": "verify-full",
            "sslrootcert": str(strict.authority.certificate_path),
            "host": "db.example",
            "hostaddr": "127.0.0.1",
        },
    ):
        read = await _failure(strict, parameters)
        assert read.reason is FailureReason.SERVER_CERTIFICATE, read


@pytest.mark.parametrize("tls_version", ["TLSv1.2", "TLSv1.3"])
async def test_the_exporter_s_own_certificate_is_reported_as_the_cause(
    strict: Primary, tmp_path: Path, tls_version: str
) -> None:
    stranger = Authority.create(tmp_path, common_name="Another CA").issue(
        common_name="by_certificate"
    )
    misnamed = strict.authority.issue(common_name="somebody")
    expired = strict.authority.issue(
        common_name="by_certificate",
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2020, 2, 1, tzinfo=UTC),
    )
    for certificate, key in (
        (stranger.certificate_path, stranger.key_path),
        (misnamed.certificate_path, misnamed.key_path),
        (expired.certificate_path, expired.key_path),
        (misnamed.certificate_path, stranger.key_path),
        (misnamed.certificate_path, tmp_path / "absent.key"),
    ):
        read = await _failure(
            strict,
            {
                "user": "by_certificate",
                "sslmode": "require",
                "sslcert": str(certificate),
                "sslkey": str(key),
                "ssl_max_protocol_version": tls_version,
            },
        )
        assert read.reason is FailureReason.CLIENT_CERTIFICATE, read


async def test_a_server_without_tls_is_reported_when_tls_is_required(primaries: Primaries) -> None:
    with fresh_primary(primaries, 18, tls=False) as primary:
        read = await _failure(primary, {"sslmode": "require"})
    assert read.reason is FailureReason.TLS


async def test_no_common_tls_version_is_a_failure_of_tls(primaries: Primaries) -> None:
    settings = {"ssl_min_protocol_version": "TLSv1.3"}
    with fresh_primary(primaries, 18, settings=settings) as primary:
        read = await _failure(
            primary, {"sslmode": "require", "ssl_max_protocol_version": "TLSv1.2"}
        )
    assert read.reason is FailureReason.TLS


@pytest.mark.parametrize(
    "password",
    [PasswordFile(Path("/nonexistent/password")), PasswordVariable("PGREPL_TEST_ABSENT")],
    ids=["file", "variable"],
)
async def test_a_password_that_cannot_be_read_is_reported_before_any_login(
    password: Password,
) -> None:
    read = await _poll(Target("t", {"host": "127.0.0.1", "port": "1"}, password))
    assert read.reason is FailureReason.AUTHENTICATION


async def test_a_password_from_a_file_is_used_without_its_newline(
    primaries: Primaries, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    hba = "host all by_file 127.0.0.1/32 scram-sha-256\n"
    with fresh_primary(primaries, 17, hba=hba) as primary:
        primary.server.sql(f"CREATE ROLE by_file LOGIN PASSWORD '{PASSWORD}'")
        base = primary.target(role="by_file")
        target = Target(base.name, base.parameters, PasswordFile(file))
        read = await observe(target, now=lambda: datetime.now(UTC))
        assert not isinstance(read, Unread), read


async def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    read = await _poll(Target("t", {"host": "127.0.0.1", "port": str(port)}))
    assert read.reason is FailureReason.REFUSED


async def test_a_missing_socket_refuses(tmp_path: Path) -> None:
    read = await _poll(Target("t", {"host": str(tmp_path)}))
    assert read.reason is FailureReason.REFUSED


async def test_a_name_that_does_not_resolve_is_reported_as_such() -> None:
    read = await _poll(Target("t", {"host": "no-such-host.invalid"}, timeout_seconds=30))
    assert read.reason is FailureReason.DNS
    assert "no-such-host.invalid" in read.detail


async def test_the_next_address_of_a_name_is_tried(primaries: Primaries) -> None:
    # nothing listens on the first two; the third is the server
    primary = primaries[18]
    target = primary.target({"host": "127.0.0.2,::1,127.0.0.1"})
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert not isinstance(read, Unread), read


@pytest.mark.parametrize("major", [13, 16, 18])
async def test_a_full_server_is_reported_as_such(primaries: Primaries, major: int) -> None:
    settings = {"max_connections": "6", "superuser_reserved_connections": "2"}
    with (
        fresh_primary(primaries, major, settings=settings) as primary,
        contextlib.ExitStack() as open_,
    ):
        for _ in range(4):
            open_.enter_context(contextlib.closing(primary.server.connect()))
        read = await _failure(primary, {})
        assert read.reason is FailureReason.TOO_MANY_CONNECTIONS
        for _ in range(2):
            open_.enter_context(contextlib.closing(primary.server.connect()))
        read = await _failure(primary, {})
        assert read.reason is FailureReason.TOO_MANY_CONNECTIONS


@pytest.mark.parametrize("major", [13, 18])
async def test_a_server_that_shuts_down_is_reported_as_such(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major) as primary:
        target = primary.target()
        with contextlib.closing(primary.server.connect()):
            offset = primary.server.log_size()
            os.kill(primary.server.pid, signal.SIGTERM)
            until(
                lambda: "smart shutdown" in primary.server.log_since(offset),
                within=10,
                what="the shutdown to begin",
            )
            read = await _poll(target)
    assert read.reason is FailureReason.SHUTTING_DOWN


@contextlib.contextmanager
def _starting(server: PostgresServer, settings: str, log: str) -> Iterator[None]:
    """Start a server that will not come to take connections; wait for ``log`` in its log."""
    server.stop()
    server.write("postgresql.auto.conf", settings)
    offset = server.log_size()

    def start() -> None:
        with contextlib.suppress(RuntimeError, NotWithinTimeError):
            server.start()

    thread = threading.Thread(target=start)
    thread.start()
    try:
        until(lambda: log in server.log_since(offset), within=20, what=f"{log!r} in the log")
        yield
    finally:
        server.kill()
        thread.join()


@pytest.mark.parametrize("major", [13, 14, 18])
async def test_a_server_that_is_not_ready_yet_is_distinguished_from_one_that_never_will_be(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major) as primary:
        directory = primary.server.directory.with_name(f"standby{major}")
        standby = primary.server.standby(directory, primary.client_with_certificate("r_cert"))
        target = Primary(standby, primary.authority).target()
        blocked = "restore_command = 'sleep 60; false'\n"
        with _starting(standby, blocked, "listening on Unix socket"):
            read = await _poll(target)
            assert read.reason is FailureReason.STARTING_UP
        with _starting(standby, "hot_standby = off\n", "entering standby mode"):
            read = await _poll(target)
            while read.reason is FailureReason.STARTING_UP and major >= 14:
                read = await _poll(target)
        # 13 has the same words for both
        expected = FailureReason.HOT_STANDBY_DISABLED if major >= 14 else FailureReason.STARTING_UP
        assert read.reason is expected
