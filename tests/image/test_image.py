"""The container image, built from the Dockerfile and run on a real PostgreSQL server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.sql import least_privilege_sql
from lab import installations
from lab.account import workspace
from lab.server import PostgresServer
from lab.wait import until
from tests.image.container import Container, build, running

pytestmark = [pytest.mark.root, pytest.mark.image]

CONFIG = "/etc/pg-replication-cert-exporter/config.yml"


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    build()


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    with workspace() as directory:
        hba = "local postgres exporter trust\n"
        with PostgresServer.create(installations.find(), directory / "db", hba=hba) as server:
            for statement in ("CREATE ROLE exporter LOGIN", least_privilege_sql("exporter")):
                server.sql(statement)
            config = directory / "config.yml"
            config.write_text(
                "targets:\n"
                "  - name: db\n"
                "    host: /run/db\n"
                f"    port: {server.port}\n"
                "    user: exporter\n"
                "    dbname: postgres\n"
            )
            config.chmod(0o644)
            sockets: Path = server.socket_directory
            sockets.chmod(0o755)
            with running([(config, CONFIG), (sockets, "/run/db")]) as started:
                yield started


def test_the_exporter_in_the_image_reads_a_real_server(container: Container) -> None:
    until(container.is_healthy, within=20, what="the container's health check")
    until(
        lambda: 'pgrepl_up{target="db"} 1.0' in container.get("/metrics"),
        within=20,
        what="the first poll, by the unix socket",
    )


def test_the_image_knows_its_version(container: Container) -> None:
    until(container.is_healthy, within=20, what="the container's health check")
    assert 'pgrepl_exporter_build_info{version="0.1.0"' in container.get("/metrics")


def test_the_process_runs_as_an_unprivileged_user_and_may_do_nothing(container: Container) -> None:
    status = container.python("print(open('/proc/1/status').read())")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert fields["Uid"].split() == ["10001"] * 4
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"


def test_nothing_in_the_image_can_be_written_to(container: Container) -> None:
    text = container.python(
        "import json, os\n"
        "folders = ('/', '/opt/exporter', '/etc/pg-replication-cert-exporter')\n"
        "print(json.dumps([f for f in folders if os.access(f, os.W_OK)]))"
    )
    assert json.loads(text) == []


def test_no_installer_is_left_in_the_exporters_environment(container: Container) -> None:
    text = container.python(
        "import importlib.metadata as m\nprint(*(d.name.lower() for d in m.distributions()))"
    )
    assert "pg-replication-cert-exporter" in text.split()
    assert not {"pip", "setuptools", "hatchling"} & set(text.split())


def test_a_configuration_with_faults_ends_the_container_with_1_and_says_where() -> None:
    with workspace() as directory:
        config = directory / "config.yml"
        config.write_text("targets:\n  - name: db\n    hots: example\n")
        config.chmod(0o644)
        with running([(config, CONFIG)]) as container:
            # not stopped: SIGTERM in its first second would end it with 0
            assert container.exit_status() == 1
            assert "config.yml:3" in container.logs()


def test_it_stops_on_sigterm_by_itself() -> None:
    with workspace() as directory:
        config = directory / "config.yml"
        config.write_text("targets:\n  - {name: db, host: /run/none, user: exporter}\n")
        config.chmod(0o644)
        with running([(config, CONFIG)]) as container:
            until(container.is_healthy, within=20, what="the container's health check")
            assert container.stop() == 0
