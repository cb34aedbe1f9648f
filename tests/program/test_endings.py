"""How the program ends, and that nothing else ends it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.app import program_version
from lab.account import workspace
from lab.installations import find
from lab.server import PostgresServer
from lab.wait import until
from tests.live.observe import impostors
from tests.program.test_cli import HBA, config, run, running

pytestmark = pytest.mark.live

END_SECONDS = 2.0


@pytest.fixture
def frozen() -> Iterator[PostgresServer]:
    """A server whose kernel takes connections and which answers none."""
    with (
        workspace() as directory,
        PostgresServer.create(find(), directory / "p", hba=HBA) as server,
    ):
        os.kill(server.pid, signal.SIGSTOP)
        try:
            yield server
        finally:
            os.kill(server.pid, signal.SIGCONT)


def test_the_version_is_that_of_the_distribution() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"{program_version()}\n")


def test_an_unknown_command_is_misuse_with_a_usage_line() -> None:
    done = run("inspect")
    assert done.returncode == 1
    assert done.stderr.startswith("usage:")


def test_it_ends_in_time_though_a_poll_waits_for_a_frozen_server(
    frozen: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, frozen.port, "timeout: 50s")
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "exporter", f"--config.file={path}"),
                "--web.listen-address=127.0.0.1:0",
            ],
            stderr=stream,
        )
    try:
        until(lambda: "listening on" in log.read_text(), within=20, what="the exporter to listen")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < END_SECONDS
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def test_a_login_that_computes_without_end_does_not_make_it_crash_at_its_end(
    tmp_path: Path,
) -> None:
    # OpenSSL's exit handler would free what the login works with; without the way round it, about
    # every second of these ends by a segmentation fault
    with impostors.listening(impostors.hashing(2**31 - 1)) as port:
        secret = ("sslmode: disable", "password: x", "password_in_clear: true", "timeout: 500ms")
        path = config(tmp_path, port, *secret)
        checks = [
            subprocess.Popen(
                [sys.executable, "-m", "exporter", "check", f"--config.file={path}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(6)
        ]
        ended = [(check.communicate(timeout=60)[0], check.returncode) for check in checks]
    for output, code in ended:
        assert code == 3
        assert "1 target could not be read" in output


@pytest.mark.parametrize("text", ["targets: " + "[" * 5000, "\x00", "a: &a [*a, *a]", "- - -: {"])
def test_no_configuration_file_ends_it_by_a_reload(tmp_path: Path, text: str) -> None:
    path = config(tmp_path, 1)
    with running(path, tmp_path / "log") as exporter:
        path.write_text(text)
        exporter.process.send_signal(signal.SIGHUP)
        until(
            lambda: (
                exporter.process.poll() is not None
                or "reload_successful 0.0" in exporter.get("/metrics")
            ),
            20,
            "the fault to be reported",
        )
        assert exporter.process.poll() is None
        assert 'pgrepl_up{target="db1"} 0.0' in exporter.get("/metrics")


def test_a_reader_that_disconnects_early_is_not_a_fault(tmp_path: Path) -> None:
    path = config(tmp_path, 1)
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "check", f"--config.file={path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=20) == 1
