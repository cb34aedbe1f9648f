"""Warnings about a password at a server that is not verified: when, where and in which words."""

from pathlib import Path

import pytest

from tests.unit.config.conftest import FaultsOf, Loaded

PATH = "anyone on the network path can impersonate it"
WRITE = "write sslmode: verify-full and sslrootcert"
HAS = f"target db1 has a password, and does not verify the server: {PATH}"
FINDS = (
    "target db1 has a password that libpq finds (PGPASSWORD, PGPASSFILE, ~/.pgpass or PGSERVICE),"
    f" and does not verify the server: {PATH}"
)
SCRAM_ONLY = "the exporter logs in there by SCRAM only"
OWN_WORD = "require_auth decides in which form the server gets the password"
HOSTED = "targets:\n- name: db1\n  host: db1.example\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any of libpq's files, and an environment without its variables."""
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGREQUIREAUTH", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    return home


def _warnings(loaded: Loaded, folder: Path, text: str) -> list[str]:
    return [str(each).replace(f"{folder}/", "") for each in loaded(text).warnings]


PASSWORDS = {
    "password_file: password": "",
    "password_env: DB_PASSWORD": "",
    "password: hunter2": "  password_in_clear: true\n",
    "parameters: {passfile: pgpass}": "",
}


@pytest.mark.parametrize(("line", "more"), PASSWORDS.items(), ids=PASSWORDS)
def test_a_configured_password_without_verification_is_warned_of_at_the_target(
    loaded: Loaded, folder: Path, line: str, more: str
) -> None:
    (folder / "pgpass").write_text("other.example:*:*:*:x\n")
    (folder / "pgpass").chmod(0o600)
    warnings = _warnings(loaded, folder, f"{HOSTED}  {line}\n{more}")
    assert warnings == [f"config.yml:2: targets.0.sslmode: {HAS}; {SCRAM_ONLY}; {WRITE}"]


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require"])
def test_the_line_of_sslmode_is_named(loaded: Loaded, folder: Path, sslmode: str) -> None:
    text = f"{HOSTED}  password_env: DB_PASSWORD\n  sslmode: {sslmode}\n"
    assert _warnings(loaded, folder, text) == [
        f"config.yml:5: targets.0.sslmode: {HAS}; {SCRAM_ONLY}; {WRITE}"
    ]


def test_a_connection_string_is_warned_of_without_quoting_it(loaded: Loaded, folder: Path) -> None:
    text = (
        "targets:\n- name: db1\n  conninfo: host=db1 password=hunter2\n  password_in_clear: true\n"
    )
    assert _warnings(loaded, folder, text) == [
        f"config.yml:3: targets.0.conninfo: {HAS}; {SCRAM_ONLY}; {WRITE}"
    ]


def test_require_auth_of_the_target_changes_the_warning_and_does_not_silence_it(
    loaded: Loaded, folder: Path
) -> None:
    text = f"{HOSTED}  password_env: DB_PASSWORD\n  parameters: {{require_auth: '!none'}}\n"
    assert _warnings(loaded, folder, text) == [
        f"config.yml:2: targets.0.sslmode: {HAS}; {OWN_WORD}; {WRITE}"
    ]


VERIFIED = (
    "sslmode: verify-ca",
    "sslmode: verify-full",
    "sslrootcert: system",
    "parameters: {channel_binding: require}",
    "parameters: {gssencmode: require}",
    "sslmode: require\n  sslrootcert: root.crt",
)


@pytest.mark.parametrize("line", VERIFIED)
def test_a_verified_server_is_not_warned_of(loaded: Loaded, folder: Path, line: str) -> None:
    assert not _warnings(loaded, folder, f"{HOSTED}  password_env: DB_PASSWORD\n  {line}\n")


@pytest.mark.parametrize("host", ["/run/postgresql", "'@abstract'"])
def test_a_unix_socket_is_not_warned_of(loaded: Loaded, folder: Path, host: str) -> None:
    text = f"targets:\n- name: db1\n  host: {host}\n  password_env: DB_PASSWORD\n"
    assert not _warnings(loaded, folder, text)
    assert _warnings(loaded, folder, f"{text}  hostaddr: 10.0.0.1\n")


def test_a_login_without_a_password_is_not_warned_of(loaded: Loaded, folder: Path) -> None:
    certificate = "  sslmode: require\n  sslcert: client.crt\n  sslkey: client.key\n"
    assert not _warnings(loaded, folder, HOSTED)
    assert not _warnings(loaded, folder, HOSTED + certificate)


def test_a_password_that_libpq_finds_is_warned_of(
    loaded: Loaded, folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = f"config.yml:2: targets.0.sslmode: {FINDS}; {SCRAM_ONLY}; {WRITE}"
    (home / ".pgpass").write_text("db2.example:*:*:*:hunter2\n")
    (home / ".pgpass").chmod(0o600)
    assert not _warnings(loaded, folder, HOSTED)
    (home / ".pgpass").write_text("db1.example:*:*:*:hunter2\n")
    assert _warnings(loaded, folder, HOSTED) == [warning]
    (home / ".pgpass").unlink()
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    assert _warnings(loaded, folder, HOSTED) == [warning]


def test_the_environment_may_say_how_the_server_is_verified(
    loaded: Loaded, folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{HOSTED}  password_env: DB_PASSWORD\n"
    monkeypatch.setenv("PGSSLMODE", "require")
    assert _warnings(loaded, folder, text)
    (home / ".postgresql/root.crt").touch()
    assert not _warnings(loaded, folder, text)
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert _warnings(loaded, folder, text)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert not _warnings(loaded, folder, text)
    # GSSAPI is used only where the target says so
    monkeypatch.setenv("PGSSLMODE", "prefer")
    monkeypatch.setenv("PGGSSENCMODE", "require")
    assert _warnings(loaded, folder, text)


def test_warnings_stand_in_reading_order_with_the_file_of_each_target(
    loaded: Loaded, folder: Path
) -> None:
    (folder / "more.yml").write_text(
        "targets:\n- name: c\n  host: c\n  password_env: DB_PASSWORD\n  sslmode: require\n"
    )
    text = (
        "targets_from: more.yml\ntargets:\n"
        "- {name: a, host: a, password_env: DB_PASSWORD}\n"
        "- {name: b, host: b, password_env: DB_PASSWORD, sslmode: verify-full}\n"
    )
    warnings = _warnings(loaded, folder, text)
    assert [line.partition(" has a password")[0] for line in warnings] == [
        "config.yml:3: targets.0.sslmode: target a",
        "more.yml:5: targets.0.sslmode: target c",
    ]


METHODS = "gss, md5, none, oauth, password, scram-sha-256, sspi"
REQUIRE_AUTH = {
    "scram": f"must be one or several of {METHODS}, with commas and without blanks",
    "md5, password": f"must be one or several of {METHODS}, with commas and without blanks",
    "md5,md5": f"must be one or several of {METHODS}, with commas and without blanks",
    "!md5,password": 'must have "!" before all of its methods, or before none',
}


@pytest.mark.parametrize(("value", "fault"), REQUIRE_AUTH.items(), ids=REQUIRE_AUTH)
def test_a_require_auth_that_libpq_would_refuse_is_a_fault(
    faults_of: FaultsOf, value: str, fault: str
) -> None:
    text = f"{HOSTED}  parameters: {{require_auth: '{value}'}}\n"
    assert faults_of(text) == [f"config.yml:4: targets.0.parameters.require_auth: {fault}"]


@pytest.mark.parametrize(
    "value", ["none", "!none", "password", "scram-sha-256,none", "!gss,!sspi", "oauth"]
)
def test_every_other_require_auth_is_the_user_s_word(loaded: Loaded, value: str) -> None:
    text = f"{HOSTED}  parameters: {{require_auth: '{value}'}}\n"
    assert loaded(text).targets[0].parameters["require_auth"] == value
