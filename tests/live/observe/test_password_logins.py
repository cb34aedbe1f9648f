"""A password at real servers: which rules accept the exporter, verified or not."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.observation import Observation
from exporter.model.target import ClearPassword, Password, Target
from exporter.observe.postgres.poll import observe
from lab import installations
from lab.account import workspace
from lab.kerberos import realm
from lab.pki import server_pki
from lab.server import PostgresServer
from tests.live.observe.radius import SECRET, radius_server
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.seen import note_read

pytestmark = pytest.mark.live

PASSWORD = "planted-password"
OWN = ClearPassword(PASSWORD)
MAJORS = (13, 15, 18)

TRUST, CERT, SCRAM = "by_trust", "by_cert", "by_scram"
MD5_HASHED, MD5_SCRAM = "md5_with_md5_hash", "md5_with_scram_hash"
CLEAR, RADIUS = "in_clear_text", "by_radius"
ROLES = (TRUST, CERT, SCRAM, MD5_HASHED, MD5_SCRAM, CLEAR, RADIUS)

UP = "up"
UNPROVED = "did not prove that it knows the password"
AS_MD5 = "asks for an MD5 hash"
AS_CLEAR = "asks for the password in clear text"

UNVERIFIED = {
    TRUST: UNPROVED,
    CERT: UNPROVED,
    SCRAM: UP,
    MD5_HASHED: AS_MD5,
    MD5_SCRAM: UP,
    CLEAR: AS_CLEAR,
    RADIUS: AS_CLEAR,
}
"""What a server that is not verified gets by its rule."""

OWN_WORD = {
    TRUST: "none",
    CERT: "none",
    SCRAM: "!none",
    MD5_HASHED: "!none",
    MD5_SCRAM: "md5,scram-sha-256",
    CLEAR: "password",
    RADIUS: "!gss",
}
"""What to write for a rule, where the server cannot be verified."""


def _hba(radius_port: int) -> str:
    radius = f'radius radiusservers=127.0.0.1 radiusports={radius_port} radiussecrets="{SECRET}"'
    methods = {
        TRUST: "trust",
        SCRAM: "scram-sha-256",
        MD5_HASHED: "md5",
        MD5_SCRAM: "md5",
        CLEAR: "password",
        RADIUS: radius,
    }
    lines = [f"hostssl all {CERT} 127.0.0.1/32 cert"]
    for role, method in methods.items():
        lines += [f"host all {role} 127.0.0.1/32 {method}", f"local all {role} {method}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Primary]:
    with (
        radius_server(PASSWORD) as port,
        fresh_primary(primaries, request.param, hba=_hba(port)) as primary,
    ):
        with contextlib.closing(primary.server.connect()) as connection:
            for role in ROLES:
                kind = "md5" if role == MD5_HASHED else "scram-sha-256"
                connection.execute(f"SET password_encryption = '{kind}'")
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        yield primary


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder without any of libpq's files."""
    monkeypatch.setenv("HOME", str(tmp_path))


async def _poll(
    server: Primary,
    role: str,
    parameters: Mapping[str, str],
    password: Password = OWN,
) -> str:
    """Log in, with a certificate where the rule wants one; return UP or the detail."""
    own = server.client_with_certificate(role) if role == CERT else server.client(role)
    own.pop("sslrootcert", None)
    target = Target("t", {**own, "dbname": "postgres", **parameters}, password)
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    if isinstance(read, Observation):
        return UP
    assert read.reason is FailureReason.AUTHENTICATION, read
    assert PASSWORD not in read.detail
    return read.detail


@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("role", ROLES)
async def test_a_server_that_is_not_verified_gets_the_password_by_scram_only(
    server: Primary, role: str, sslmode: str
) -> None:
    if role == CERT:
        sslmode = "require"
    assert UNVERIFIED[role] in await _poll(server, role, {"sslmode": sslmode})


@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full", "require"])
@pytest.mark.parametrize("role", ROLES)
async def test_a_verified_server_may_ask_as_it_likes(
    server: Primary, role: str, sslmode: str
) -> None:
    # with a root certificate, require verifies
    parameters = {"sslmode": sslmode, "sslrootcert": str(server.authority.certificate_path)}
    assert await _poll(server, role, parameters) == UP


@pytest.mark.parametrize("role", sorted(set(ROLES) - {CERT}))
async def test_a_unix_socket_may_ask_as_it_likes(server: Primary, role: str) -> None:
    parameters = server.client_over_socket(role)
    assert await _poll(server, role, {**parameters, "sslmode": "prefer"}) == UP


@pytest.mark.parametrize("role", ROLES)
async def test_require_auth_of_the_target_is_its_own_word(server: Primary, role: str) -> None:
    parameters = {"sslmode": "require", "require_auth": OWN_WORD[role]}
    assert await _poll(server, role, parameters) == UP


async def test_require_auth_of_the_environment_is_the_user_s_word_too(
    server: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGREQUIREAUTH", "password")
    assert await _poll(server, CLEAR, {"sslmode": "require"}) == UP
    assert '"password" failed' in await _poll(server, SCRAM, {"sslmode": "require"})
    # and where it is stricter than the exporter
    monkeypatch.setenv("PGREQUIREAUTH", "scram-sha-256")
    verified = {"sslmode": "verify-full", "sslrootcert": str(server.authority.certificate_path)}
    assert '"scram-sha-256" failed' in await _poll(server, CLEAR, verified)


async def test_channel_binding_verifies_and_lets_scram_in(server: Primary) -> None:
    assert await _poll(server, SCRAM, {"sslmode": "require", "channel_binding": "require"}) == UP


@pytest.mark.parametrize("role", [TRUST, CERT])
async def test_a_login_without_a_password_is_untouched(server: Primary, role: str) -> None:
    assert await _poll(server, role, {"sslmode": "require"}, None) == UP


async def test_a_certificate_logs_in_although_libpq_finds_a_password_for_everything(
    server: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert await _poll(server, CERT, {"sslmode": "require"}, None) == UP
    assert await _poll(server, SCRAM, {"sslmode": "require"}, None) == UP
    assert UNPROVED in await _poll(server, TRUST, {"sslmode": "require"}, None)


async def test_of_two_addresses_the_socket_gets_the_clear_text(server: Primary) -> None:
    # nothing listens on the first
    both = f"127.0.0.2,{server.server.socket_directory}"
    assert await _poll(server, CLEAR, {"host": both}) == UP
    assert AS_CLEAR in await _poll(server, CLEAR, {"host": "127.0.0.2,127.0.0.1"})


@pytest.mark.root
@pytest.mark.parametrize("major", [15, 18])
async def test_gssapi_encryption_verifies_the_server(primaries: Primaries, major: int) -> None:
    hba = f"hostgssenc all {CLEAR} 127.0.0.1/32 password\n"
    with workspace() as directory, realm(directory / "realm") as kerberos:
        with (
            PostgresServer.create(
                installations.provide(major),
                directory / "server",
                hba=hba,
                pki=server_pki(primaries[major].authority),
                settings={"krb_server_keyfile": str(kerberos.keytab)},
                environment=kerberos.environment(),
            ) as server,
            kerberos.logged_in("r_gss"),
        ):
            server.sql(f"CREATE ROLE {CLEAR} LOGIN PASSWORD '{PASSWORD}'")
            parameters = {**server.tcp, "user": CLEAR, "gssencmode": "require"}
            target = Target("t", {**parameters, "dbname": "postgres"}, ClearPassword(PASSWORD))
            read = await observe(target, now=lambda: datetime.now(UTC))
        assert not isinstance(read, Unread), read
