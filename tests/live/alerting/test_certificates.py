"""A real pair with certificates, its exporter, and which of the shipped alerts fire."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.sql import least_privilege_sql
from lab import installations
from lab.account import server_account, workspace
from lab.monitoring import DISTRIBUTION, Api, prometheus
from lab.pki import Authority, Issued, ServerPki, server_pki
from lab.server import PostgresServer
from lab.wait import until
from tests.live.alerting import hurried
from tests.live.scenarios.stage import now
from tests.program.test_cli import running

pytestmark = pytest.mark.live

WITHIN_SECONDS = 90.0
QUIET_SCRAPES = 25
"""One each second: longer than an hour in a hurry, for which no rule of these waits."""
ROLE = "standby"
RULES = f"""\
hostssl replication {ROLE} 127.0.0.0/8 cert
host postgres exporter 127.0.0.0/8 trust
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A primary, its standby, which is a target too, and what watches them.

    Attributes:
        server_files, standby_files: of the certificate of both servers, and of the standby's.
        inventory: the folder.
    """

    primary: PostgresServer
    standby: PostgresServer
    authority: Authority
    server_files: ServerPki
    standby_files: Issued
    inventory: Path
    prometheus: Api

    def give(self, issued: Issued) -> None:
        """Put a certificate with its key into the standby's files."""
        put(self.standby_files.key_path, issued.key_path)
        put(self.standby_files.certificate_path, issued.certificate_path)

    def cut(self) -> None:
        """Let the standby connect again."""
        self.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")

    def firing(self) -> set[tuple[str, str]]:
        """Return name and target of each alert that fires."""
        found = self.prometheus.query('ALERTS{alertstate="firing"}')
        return {
            (s["metric"]["alertname"].removeprefix("PgReplication"), s["metric"].get("target", ""))
            for s in found
        }

    def fires(self, *expected: tuple[str, str]) -> None:
        """Wait until these alerts fire, and no other."""
        until(lambda: self.firing() == set(expected), WITHIN_SECONDS, f"the alerts {expected}")

    def is_true(self, expression: str) -> bool:
        return bool(self.prometheus.query(expression))


def put(path: Path, content: Path) -> None:
    """Replace a file of a server's."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content.read_bytes())
    server_account().own(fresh)
    fresh.rename(path)


@contextlib.contextmanager
def scene(directory: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(workspace())
        authority = Authority.create(servers)
        files = server_pki(authority)
        primary = stack.enter_context(
            PostgresServer.create(installations.find(), servers / "primary", hba=RULES, pki=files)
        )
        primary.sql(f"CREATE ROLE {ROLE} LOGIN REPLICATION")
        primary.sql(least_privilege_sql("exporter"))
        own = authority.issue(common_name=ROLE)
        for path in (own.key_path, own.certificate_path):
            put(path, path)
        conninfo = {
            "user": ROLE,
            "sslmode": "verify-full",
            "sslrootcert": str(authority.certificate_path),
            "sslcert": str(own.certificate_path),
            "sslkey": str(own.key_path),
        }
        standby = stack.enter_context(primary.standby(servers / "standby", conninfo))
        inventory = directory / "inventory"
        inventory.mkdir()
        configuration = exporter_configuration(directory, primary=primary, standby=standby)
        exporter = stack.enter_context(running(configuration, directory / "exporter.log"))
        (directory / "hurried.rules.yml").write_text(hurried.rules(), "utf-8")
        watching = stack.enter_context(
            prometheus(DISTRIBUTION, directory / "prometheus", scraping(exporter.port))
        )
        yield Scene(primary, standby, authority, files, own, inventory, watching)


def exporter_configuration(directory: Path, **servers: PostgresServer) -> Path:
    document = {
        # the standby is on this machine, too
        "defaults": {"interval": "1s", "timeout": "1s", "policy": {"exempt_loopback": False}},
        "targets": [
            {"name": name, "host": "127.0.0.1", "port": server.port, "user": "exporter"}
            for name, server in servers.items()
        ],
        "inventory": [{"name": "clients", "paths": "inventory"}],
        "inventory_interval": "1s",
    }
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def scraping(exporter_port: int) -> str:
    at: list[dict[str, Any]] = [{"targets": [f"127.0.0.1:{exporter_port}"]}]
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["../hurried.rules.yml"],
        "scrape_configs": [{"job_name": "replication", "static_configs": at}],
    }
    return yaml.safe_dump(document)


def test_a_healthy_pair_is_quiet_and_each_fault_of_a_certificate_is_reported_once(
    tmp_path: Path,
) -> None:
    with scene(tmp_path) as on:
        seen = f"count_over_time(pgrepl_connection_forecast[1h]) >= {QUIET_SCRAPES}"
        until(lambda: on.is_true(seen), WITHIN_SECONDS, "the connection to be seen for long")
        assert on.is_true('pgrepl_connection_forecast{forecast="admitted_with_certificate"}')
        assert on.firing() == set()

        on.give(
            on.authority.issue(
                common_name=ROLE,
                not_before=now() - timedelta(days=364),
                not_after=now() + timedelta(days=1),
            )
        )
        on.cut()
        on.fires(("ClientCertificateExpires", "primary"))
        # its successor need not be in use
        on.give(on.authority.issue(common_name=ROLE))
        on.fires()
        assert on.is_true("pgrepl_client_certificate_pending == 1")

        on.give(on.authority.issue(common_name="other"))
        renewed = server_pki(on.authority)
        put(on.server_files.key, renewed.key)
        put(on.server_files.certificate, renewed.certificate)
        broken = on.inventory / "broken.crt"
        broken.write_text("no certificate")
        on.fires(
            ("ReconnectRefused", "primary"),
            ("ServerCertificateNotServed", "primary"),
            ("ServerCertificateNotServed", "standby"),
            ("InventoryUnreadable", ""),
        )

        on.give(on.authority.issue(common_name=ROLE))
        on.primary.reload()
        on.standby.reload()
        broken.unlink()
        on.fires()
