"""From a real insecure standby to a real pager, and back: nothing in between is simulated."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg.conninfo
import pytest
import yaml

from exporter.sql import least_privilege_sql
from lab import installations
from lab.account import workspace
from lab.monitoring import Api, Suite, Webhook, alertmanager, prometheus
from lab.pki import Authority, server_pki
from lab.server import PostgresServer
from lab.wait import until
from tests.live.alerting import hurried
from tests.program.test_cli import running

pytestmark = pytest.mark.live

WITHIN_SECONDS = 120.0
ROLE = "standby"
PASSWORD = "standby-password"
INSECURE = """\
host replication standby 127.0.0.0/8 scram-sha-256
host postgres exporter 127.0.0.0/8 trust
"""
SECURE = INSECURE.replace(
    "host replication standby 127.0.0.0/8 scram-sha-256",
    "hostssl replication standby 127.0.0.0/8 cert",
)
BLIND_EVALUATIONS = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """A primary, its standby, and everything from the exporter to the pager."""

    primary: PostgresServer
    standby: PostgresServer
    authority: Authority
    prometheus: Api
    pager: Webhook

    def paged(self, status: str) -> list[dict[str, Any]]:
        return self.pager.alerts("/page", status)

    def firing(self) -> set[str]:
        found = self.prometheus.query('ALERTS{alertstate="firing"}')
        return {sample["metric"]["alertname"] for sample in found}

    def evaluations_that_fired(self) -> float:
        fired = 'ALERTS{alertname="PgReplicationNotEncrypted", alertstate="firing"}'
        (found,) = self.prometheus.query(f"count_over_time({fired}[1h])")
        return float(found["value"][1])

    def up(self) -> str:
        return str(self.prometheus.query("pgrepl_up")[0]["value"][1])


@contextlib.contextmanager
def scene(suite: Suite, directory: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(workspace())
        authority = Authority.create(servers)
        primary = stack.enter_context(
            PostgresServer.create(
                installations.find(),
                servers / "primary",
                hba=INSECURE,
                pki=server_pki(authority),
            )
        )
        primary.sql(f"CREATE ROLE {ROLE} LOGIN REPLICATION PASSWORD '{PASSWORD}'")
        primary.sql(least_privilege_sql("exporter"))
        insecure = {"user": ROLE, "password": PASSWORD, "sslmode": "disable"}
        standby = stack.enter_context(
            primary.standby(servers / "standby", insecure, settings={"cluster_name": "standby1"})
        )
        exporter = stack.enter_context(
            running(_exporter_configuration(directory, primary), directory / "exporter.log")
        )
        pager = stack.enter_context(Webhook())
        router = stack.enter_context(
            alertmanager(suite, directory / "alertmanager", hurried.routing(pager.port))
        )
        (directory / "hurried.rules.yml").write_text(hurried.rules(), "utf-8")
        watching = stack.enter_context(
            prometheus(
                suite,
                directory / "prometheus",
                _prometheus_configuration(exporter.port, router.port),
            )
        )
        yield Scene(primary, standby, authority, watching, pager)


def _exporter_configuration(directory: Path, primary: PostgresServer) -> Path:
    target = {
        "name": "db1",
        "host": "127.0.0.1",
        "port": primary.port,
        "user": "exporter",
        "interval": "1s",
        "timeout": "1s",
        # the standby is on this machine, too
        "policy": {"exempt_loopback": False},
    }
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump({"targets": [target]}), "utf-8")
    return path


def _prometheus_configuration(exporter_port: int, alertmanager_port: int) -> str:
    def at(port: int) -> list[dict[str, Any]]:
        return [{"targets": [f"127.0.0.1:{port}"]}]

    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["../hurried.rules.yml"],
        "scrape_configs": [
            {"job_name": "replication", "static_configs": at(exporter_port)},
        ],
        "alerting": {"alertmanagers": [{"static_configs": at(alertmanager_port)}]},
    }
    return yaml.safe_dump(document)


def secure_the_standby(on: Scene) -> None:
    """Do what the runbook page says, in its order: the client, its reconnect, then the rule."""
    issued = on.authority.issue(common_name=ROLE)
    on.standby.set(
        "primary_conninfo",
        psycopg.conninfo.make_conninfo(
            **on.primary.tcp,
            user=ROLE,
            password=PASSWORD,
            sslmode="verify-full",
            sslrootcert=str(on.authority.certificate_path),
            sslcert=str(issued.certificate_path),
            sslkey=str(issued.key_path),
        ),
    )
    on.standby.reload()
    shown = "SELECT count(client_serial) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"
    until(lambda: on.primary.sql(shown) == [(1,)], WITHIN_SECONDS, "the certificate to be shown")
    on.primary.write_hba(SECURE)
    on.primary.reload()


def test_plaintext_pages_until_the_standby_sends_the_required_certificate(
    suite: Suite, tmp_path: Path
) -> None:
    with scene(suite, tmp_path) as on:
        until(lambda: on.paged("firing"), WITHIN_SECONDS, "the page")
        page = on.paged("firing")[0]
        assert page["labels"] == {
            "alertname": "PgReplicationNotEncrypted",
            "severity": "critical",
            "target": "db1",
            "usename": ROLE,
            "application_name": "standby1",
            "kind": "physical",
            "posture": "plaintext",
        }
        assert page["annotations"]["summary"] == "A replication connection is not encrypted."
        words = page["annotations"]["description"]
        for word in ("db1", "standby1", "client_without_tls, rule_allows_plaintext", "sslmode="):
            assert word in words

        # a server that does not answer: the exporter is blind, and the page stays
        os.kill(on.primary.pid, signal.SIGSTOP)
        try:
            until(lambda: on.up() == "0", WITHIN_SECONDS, "polls to fail")
            seen = on.evaluations_that_fired()
            until(
                lambda: on.evaluations_that_fired() >= seen + BLIND_EVALUATIONS,
                WITHIN_SECONDS,
                "the alert to go on while the exporter is blind",
            )
            assert on.prometheus.query("pgrepl_connections") == []
            assert on.up() == "0"
        finally:
            os.kill(on.primary.pid, signal.SIGCONT)
        until(lambda: on.up() == "1", WITHIN_SECONDS, "polls to succeed")
        assert on.paged("resolved") == []

        secure_the_standby(on)
        until(lambda: on.paged("resolved"), WITHIN_SECONDS, "the page to be resolved")
        assert {a["labels"]["alertname"] for a in on.paged("resolved")} == {
            "PgReplicationNotEncrypted"
        }
        until(
            lambda: (
                {
                    (sample["metric"]["posture"], sample["metric"]["verdict"])
                    for sample in on.prometheus.query("pgrepl_connections")
                }
                == {("certificate_required", "secure")}
            ),
            WITHIN_SECONDS,
            "the connection to be secure",
        )
        until(lambda: on.firing() == set(), WITHIN_SECONDS, "every alert to end")
