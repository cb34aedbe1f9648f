"""The program as a user starts it: real processes, a real server."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.account import workspace
from lab.installations import find
from lab.replication import ReplicationClient
from lab.server import PostgresServer
from lab.wait import until

SCRIPT = str(Path(sys.executable).parent / "pg-replication-cert-exporter")

HBA = """host replication repl 127.0.0.0/8 trust
host all exporter 127.0.0.0/8 trust
"""


@pytest.fixture(scope="module")
def primary() -> Iterator[PostgresServer]:
    with (
        workspace() as directory,
        PostgresServer.create(find(), directory / "p", hba=HBA) as server,
    ):
        server.sql("CREATE ROLE repl LOGIN REPLICATION")
        server.sql("CREATE ROLE exporter LOGIN")
        server.sql("GRANT pg_read_all_stats TO exporter")
        yield server


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def config(directory: Path, port: int, *more: str) -> Path:
    path = directory / "config.yml"
    lines = [
        "targets:",
        "  - name: db1",
        "    host: 127.0.0.1",
        f"    port: {port}",
        "    user: exporter",
        *(f"    {line}" for line in more),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


NO_LOOPBACK = ("policy: {exempt_loopback: false}",)


def client(server: PostgresServer) -> ReplicationClient:
    return ReplicationClient(
        {
            "host": "127.0.0.1",
            "port": str(server.port),
            "user": "repl",
            "application_name": "standby1",
        }
    )


def test_an_insecure_connection_makes_check_exit_with_2_and_names_rule_and_reason(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *NO_LOOPBACK)
    with client(primary):
        done = run("check", f"--config.file={path}")
    assert done.returncode == 2, done.stderr
    assert "standby1" in done.stdout
    assert "plaintext" in done.stdout
    assert done.stderr == ""


def test_the_built_in_exemption_of_loopback_makes_check_exit_with_0(
    primary: PostgresServer, tmp_path: Path
) -> None:
    with client(primary):
        done = run(f"--config.file={config(tmp_path, primary.port)}", "check")
    assert (done.returncode, "exempt" in done.stdout) == (0, True)


def test_check_prints_json_of_the_same(primary: PostgresServer, tmp_path: Path) -> None:
    path = config(tmp_path, primary.port, *NO_LOOPBACK)
    with client(primary):
        done = run("check", "--output=json", f"--config.file={path}")
    (target,) = json.loads(done.stdout)["targets"]
    assert [c["posture"] for c in target["connections"]] == ["plaintext"]


def test_a_server_that_is_down_makes_check_exit_with_3(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = run("check", f"--config.file={config(tmp_path, unused.getsockname()[1])}")
    assert done.returncode == 3
    assert "refused" in done.stdout


def test_explain_shows_the_steps_with_the_line_to_write(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *NO_LOOPBACK)
    with client(primary):
        done = run("explain", "db1", f"--config.file={path}")
    assert done.returncode == 2
    assert "hostssl replication repl 127.0.0.1/32 cert" in done.stdout


@pytest.mark.parametrize("way", [[sys.executable, "-m", "exporter"], [SCRIPT]])
def test_commands_in_the_steps_can_be_copied_as_they_are(
    primary: PostgresServer, tmp_path: Path, way: list[str]
) -> None:
    directory = tmp_path / "my configuration"
    directory.mkdir()
    path = config(directory, primary.port, *NO_LOOPBACK)
    path.write_text(path.read_text().replace("name: db1", "name: the first"))
    with client(primary):
        asked = [*way, f"--config.file={path}", "explain", "the first"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        (command,) = {line.strip() for line in done.stdout.splitlines() if " explain " in line}
        again = subprocess.run(
            command, shell=True, capture_output=True, text=True, timeout=60, check=False
        )
    assert (again.returncode, again.stderr) == (2, "")
    assert again.stdout.startswith("the first: up")


def test_explaining_a_target_that_is_not_configured_is_misuse(tmp_path: Path) -> None:
    done = run("explain", "db9", f"--config.file={config(tmp_path, 5432)}")
    assert done.returncode == 1
    assert "there are: db1" in done.stderr


def test_all_faults_of_a_configuration_are_reported_at_once_with_their_lines(
    tmp_path: Path,
) -> None:
    path = config(tmp_path, 5432, "timout: 5s", "interval: 60")
    done = run(f"--config.file={path}", "--config.check")
    assert done.returncode == 1
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["6", "7"]


def test_a_faultless_configuration_is_said_to_be_so(tmp_path: Path) -> None:
    done = run(f"--config.file={config(tmp_path, 5432)}", "--config.check")
    assert (done.returncode, done.stdout.endswith("1 target, no faults\n")) == (0, True)


WITHOUT_VERIFICATION = ("sslmode: require", "password: hunter2", "password_in_clear: true")


def test_a_password_without_verification_is_a_warning_and_no_fault(tmp_path: Path) -> None:
    path = config(tmp_path, 5432, *WITHOUT_VERIFICATION)
    done = run(f"--config.file={path}", "--config.check", HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{path}: 1 target, no faults, 1 warning\n")
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(f"warning: {path}:6: targets.0.sslmode: target db1 has a password")
    assert "hunter2" not in warning


def test_a_password_without_verification_is_logged_at_start_and_after_a_reload(
    tmp_path: Path,
) -> None:
    path = config(tmp_path, 1, *WITHOUT_VERIFICATION)
    good = path.read_text()

    def warnings(exporter: Running) -> list[str]:
        return [line for line in exporter.log.read_text().splitlines() if "impersonate" in line]

    with running(path, tmp_path / "log") as exporter:
        until(lambda: warnings(exporter), within=20, what="the warning at start")
        path.write_text(f"{good}  - {{name: db2, host: 127.0.0.1, port: 1}}\n")
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: len(warnings(exporter)) == 2, within=20, what="the warning after the reload")
        for line in warnings(exporter):
            assert "level=warning" in line
            assert f"{path}:6: targets.0.sslmode: target db1 has a password" in line
            assert "hunter2" not in line
        path.write_text(good.replace("sslmode: require", "sslmode: verify-full"))
        offset = len(exporter.log.read_text())
        exporter.process.send_signal(signal.SIGHUP)
        until(
            lambda: "reloaded: 1 targets" in exporter.log.read_text()[offset:],
            within=20,
            what="the reload",
        )
        assert len(warnings(exporter)) == 2


@pytest.mark.parametrize("arguments", [["bogus"], ["--web.listen-address=here"], ["explain"]])
def test_misuse_exits_with_1(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 1


def test_the_sql_takes_the_name_of_the_role() -> None:
    done = run("sql", "--role", "it's me")
    assert done.returncode == 0
    assert "E'it''s me'" in done.stdout


def test_a_role_that_cannot_be_is_misuse() -> None:
    done = run("sql", "--role", "pg_mine")
    assert (done.returncode, done.stdout) == (1, "")


def test_the_metrics_page_is_the_one_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert run("metrics").stdout == page.read_text()


class Running:
    """The exporter as a daemon, with a limit on file descriptors as prlimit(1) takes it."""

    def __init__(
        self,
        path: Path,
        log: Path,
        descriptors: int | str | None = None,
        *,
        prefix: Sequence[str] = (),
        address: str = "127.0.0.1",
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        limited = () if descriptors is None else ("prlimit", f"--nofile={descriptors}")
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [
                    *(*limited, *prefix, sys.executable, "-m", "exporter"),
                    f"--config.file={path}",
                    f"--web.listen-address={address}:{self.port}",
                ],
                stderr=stream,
            )

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def ready(self) -> bool:
        try:
            return self.get("/-/ready") == "ready\n"
        except OSError:
            return False


@contextmanager
def running(path: Path, log: Path, descriptors: int | str | None = None) -> Iterator[Running]:
    exporter = Running(path, log, descriptors)
    try:
        until(exporter.ready, within=20, what="the exporter is ready")
        yield exporter
    finally:
        exporter.process.kill()
        exporter.process.wait()


def test_a_real_connection_is_on_metrics(primary: PostgresServer, tmp_path: Path) -> None:
    path = config(tmp_path, primary.port, *NO_LOOPBACK)
    with client(primary), running(path, tmp_path / "log") as exporter:
        assert 'pgrepl_up{target="db1"} 1.0' in exporter.get("/metrics")
        assert 'pgrepl_target_connections{target="db1",verdict="insecure"} 1.0' in exporter.get(
            "/metrics"
        )
        assert "standby1" in exporter.get("/")
        assert exporter.get("/-/healthy") == "healthy\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with running(config(tmp_path, 1), tmp_path / "log") as exporter:
        exporter.process.send_signal(number)
        assert exporter.process.wait(timeout=10) == 0
    assert "Traceback" not in exporter.log.read_text()


def test_a_reload_takes_over_a_good_configuration_and_never_a_bad_one(tmp_path: Path) -> None:
    path = config(tmp_path, 1)
    with running(path, tmp_path / "log") as exporter:
        good = path.read_text()
        path.write_text(good + "  - name: db2\n    host: 127.0.0.1\n    port: 1\n")
        exporter.process.send_signal(signal.SIGHUP)
        until(
            lambda: 'pgrepl_up{target="db2"} 0.0' in exporter.get("/metrics"), 20, "db2 is polled"
        )
        path.write_text("targets: nonsense\n")
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: "reload_successful 0.0" in exporter.get("/metrics"), 20, "the fault")
        page = exporter.get("/metrics")
        assert "pgrepl_targets 2.0" in page
        assert 'pgrepl_up{target="db2"} 0.0' in page
        assert "config.yml:1" in exporter.log.read_text()


def test_an_address_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(f"--config.file={config(tmp_path, 1)}", f"--web.listen-address=127.0.0.1:{port}")
    assert done.returncode == 1
    assert "--web.listen-address" in done.stderr


def test_check_lists_the_files_of_the_inventory_that_cannot_be_used(
    primary: PostgresServer, tmp_path: Path
) -> None:
    file = config(tmp_path, primary.port)
    with file.open("a", encoding="utf-8") as lines:
        lines.write("inventory:\n  - {name: standbys, paths: nowhere.crt}\n")
    done = run("check", f"--config.file={file}")
    assert f"inventory=standbys {tmp_path}/nowhere.crt could not be read completely" in done.stderr
    assert "missing (No such file or directory)" in done.stderr
