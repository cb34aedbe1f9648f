"""How a server may ask for the password, decided from what libpq would log in with."""

import itertools
import socket
from pathlib import Path

import pytest
from psycopg import pq

from exporter.libpq_options import login_options
from exporter.observe.postgres.session.authentication import Attempt, authenticated
from exporter.observe.postgres.session.login_files import complete

SERVER = {"host": "db1.example", "hostaddr": "127.0.0.1", "port": "1", "gssencmode": "disable"}
OWN = {**SERVER, "password": "hunter2"}
SCRAM = "scram-sha-256"


def attempt(given: dict[str, str]) -> Attempt:
    """Return the attempt without what libpq's own files add to it."""
    login = authenticated(given, complete(given, {}, lambda *_: None))
    added = login.parameters.keys() - given.keys() - {"require_auth"}
    kept = {key: value for key, value in login.parameters.items() if key not in added}
    return Attempt(kept, scram_only=login.scram_only)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any of libpq's files, and an environment without its variables."""
    (tmp_path / ".postgresql").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGREQUIREAUTH", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_asking_libpq_connects_nowhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003  its only form
        port = str(server.getsockname()[1])
        options = login_options({**OWN, "port": port})
        with pytest.raises(BlockingIOError):
            server.accept()
        # a connection that is only begun would be there
        pq.PGconn.connect_start(f"hostaddr=127.0.0.1 port={port}".encode()).finish()
        server.accept()[0].close()
    assert options.has_password
    assert options.options["port"] == port


def test_the_password_is_not_among_the_options() -> None:
    assert "hunter2" not in repr(login_options(OWN))


@pytest.mark.parametrize("value", ["a b", "it's", "back\\slash", "ü", "x=y"])
def test_values_reach_libpq_as_they_are(value: str) -> None:
    assert login_options({**OWN, "user": value, "password": value}).options["user"] == value


def test_what_libpq_cannot_read_is_taken_from_the_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSERVICE", "absent")
    options = login_options({**OWN, "sslmode": "verify-full"})
    assert (options.has_password, options.verifies_server) == (True, True)


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require"])
def test_with_a_password_and_without_verification_only_scram_is_allowed(sslmode: str) -> None:
    login = attempt({**OWN, "sslmode": sslmode})
    assert login.scram_only
    assert login.parameters == {**OWN, "sslmode": sslmode, "require_auth": SCRAM}


def test_without_a_password_or_with_verification_only_gssapi_is_not_allowed() -> None:
    for parameters in (
        SERVER,
        {**OWN, "sslmode": "verify-ca"},
        {**OWN, "sslmode": "verify-full"},
        {**OWN, "sslrootcert": "system"},
        {**OWN, "channel_binding": "require"},
        {"host": "/run/postgresql", "password": "hunter2"},
        {"host": "@abstract", "password": "hunter2"},
    ):
        login = attempt(parameters)
        assert not login.scram_only
        assert login.parameters == {**parameters, "require_auth": "!gss,!sspi"}


def test_gssapi_is_allowed_where_it_is_asked_for() -> None:
    for wanted in ({"gssencmode": "prefer"}, {"krbsrvname": "postgres"}):
        assert attempt({**SERVER, **wanted}).parameters == {**SERVER, **wanted}
        login = attempt({**OWN, **wanted})
        assert login.parameters["require_auth"] == f"{SCRAM},gss,sspi"
        assert login.scram_only
    # the key distribution centre authenticates the server
    required = {**OWN, "gssencmode": "require"}
    assert attempt(required).parameters == required


@pytest.mark.parametrize("word", ["none", "!none", "password", SCRAM])
def test_require_auth_of_the_configuration_or_the_environment_stands(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {**OWN, "require_auth": word}
    for sslmode in ("disable", "verify-full"):
        login = attempt({**own, "sslmode": sslmode})
        assert (login.parameters, login.scram_only) == ({**own, "sslmode": sslmode}, False)
    monkeypatch.setenv("PGREQUIREAUTH", word)
    assert attempt(OWN).parameters == OWN
    monkeypatch.setenv("PGREQUIREAUTH", "")
    assert attempt(OWN).parameters["require_auth"] == SCRAM


@pytest.mark.parametrize("where", ["sslrootcert", "home"])
def test_require_with_a_root_certificate_is_passed_to_libpq_as_verify_ca(
    where: str, home: Path
) -> None:
    root = home / (".postgresql/root.crt" if where == "home" else "authorities")
    named = {} if where == "home" else {"sslrootcert": str(root)}
    parameters = {**OWN, "sslmode": "require", **named}
    assert attempt(parameters).parameters["require_auth"] == SCRAM
    root.touch()
    login = attempt(parameters)
    assert login.parameters == {**parameters, "sslmode": "verify-ca", "require_auth": "!gss,!sspi"}
    assert not login.scram_only
    # without a password nothing is at stake, and with prefer libpq may leave TLS
    without = {**SERVER, "sslmode": "require", **named}
    assert attempt(without).parameters["sslmode"] == "require"
    assert attempt({**parameters, "sslmode": "prefer"}).scram_only


def test_a_certificate_may_do_without_a_password_that_only_libpq_knows_of(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    certificate = home / "client.crt"
    shown = {**SERVER, "sslmode": "require", "sslcert": str(certificate)}
    assert attempt(shown).parameters["require_auth"] == SCRAM
    certificate.touch()
    assert attempt(shown).parameters["require_auth"] == f"{SCRAM},none"
    assert attempt(SERVER).parameters["require_auth"] == SCRAM
    (home / ".postgresql/postgresql.crt").touch()
    assert attempt(SERVER).parameters["require_auth"] == f"{SCRAM},none"
    # a password of the target is there to be used
    for own, which in itertools.product(({"password": "x"}, {"passfile": "/x"}), (shown, SERVER)):
        assert attempt({**which, **own}).parameters["require_auth"] == SCRAM
