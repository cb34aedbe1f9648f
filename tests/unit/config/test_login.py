"""How the exporter logs in: parameters, files and passwords, and the exact words for faults."""

from pathlib import Path

import pytest

from exporter.config.conninfo import KEYWORDS, REFUSED
from exporter.config.parameters import CHOICES, PATHS
from exporter.model.target import ClearPassword, PasswordFile, PasswordVariable
from tests.unit.config.conftest import FaultsOf, Loaded

NAMED = "targets:\n- name: db1\n"
HOSTED = "targets:\n- name: db1\n  host: db1.example\n"
NOT_FOUND = "cannot be read: No such file or directory"
SAY_SO = "add password_in_clear: true, or better use password_file or password_env"
NOT_A_HOST = "must be a host name or the folder of a unix socket; a string goes to conninfo"
NOT_A_PORT = "must be a port number from 1 to 65535"
UNREADABLE = "is not a libpq connection string"
NO_SERVER = "names no server: write host or hostaddr"
SEVERAL = "names several servers: write a target for each"

FIELDS = {
    "host: db1,db2": f"host: {SEVERAL}",
    "host: postgresql://u:hunter2@db1/x": f"host: {NOT_A_HOST}",
    "host: host=db1 password=hunter2": f"host: {NOT_A_HOST}",
    "host: u@db1": f"host: {NOT_A_HOST}",
    'host: ""': "host: must not be empty",
    "host: [db1]": "host: must be text (true, false and null need quotes)",
    "hostaddr: db1.example": "hostaddr: must be an IP address; a name goes to host",
    "hostaddr: 10.0.0.1,10.0.0.2": f"hostaddr: {SEVERAL}",
}

LOGINS = {
    "port: 0": f"port: {NOT_A_PORT}",
    "port: 65536": f"port: {NOT_A_PORT}",
    "port: 5432,5433": f"port: {NOT_A_PORT}",
    "port: 0x1538": f"port: {NOT_A_PORT}",
    "port: ²": f"port: {NOT_A_PORT}",
    "port: 99999999999999999999": f"port: {NOT_A_PORT}",
    "dbname: postgresql://u:hunter2@h/d": "dbname: must be the name of a database; a string goes"
    " to conninfo",
    "dbname: host=a password=hunter2": "dbname: must be the name of a database; a string goes to"
    " conninfo",
    "sslmode: verify_full": "sslmode: must be one of disable, allow, prefer, require, verify-ca,"
    " verify-full",
    "sslrootcert: missing": f"sslrootcert: {NOT_FOUND}",
    "sslrootcert: .": "sslrootcert: is a directory, not a regular file",
    "sslcrl: missing": f"sslcrl: {NOT_FOUND}",
    "sslcert: client.crt": "sslcert: sslkey is missing: the two go together",
    "sslkey: client.key": "sslkey: sslcert is missing: the two go together",
    "parameters: [a]": "parameters: must be a mapping of keys to values",
    "parameters: {sslmod: require}": "parameters.sslmod: is not a connection parameter that libpq"
    " knows: did you mean sslmode?",
    "parameters: {colour: red}": "parameters.?: is not a connection parameter that libpq knows",
    "parameters: {sslmode: require}": "parameters.sslmode: is a key of the target: write it there",
    "parameters: {password: hunter2}": "parameters.password: is a key of the target: write it"
    " there",
    'parameters: {sslcrldir: ""}': "parameters.sslcrldir: must not be empty",
    "parameters: {sslcrldir: missing}": f"parameters.sslcrldir: {NOT_FOUND}",
    "parameters: {sslcrldir: password}": "parameters.sslcrldir: cannot be read: Not a directory",
    "parameters: {passfile: missing}": f"parameters.passfile: {NOT_FOUND}",
    "parameters: {gssencmode: yes}": "parameters.gssencmode: must be one of disable, prefer,"
    " require",
    "parameters: {sslnegotiation: direct}": "parameters.sslnegotiation: direct needs sslmode"
    " require, verify-ca or verify-full",
    "password_file: missing": f"password_file: {NOT_FOUND}",
    "password_file: .": "password_file: is a directory, not a regular file",
    "password_env: NOT_SET": "password_env: is not set in the exporter's environment, or empty",
    "password_env: EMPTY": "password_env: is not set in the exporter's environment, or empty",
    "password_env: $DB_PASSWORD": "password_env: must be the name of an environment variable",
    "password: hunter2": f"password: is a password in clear text: {SAY_SO}",
    "password: {hunter2: a}": "password: must be text (true, false and null need quotes)",
    'password: ""': "password: must not be empty",
    "password_in_clear: true": "password_in_clear: no password is written in clear text: remove it",
    "password_in_clear: yes": "password_in_clear: must be true or false",
    "conninfo: host=db1": "host: conninfo is given too: write this into it, or leave it out",
}

STRINGS = {
    "dbname=db": NO_SERVER,
    "host=db1 prot=5433": "contains a keyword that libpq does not know; did you mean port?",
    "host=db1 colour=red": "contains a keyword that libpq does not know",
    "postgresql://db1/x?sslmod=require": "contains a keyword that libpq does not know; did you mean"
    " sslmode?",
    "host=db1 password=my hunter2": f"{UNREADABLE}: it contains a keyword without a value: write"
    " keyword=value, and 'a value with blanks'",
    "host=db1 password=my hunter2=5": "contains a keyword that libpq does not know",
    "host=db1 password='hunter2": f"{UNREADABLE}: it contains a single quote that is never closed",
    "postgresql://u:hunter%zz2@db1/x": f'{UNREADABLE}: it contains a "%" that does not begin a'
    ' percent-encoded character: write %25 for "%"',
    "postgresql://u:hunter%db2@db1/x": f"{UNREADABLE}: it contains a percent-encoded character that"
    " is not UTF-8",
    "postgresql://u:hunter%002@db1/x": f"{UNREADABLE}: it contains %00, which cannot be used",
    "postgresql://u:hunter2@[::1": f'{UNREADABLE}: it contains an IPv6 address without its "]"',
    "postgresql://db1/x?sslmode": f"{UNREADABLE}: it contains a query parameter without a value, or"
    " one too many",
    "host=db1 password=hunter2": f"holds a password in clear text: {SAY_SO}",
    "postgresql://u:hunter2@db1/x": f"holds a password in clear text: {SAY_SO}",
    "postgresql://db1/x?password=hunter2": f"holds a password in clear text: {SAY_SO}",
    "host=db1,db2": f"host: {SEVERAL}",
    "postgresql://db1:5432,db2:5433/x?port=5432": f"host: {SEVERAL}",
    "host=db1 port=x": f"port: {NOT_A_PORT}",
    "host=db1 sslrootcert=missing": f"sslrootcert: {NOT_FOUND}",
    "host=db1 user=''": "user: is empty: write a value, or leave it out",
    "host=db1 sslmode=on": "sslmode: must be one of disable, allow, prefer, require, verify-ca,"
    " verify-full",
    "host=db1 sslmode=require sslrootcert=system": "sslmode: must be verify-full with"
    " sslrootcert=system",
    "postgresql://[::1]x": UNREADABLE,
    "postgresql://[]": UNREADABLE,
    "host=db1 user='a\tb'": "user: must not hold control characters",
}


def _conninfo(string: str) -> str:
    escaped = string.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'{NAMED}  conninfo: "{escaped}"\n'


@pytest.mark.parametrize(("line", "expected"), FIELDS.items(), ids=FIELDS)
def test_a_value_that_names_no_server_is_reported(
    faults_of: FaultsOf, line: str, expected: str
) -> None:
    assert faults_of(f"{NAMED}  {line}\n") == [f"config.yml:3: targets.0.{expected}"]


@pytest.mark.parametrize(("line", "expected"), LOGINS.items(), ids=LOGINS)
def test_a_fault_of_the_login_is_reported(faults_of: FaultsOf, line: str, expected: str) -> None:
    at = 3 if expected.startswith("host:") else 4
    assert faults_of(f"{HOSTED}  {line}\n") == [f"config.yml:{at}: targets.0.{expected}"]


@pytest.mark.parametrize(("string", "expected"), STRINGS.items(), ids=STRINGS)
def test_a_fault_of_a_connection_string_is_reported_without_quoting_it(
    faults_of: FaultsOf, string: str, expected: str
) -> None:
    assert faults_of(_conninfo(string)) == [f"config.yml:3: targets.0.conninfo: {expected}"]


@pytest.mark.parametrize("keyword", sorted(REFUSED.keys() & KEYWORDS))
def test_a_parameter_that_is_not_the_users_is_refused(faults_of: FaultsOf, keyword: str) -> None:
    assert faults_of(f"{HOSTED}  parameters: {{{keyword}: hunter2}}\n") == [
        f"config.yml:4: targets.0.parameters.{keyword}: must not be set: {REFUSED[keyword]}"
    ]
    assert faults_of(_conninfo(f"host=db1 {keyword}=hunter2")) == [
        f"config.yml:3: targets.0.conninfo: {keyword}: must not be set: {REFUSED[keyword]}"
    ]


def test_every_keyword_that_has_a_rule_here_is_one_of_libpqs() -> None:
    newer_than_some_libpq = {"servicefile"}
    assert (REFUSED.keys() | CHOICES.keys() | PATHS.keys()) - newer_than_some_libpq <= KEYWORDS


def test_a_target_without_host_is_reported(faults_of: FaultsOf) -> None:
    assert faults_of(NAMED) == [f"config.yml:2: targets.0: {NO_SERVER}"]


def test_parameters_together_with_a_connection_string_are_refused(faults_of: FaultsOf) -> None:
    text = f"{NAMED}  conninfo: host=db1\n  parameters: {{keepalives: 1}}\n"
    assert faults_of(text) == [
        (
            "config.yml:4: targets.0.parameters: conninfo is given too: write these into it, or"
            " leave it out"
        )
    ]


def test_an_sslmode_that_is_not_a_string_is_reported_once(faults_of: FaultsOf) -> None:
    text = f"{HOSTED}  sslmode: []\n  parameters: {{sslnegotiation: direct}}\n"
    assert faults_of(text) == [
        "config.yml:4: targets.0.sslmode: must be text (true, false and null need quotes)"
    ]


def test_two_passwords_are_refused(faults_of: FaultsOf) -> None:
    text = (
        f"{NAMED}  conninfo: host=db1 password=hunter2\n  password_file: password\n"
        "  password_env: DB_PASSWORD\n  password: hunter3\n  password_in_clear: true\n"
    )
    assert faults_of(text) == [
        (
            "config.yml:3: targets.0.conninfo: holds a second password: password_file gives one"
            " already"
        ),
        (
            "config.yml:5: targets.0.password_env: is a second password: password_file gives one"
            " already"
        ),
        "config.yml:6: targets.0.password: is a second password: password_file gives one already",
    ]


def test_the_fields_become_libpqs_parameters(folder: Path, loaded: Loaded) -> None:
    text = (
        f"{HOSTED}  hostaddr: 10.0.0.1\n  port: 5433\n  user: exporter\n  sslmode: verify-full\n"
        "  sslrootcert: root.crt\n  sslcert: client.crt\n  sslkey: client.key\n"
        "  parameters: {keepalives_idle: 30, sslsni: '0'}\n"
    )
    assert loaded(text).targets[0].parameters == {
        "host": "db1.example",
        "hostaddr": "10.0.0.1",
        "port": "5433",
        "user": "exporter",
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": str(folder / "root.crt"),
        "sslcert": str(folder / "client.crt"),
        "sslkey": str(folder / "client.key"),
        "keepalives_idle": "30",
        "sslsni": "0",
    }


@pytest.mark.parametrize(
    "string",
    [
        "host=db1 port=5433 user=u dbname=d sslmode=verify-full sslrootcert=root.crt",
        "postgresql://u@db1:5433/d?sslmode=verify-full&sslrootcert=root.crt",
        "postgres://u@db1:5433/d?sslmode=verify-full&sslrootcert=root.crt",
    ],
)
def test_a_connection_string_becomes_the_same_parameters(
    folder: Path, loaded: Loaded, string: str
) -> None:
    assert loaded(_conninfo(string)).targets[0].parameters == {
        "host": "db1",
        "port": "5433",
        "user": "u",
        "dbname": "d",
        "sslmode": "verify-full",
        "sslrootcert": str(folder / "root.crt"),
    }


def test_the_value_system_for_authorities_is_not_a_path(loaded: Loaded) -> None:
    text = f"{HOSTED}  sslrootcert: system\n  parameters: {{sslnegotiation: direct}}\n"
    parameters = loaded(text).targets[0].parameters
    assert parameters["sslrootcert"] == "system"


@pytest.mark.parametrize("host", ["/run/postgresql", "/run/my=db@x y", "@abstract", "::1", "db1"])
def test_a_host_may_be_a_name_an_address_or_a_socket(loaded: Loaded, host: str) -> None:
    assert loaded(f"{NAMED}  host: '{host}'\n").targets[0].parameters["host"] == host


def test_a_file_of_passwords_is_named_by_its_whole_path(folder: Path, loaded: Loaded) -> None:
    (folder / "password").chmod(0o600)
    text = f"{HOSTED}  parameters: {{passfile: password}}\n"
    assert loaded(text).targets[0].parameters["passfile"] == str(folder / "password")


def test_an_absolute_path_stays_what_it_is(folder: Path, loaded: Loaded) -> None:
    text = f"{HOSTED}  password_file: {folder / 'password'}\n"
    assert loaded(text).targets[0].password == PasswordFile(folder / "password")


def test_a_password_comes_from_where_it_is_said_to_be(folder: Path, loaded: Loaded) -> None:
    text = (
        "targets:\n"
        "- {name: a, host: h, password_file: password}\n"
        "- {name: b, host: h, password_env: DB_PASSWORD}\n"
        "- {name: c, host: h, password: 0123, password_in_clear: true}\n"
        "- {name: d, conninfo: 'host=h password=''a b''', password_in_clear: true}\n"
        "- {name: e, conninfo: 'postgresql://u:a%20b@h/d', password_in_clear: true}\n"
        "- {name: f, host: h}\n"
    )
    assert [target.password for target in loaded(text).targets] == [
        PasswordFile(folder / "password"),
        PasswordVariable("DB_PASSWORD"),
        ClearPassword("0123"),
        ClearPassword("a b"),
        ClearPassword("a b"),
        None,
    ]


def test_a_password_is_in_no_parameter_and_in_no_representation(loaded: Loaded) -> None:
    settings = loaded(f"{NAMED}  conninfo: host=h password=hunter2\n  password_in_clear: true\n")
    assert "hunter2" not in repr(settings)
    assert "password" not in settings.targets[0].parameters
