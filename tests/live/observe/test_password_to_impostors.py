"""No password reaches an impostor, and none is believed, wherever the password comes from."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable, Target
from exporter.observe.postgres.poll import observe
from lab.pki import SERVER, Authority
from tests.live.observe import login_impostors
from tests.live.observe.impostors import listening
from tests.live.observe.login_impostors import PASSWORD, USER, Impostor, Wire
from tests.live.seen import note_read

pytestmark = pytest.mark.live

TERMINATE = b"X\0\0\0\4"
CLEAR = ClearPassword(PASSWORD)

Ask = Callable[[Wire], None]
ASKS_FOR_THE_PASSWORD = (login_impostors.in_clear_text, login_impostors.as_md5)
UNPROVED = (
    login_impostors.ok_at_once,
    login_impostors.ok_instead_of_scram,
    login_impostors.ok_after_client_first,
    login_impostors.ok_after_client_final,
    login_impostors.ok_after_a_false_proof,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any of libpq's files."""
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that no target trusts."""
    return Authority.create(tmp_path_factory.mktemp("stranger"), common_name="Another CA")


@contextlib.contextmanager
def impostor(ask: Ask, authority: Authority | None = None) -> Iterator[tuple[Impostor, int]]:
    """Yield an impostor and its port; with TLS if an authority is given."""
    issued = None
    if authority is not None:
        sans = ("localhost", "127.0.0.1")
        issued = authority.issue(common_name="localhost", usage=SERVER, sans=sans)
    thief = Impostor(ask, issued)
    with listening(thief) as port:
        yield thief, port


async def _poll(
    port: int, parameters: Mapping[str, str] | None = None, password: Password = CLEAR
) -> Unread:
    target = Target(
        "impostor",
        {"host": "127.0.0.1", "port": str(port), "user": USER, **(parameters or {})},
        password,
        timeout_seconds=5,
    )
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert isinstance(read, Unread), read
    assert PASSWORD not in read.detail
    return read


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require"])
@pytest.mark.parametrize("ask", ASKS_FOR_THE_PASSWORD)
async def test_the_password_is_not_sent_to_a_server_that_is_not_verified(
    ask: Ask, sslmode: str, stranger: Authority
) -> None:
    with impostor(ask, stranger) as (thief, port):
        read = await _poll(port, {"sslmode": sslmode})
    assert thief.startups > 0, read
    assert bytes(thief.received) in {b"", TERMINATE}
    assert read.reason is FailureReason.AUTHENTICATION
    assert "write sslmode: verify-full and sslrootcert for this target" in read.detail


@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("ask", UNPROVED)
async def test_a_server_that_does_not_complete_scram_is_not_believed(
    ask: Ask, sslmode: str, stranger: Authority
) -> None:
    with impostor(ask, stranger) as (thief, port):
        read = await _poll(port, {"sslmode": sslmode})
    assert thief.startups == 1
    assert not thief.has_the_password()
    assert b"SELECT" not in thief.received
    assert read.reason is FailureReason.AUTHENTICATION, read


def _sources(home: Path) -> dict[str, tuple[Password, dict[str, str], dict[str, str]]]:
    """Return, by name: the configured password, parameters, environment."""
    file, passfile, service = home / "password", home / "passwords", home / "services"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    passfile.write_text(f"*:*:*:*:{PASSWORD}\n", "utf-8")
    passfile.chmod(0o600)
    service.write_text(f"[s]\npassword={PASSWORD}\n", "utf-8")
    return {
        "password": (CLEAR, {}, {}),
        "password_file": (PasswordFile(file), {}, {}),
        "password_env": (PasswordVariable("OWN_VARIABLE"), {}, {"OWN_VARIABLE": PASSWORD}),
        "passfile": (None, {"passfile": str(passfile)}, {}),
        "PGPASSWORD": (None, {}, {"PGPASSWORD": PASSWORD}),
        "PGPASSFILE": (None, {}, {"PGPASSFILE": str(passfile)}),
        ".pgpass": (None, {}, {}),
        "PGSERVICE": (None, {}, {"PGSERVICE": "s", "PGSERVICEFILE": str(service)}),
    }


SOURCES = (
    "password",
    "password_file",
    "password_env",
    "passfile",
    "PGPASSWORD",
    "PGPASSFILE",
    ".pgpass",
    "PGSERVICE",
)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("ask", [*ASKS_FOR_THE_PASSWORD, login_impostors.ok_after_client_final])
async def test_wherever_the_password_comes_from(
    ask: Ask, source: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password, parameters, environment = _sources(home)[source]
    if source == ".pgpass":
        (home / "passwords").rename(home / ".pgpass")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with impostor(ask) as (thief, port):
        read = await _poll(port, parameters, password)
        assert thief.startups > 0
        assert not thief.has_the_password()
        assert read.reason is FailureReason.AUTHENTICATION, read
        assert "is not verified" in read.detail
        # it is where libpq finds it, and is sent where the target says so
        if ask in ASKS_FOR_THE_PASSWORD:
            await _poll(port, {**parameters, "require_auth": "password,md5"}, password)
            assert thief.has_the_password()


@pytest.mark.parametrize("parameters", [{"sslcert": "{crt}", "sslkey": "{key}"}, {}])
async def test_a_found_password_is_not_sent_where_a_certificate_is_shown(
    parameters: dict[str, str],
    stranger: Authority,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = stranger.issue(common_name=USER)
    (home / ".postgresql/postgresql.crt").symlink_to(own.certificate_path)
    (home / ".postgresql/postgresql.key").symlink_to(own.key_path)
    files = {"crt": own.certificate_path, "key": own.key_path}
    given = {name: value.format(**files) for name, value in parameters.items()}
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    for ask in ASKS_FOR_THE_PASSWORD:
        with impostor(ask, stranger) as (thief, port):
            read = await _poll(port, {"sslmode": "require", **given}, None)
        assert thief.startups == 1
        assert bytes(thief.received) in {b"", TERMINATE}
        assert read.reason is FailureReason.AUTHENTICATION


@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full"])
async def test_an_impostor_of_a_verified_server_learns_nothing(
    sslmode: str, stranger: Authority, tmp_path: Path
) -> None:
    trusted = Authority.create(tmp_path)
    with impostor(login_impostors.in_clear_text, stranger) as (thief, port):
        parameters = {"sslmode": sslmode, "sslrootcert": str(trusted.certificate_path)}
        read = await _poll(port, parameters)
    assert (thief.startups, bytes(thief.received)) == (0, b"")
    assert read.reason is FailureReason.SERVER_CERTIFICATE


@pytest.mark.parametrize("where", ["sslrootcert", "home"])
async def test_require_verifies_as_soon_as_there_is_a_root_certificate(
    where: str, stranger: Authority, home: Path, tmp_path: Path
) -> None:
    root = home / ".postgresql/root.crt" if where == "home" else tmp_path / "root.crt"
    parameters = {"sslmode": "require"}
    if where == "sslrootcert":
        parameters["sslrootcert"] = str(root)
    with impostor(login_impostors.in_clear_text, stranger) as (thief, port):
        # without the file libpq does not verify
        read = await _poll(port, parameters)
        assert (thief.startups, thief.has_the_password()) == (1, False)
        assert read.reason is FailureReason.AUTHENTICATION
        root.symlink_to(Authority.create(tmp_path).certificate_path)
        read = await _poll(port, parameters)
        assert (thief.startups, thief.has_the_password()) == (1, False)
        assert read.reason is FailureReason.SERVER_CERTIFICATE
        # the authority of this one is trusted, so that it may ask for anything
        root.unlink()
        root.symlink_to(stranger.certificate_path)
        await _poll(port, parameters)
        assert thief.has_the_password()


@pytest.mark.parametrize("ask", ASKS_FOR_THE_PASSWORD)
async def test_channel_binding_keeps_the_password_too(ask: Ask, stranger: Authority) -> None:
    with impostor(ask, stranger) as (thief, port):
        read = await _poll(port, {"channel_binding": "require"})
    assert bytes(thief.received) in {b"", TERMINATE}
    assert read.reason is FailureReason.AUTHENTICATION


async def test_of_several_addresses_those_over_tcp_are_not_verified(tmp_path: Path) -> None:
    # nothing listens on the socket, so that the next address is tried
    with impostor(login_impostors.in_clear_text) as (thief, port):
        read = await _poll(port, {"host": f"{tmp_path},127.0.0.1"})
        assert (thief.startups, thief.has_the_password()) == (1, False)
        assert read.reason is FailureReason.AUTHENTICATION


@pytest.mark.parametrize("where", ["parameters", "environment"])
async def test_a_socket_as_host_with_an_address_is_not_a_socket(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"host": str(tmp_path)}
    if where == "environment":
        monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    else:
        parameters["hostaddr"] = "127.0.0.1"
    with impostor(login_impostors.in_clear_text) as (thief, port):
        read = await _poll(port, parameters)
        assert (thief.startups, thief.has_the_password()) == (1, False)
        assert read.reason is FailureReason.AUTHENTICATION


async def test_a_login_that_may_use_gssapi_sends_no_password_either() -> None:
    for parameters in ({"krbsrvname": "postgres"}, {"gssencmode": "prefer"}):
        for ask in ASKS_FOR_THE_PASSWORD:
            with impostor(ask) as (thief, port):
                read = await _poll(port, parameters)
            assert bytes(thief.received) in {b"", TERMINATE}
            assert read.reason is FailureReason.AUTHENTICATION
