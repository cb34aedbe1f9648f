"""A target with more rules and walsenders than can be judged, next to a real server."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.account import workspace
from lab.installations import find
from lab.server import PostgresServer
from lab.wait import until
from tests.live.observe.enormous import Enormous
from tests.live.observe.impostors import listening
from tests.program.test_cli import HBA, Running, run

pytestmark = pytest.mark.live

MANY = 9000
ENDED_SECONDS = 60.0
POLLS = re.compile(r'^pgrepl_polls_total\{target="db1"\} ([0-9.]+)$', re.MULTILINE)
FAILED = 'pgrepl_target_failure{reason="limit_exceeded",target="huge"} 1.0'


@pytest.fixture(scope="module")
def real() -> Iterator[PostgresServer]:
    with (
        workspace() as directory,
        PostgresServer.create(find(), directory / "p", hba=HBA) as server,
    ):
        server.sql("CREATE ROLE exporter LOGIN")
        server.sql("GRANT pg_read_all_stats TO exporter")
        yield server


@pytest.fixture
def enormous() -> Iterator[tuple[Enormous, int]]:
    server = Enormous(rules=MANY, wal_senders=MANY)
    with listening(server) as port:
        yield server, port


def config(directory: Path, enormous: int, real: int) -> Path:
    path = directory / "config.yml"
    path.write_text(f"""\
defaults:
  served_certificate: {{check: false}}
targets:
  - name: huge
    host: 127.0.0.1
    port: {enormous}
    user: exporter
    sslmode: disable
    interval: 1m
    timeout: 1m
  - name: db1
    host: 127.0.0.1
    port: {real}
    user: exporter
    sslmode: disable
    interval: 1s
    timeout: 1s
""")
    return path


@contextmanager
def judging(path: Path, log: Path, server: Enormous) -> Iterator[Running]:
    """Yield the exporter when it has read all of the enormous server."""
    exporter = Running(path, log)
    try:
        until(lambda: server.polls == 1, within=ENDED_SECONDS, what="the enormous server is read")
        yield exporter
    finally:
        exporter.process.kill()
        exporter.process.wait()


def test_other_targets_are_polled_and_requests_answered_while_it_is_judged(
    enormous: tuple[Enormous, int], real: PostgresServer, tmp_path: Path
) -> None:
    server, port = enormous
    polls: list[str] = []
    healthy = 0
    with judging(config(tmp_path, port, real.port), tmp_path / "log", server) as exporter:

        def is_judged() -> bool:
            nonlocal healthy
            healthy += exporter.get("/-/healthy") == "healthy\n"
            page = exporter.get("/metrics")
            if 'pgrepl_up{target="huge"}' in page:
                return True
            polls.extend(POLLS.findall(page))
            return False

        until(is_judged, within=ENDED_SECONDS, what="the enormous server is judged")
        assert len(set(polls)) > 1
        assert healthy > 1
        page = exporter.get("/metrics")
        assert FAILED in page
        assert 'pgrepl_target_connections{target="huge"' not in page
        assert 'pgrepl_up{target="db1"} 1.0' in page
        assert "limit_exceeded" in exporter.get("/targets/huge")
    (log_line,) = (
        line for line in exporter.log.read_text().splitlines() if "limit_exceeded" in line
    )
    assert f"{MANY} connections by {MANY} rules" in log_line


def test_a_signal_ends_the_program_while_it_is_judged(
    enormous: tuple[Enormous, int], real: PostgresServer, tmp_path: Path
) -> None:
    server, port = enormous
    with judging(config(tmp_path, port, real.port), tmp_path / "log", server) as exporter:
        assert 'pgrepl_up{target="huge"}' not in exporter.get("/metrics")
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(timeout=ENDED_SECONDS) == 0
    log = exporter.log.read_text()
    assert "limit_exceeded" not in log
    assert "Traceback" not in log


def test_check_reports_it_with_the_numbers(
    enormous: tuple[Enormous, int], real: PostgresServer, tmp_path: Path
) -> None:
    _, port = enormous
    done = run("check", f"--config.file={config(tmp_path, port, real.port)}")
    assert done.returncode == 3
    assert "limit_exceeded" in done.stdout
    assert f"judging {MANY} connections by {MANY} rules" in " ".join(done.stdout.split())
