"""Passwords planted wherever one can be configured appear in no output of the exporter."""

import asyncio
import io
import json
import logging
import shutil
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificate

from exporter import logs
from exporter.board import Board
from exporter.config.faults import ConfigurationError
from exporter.config.loading import load
from exporter.config.settings import Settings
from exporter.model.failure import Unread
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.observe.certificates.files.inventory import InventoryReader
from exporter.observe.postgres.poll import observe
from exporter.poller import judge, look
from exporter.publish.json.report import report_json
from exporter.publish.metrics.exposition import Exposition
from exporter.publish.pages.query import Query
from exporter.publish.pages.rendering import overview_html, target_html
from exporter.publish.terminal.explain import explain_text
from exporter.publish.terminal.table import connections_table
from exporter.saved_poll.file import saved_text
from exporter.sql import least_privilege_sql
from lab.account import workspace
from lab.installations import find
from lab.server import PostgresServer
from lab.wait import until
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.scenarios.stage import now, poll
from tests.unit.publish.metrics.scrape import STATE, page_of

pytestmark = pytest.mark.live

PASSWORD = "planted-of-the-role"
"""The one that logs in; every target below has it, each from another place."""

WRONG = "planted-that-is-wrong"
IN_LDAP = "planted-in-ldap"
IN_RADIUS = "planted-in-radius"
IN_BROKEN_LINE = "planted in a broken line"
OF_THE_STANDBY = "planted-of-the-standby"
OF_THE_KEY = "planted-of-the-key"
SECRETS = (PASSWORD, WRONG, IN_LDAP, IN_RADIUS, IN_BROKEN_LINE, OF_THE_STANDBY, OF_THE_KEY)

HBA = f"""\
host postgres exporter 127.0.0.1/32 scram-sha-256
host replication r_standby 127.0.0.1/32 scram-sha-256
host all radius_user 127.0.0.1/32 radius radiusservers=127.0.0.1 radiussecrets={IN_RADIUS}
"""
LDAP = (
    "host all ldap_user 127.0.0.1/32 ldap ldapserver=localhost ldapbasedn=dc=x ldapbinddn=cn=x"
    f" ldapbindpasswd={IN_LDAP}\n"
)
"""A server that was built without LDAP takes it for a line in error."""

BROKEN = f'host all somebody 127.0.0.1/32 ldap ldapserver=localhost "{IN_BROKEN_LINE}"\n'
ROLES = f"CREATE ROLE r_standby LOGIN REPLICATION PASSWORD '{OF_THE_STANDBY}'"


@dataclass
class Planted:
    """A primary and its standby, and a configuration with a target for each place of a password."""

    primary: Primary
    standby: PostgresServer
    directory: Path

    def configuration(self, *targets: str) -> Path:
        path = self.directory / "config.yml"
        path.write_text("targets:\n" + "".join(targets))
        return path

    def target(self, name: str, port: int, *lines: str) -> str:
        given = [
            f"name: {name}",
            *("host: 127.0.0.1", f"port: {port}", "user: exporter"),
            "policy: {exempt_loopback: false}",
            *lines,
        ]
        return "".join(f"  {'-' if n == 0 else ' '} {line}\n" for n, line in enumerate(given))


@pytest.fixture(scope="module", params=[13, 18])
def planted(
    request: pytest.FixtureRequest, primaries: Primaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    with fresh_primary(primaries, request.param, hba=HBA, roles=ROLES) as primary:
        server = primary.server
        server.sql(f"ALTER ROLE exporter PASSWORD '{PASSWORD}'")
        folder = server.directory.with_name(f"{server.directory.name}s")
        conninfo = {"user": "r_standby", "password": OF_THE_STANDBY, "application_name": "standby"}
        with server.standby(folder, conninfo) as standby:
            until(
                lambda: server.sql("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"),
                within=30,
                what="the standby to stream",
            )
            yield Planted(primary, standby, tmp_path_factory.mktemp("config"))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, libraries included, at the most talkative level."""
    stream = io.StringIO()
    root, own = logging.getLogger(), logging.getLogger("exporter")
    before = (root.level, own.level, root.handlers[:])
    logs.set_up("debug", "logfmt", stream)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.handlers[:] = before[2]
        root.setLevel(before[0])
        own.setLevel(before[1])


def settings_of(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load targets that log in with the right password and with a wrong one, from every place."""
    port = planted.primary.server.port
    lines: list[str] = []
    for word, secret in (("right", PASSWORD), ("wrong", WRONG)):
        file = planted.directory / word
        file.write_text(f"{secret}\n")
        file.chmod(0o600)
        monkeypatch.setenv(f"PLANTED_{word.upper()}", secret)
        uri = f"postgresql://exporter:{secret}@127.0.0.1:{port}/postgres"
        lines += [
            planted.target(f"{word}-file", port, f"password_file: {file}"),
            planted.target(f"{word}-env", port, f"password_env: PLANTED_{word.upper()}"),
            planted.target(f"{word}-clear", port, f"password: {secret}", "password_in_clear: true"),
            f"  - name: {word}-uri\n    conninfo: {uri}\n    password_in_clear: true\n",
        ]
    standby = planted.standby.port
    lines.append(
        planted.target("standby", standby, f"password_file: {planted.directory / 'right'}")
    )
    return load(planted.configuration(*lines))


def saved_poll_of(target: Target, board: Board) -> str:
    """Poll once more, and return what a saved poll of it holds."""
    looked = asyncio.run(look(target, board, now=now))
    inputs = judge(looked, board, now=now)
    return saved_text([(inputs, now())], "test")


def found_in(text: str) -> list[str]:
    # also as JSON and as a list of words: what is escaped or wrapped is let out all the same
    flat = " ".join(text.split())
    return [s for s in SECRETS if s in text or s in flat or json.dumps(s)[1:-1] in text]


@pytest.mark.parametrize(
    "rules", [HBA, HBA + LDAP, HBA + LDAP + BROKEN], ids=["sound", "ldap", "broken"]
)
def test_no_output_holds_a_secret(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, rules: str
) -> None:
    planted.primary.server.write_hba(rules)
    planted.primary.server.reload()
    settings = settings_of(planted, monkeypatch)
    board = Board(settings.targets)
    for target in settings.targets:
        poll(target, board)
    records = board.snapshot()
    saved = [saved_poll_of(target, board) for target in settings.targets]
    reports = {r.target.name: r.report for r in records}
    # the secrets were used, and the rules that hold some were read
    assert all(
        report is not None and (report.failure is not None) == name.startswith("wrong")
        for name, report in reports.items()
    )
    let_out = {
        "log": log.getvalue(),
        "metrics": page_of(records).decode(),
        "json": report_json(records),
        "table": connections_table(records, colour=False, width=None),
        "page": overview_html(records, Query(), "1.2.3", now()),
        "target pages": "".join(target_html(r, "1.2.3", now()) for r in records),
        "explanations": "".join(explain_text(r, colour=False) for r in records),
        "settings": repr(settings),
        "targets": repr(settings.targets) + str(settings.targets),
        "records": repr(records),
        "histories": repr([board.history(r.target.name) for r in records]),
        "saved polls": "".join(saved),
    }
    assert {where: found for where, text in let_out.items() if (found := found_in(text))} == {}
    assert "authentication" in let_out["metrics"]
    assert "r_standby" in let_out["saved polls"]
    # the debug log has what was asked, what was received and what was decided
    assert "target=right-uri asks server, wal_senders, hba_rules" in let_out["log"]
    assert "target=right-uri received wal_senders: 1 rows" in let_out["log"]
    assert "target=right-uri decided: pid=" in let_out["log"]
    assert "target=wrong-uri decided: not read: authentication" in let_out["log"]


def test_the_inventory_lets_out_neither_a_key_nor_the_password_of_a_keystore(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    issued = planted.primary.authority.issue(common_name="r_standby")
    certificate = load_pem_x509_certificate(issued.certificate_path.read_bytes())
    key = load_pem_private_key(issued.key_path.read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    # base64 of the key itself, beyond the header that all keys share
    of_key = "".join(issued.key_path.read_text().splitlines()[1:-1])[60:100]
    folder = planted.directory / "inventory"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    both = issued.key_path.read_bytes() + issued.certificate_path.read_bytes()
    (folder / "both.pem").write_bytes(both)
    for name, secret in (("right", PASSWORD), ("other", WRONG)):
        encryption = BestAvailableEncryption(secret.encode())
        keystore = serialize_key_and_certificates(b"x", key, certificate, None, encryption)
        (folder / f"{name}.p12").write_bytes(keystore)
    monkeypatch.setenv("PLANTED_KEYSTORE", PASSWORD)
    path = planted.configuration(
        planted.target("db", planted.primary.server.port, "password_env: PLANTED_KEYSTORE")
    )
    source = f"{{name: own, paths: {folder}, password_env: PLANTED_KEYSTORE}}"
    path.write_text(f"{path.read_text()}inventory:\n  - {source}\n")
    settings = load(path)
    board = Board(settings.targets)
    inventory = InventoryReader(settings.inventory).read(now())
    board.certificates.inventory = inventory
    (target,) = settings.targets
    poll(target, board)
    records = board.snapshot()
    # both files that can be opened hold it, and the keystore of another password is reported
    (held,) = inventory.certificates
    assert {Path(p).name for p in held.paths} == {"both.pem", "right.p12"}
    assert [Path(e.path).name for e in inventory.errors] == ["other.p12"]
    state = replace(STATE, inventory=inventory)
    let_out = {
        "log": log.getvalue(),
        "metrics": Exposition().page(records, state).decode(),
        "json": report_json(records),
        "target page": target_html(records[0], "1.2.3", now()),
        "explanation": explain_text(records[0], colour=False),
        "settings": repr(settings),
        "inventory": repr(inventory),
        "records": repr(records),
    }
    found = {
        where: [*found_in(text), *([of_key] * (of_key in text))] for where, text in let_out.items()
    }
    assert {where: secrets for where, secrets in found.items() if secrets} == {}
    assert held.certificate.fingerprint[:16] in let_out["metrics"]


def test_an_observation_holds_no_secret_although_the_server_shows_them(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.primary.server.write_hba(HBA + BROKEN)
    settings = settings_of(planted, monkeypatch)
    visible = str(planted.primary.server.sql("SELECT options FROM pg_hba_file_rules"))
    assert IN_RADIUS in visible
    for target in settings.targets:
        read = asyncio.run(observe(target, now=now))
        assert found_in(repr(read)) == []


def test_a_bind_password_that_the_server_shows_is_masked() -> None:
    # the distribution's server has LDAP; the ones of the matrix have not
    with (
        workspace() as directory,
        PostgresServer.create(
            find(), directory / "ldap", hba="local all exporter trust\n" + LDAP
        ) as server,
    ):
        server.sql(least_privilege_sql("exporter"))
        visible = server.sql(
            "SELECT options::text FROM pg_hba_file_rules WHERE options IS NOT NULL"
        )
        assert any(IN_LDAP in options for (options,) in visible)
        target = Target("ldap", {**server.socket, "user": "exporter", "dbname": "postgres"})
        board = Board([target])
        poll(target, board)
        read = asyncio.run(observe(target, now=now))
        assert isinstance(read, Observation)
        assert not isinstance(read.hba, Unread)
        (rule,) = [r for r in read.hba.rules if r.auth_method == "ldap"]
        assert "ldapbindpasswd=********" in rule.options
        assert found_in(repr(read) + report_json(board.snapshot())) == []


def test_a_fault_of_ours_shows_no_secret_in_its_traceback(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    (clear,) = [t for t in settings_of(planted, monkeypatch).targets if t.name == "right-clear"]
    faulty = replace(clear, parameters={**clear.parameters, "application_name": "\ud800"})
    poll(faulty, Board([faulty]))
    assert "Traceback" in log.getvalue()
    assert found_in(log.getvalue()) == []


@pytest.mark.parametrize(
    "lines",
    [
        [f"password: {PASSWORD}"],
        [f"password: [{PASSWORD}]", "password_in_clear: true"],
        [f"password: {PASSWORD}", "password_in_clear: {PASSWORD: yes}"],
        [f"conninfo: host=h password={PASSWORD} nonsense"],
        [f"conninfo: 'postgresql://u:{PASSWORD}@h:port/db'"],
        [f"parameters: {{password: {PASSWORD}}}"],
        [f"parameters: {{sslpassword: {OF_THE_KEY}}}"],
        [f"parameters: {{options: '-c x={OF_THE_KEY}', sslpassword: {OF_THE_KEY}}}"],
        [f"host: 'postgresql://u:{PASSWORD}@h/db'"],
        [f"dbname: 'password={PASSWORD}'"],
        [f"passwd: {PASSWORD}"],
        [f"password: '{PASSWORD}"],
    ],
)
def test_faults_of_a_configuration_show_no_secret(
    planted: Planted, lines: list[str], log: io.StringIO
) -> None:
    path = planted.configuration(planted.target("db", 5432, *lines))
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    error = caught.value
    assert error.faults
    text = "".join(traceback.format_exception(error))
    assert found_in("\n".join([str(error), repr(error), text, log.getvalue()])) == []


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_is_there(secret: str) -> None:
    assert found_in(f"detail {secret!r}") == [secret]
