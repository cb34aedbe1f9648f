"""Files that block: none of them blocks the program, whatever it is doing."""

import os
import signal
from pathlib import Path

import pytest

from exporter import app
from exporter.model.inventory import InventorySource
from lab.blocking_files import blocked
from lab.wait import until
from tests.program.test_cli import config, run, running
from tests.program.test_first_second import WITHIN_SECONDS, beginning

pytestmark = pytest.mark.live

PIPE = "config.yml: is a FIFO, not a regular file\n"
SERVING = ("--web.listen-address=127.0.0.1:0",)


@pytest.mark.parametrize(
    "arguments", [("--config.check",), ("check",), ("explain", "db1"), SERVING]
)
def test_a_fifo_as_configuration_is_a_fault(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "config.yml")
    done = run(f"--config.file={tmp_path / 'config.yml'}", *arguments)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/{PIPE}")


def test_a_fifo_that_took_the_configuration_s_place_is_a_fault_at_a_reload(
    tmp_path: Path,
) -> None:
    path = config(tmp_path, 1)
    with running(path, tmp_path / "log") as exporter:
        text = path.read_text()
        path.unlink()
        os.mkfifo(path)
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: "reload_successful 0.0" in exporter.get("/metrics"), 20, "the fault")
        assert PIPE.strip() in exporter.log.read_text()
        path.unlink()
        path.write_text(text)
        exporter.process.send_signal(signal.SIGHUP)
        until(lambda: "reload_successful 1.0" in exporter.get("/metrics"), 20, "the reload")
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS) == 0


@pytest.mark.root
def test_sigterm_ends_it_though_a_reload_waits_for_a_file(tmp_path: Path) -> None:
    path = config(tmp_path, 1, "interval: 1s", "timeout: 1s")
    with running(path, tmp_path / "log") as exporter, blocked(path) as opening:
        for _ in range(3):
            exporter.process.send_signal(signal.SIGHUP)
        opening.wait_for_open()
        before = polled_at(exporter.get("/metrics"), "db1")
        until(
            lambda: polled_at(exporter.get("/metrics"), "db1") != before,
            WITHIN_SECONDS,
            "the target to be polled meanwhile",
        )
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS) == 0
        # one reading at a time, whatever is wanted
        assert opening.opens() == 1
    assert "Traceback" not in exporter.log.read_text()


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_though_its_configuration_does_not_open(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = config(tmp_path, 1)
    with blocked(path) as opening:
        options = (f"--config.file={path}", *SERVING)
        with beginning(tmp_path / "log", *options) as program:
            opening.wait_for_open()
            program.send(signal.SIGHUP)
            program.send(number)
            assert program.exit_code() == 0


@pytest.mark.root
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 1)]
)
@pytest.mark.parametrize("command", ["check", "--config.check"])
def test_a_signal_ends_a_command_whose_configuration_does_not_open(
    tmp_path: Path, number: signal.Signals, expected: int, command: str
) -> None:
    path = config(tmp_path, 1)
    with (
        blocked(path) as opening,
        beginning(tmp_path / "log", f"--config.file={path}", command) as program,
    ):
        opening.wait_for_open()
        program.send(number)
        assert program.exit_code() == expected


@pytest.mark.root
def test_a_password_file_that_does_not_open_holds_up_its_own_target_alone(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("planted")
    often = ("interval: 2s", "timeout: 2s")
    path = config(tmp_path, 1, *often)
    other = path.read_text().replace("name: db1", "name: db2").removeprefix("targets:\n")
    path.write_text(f"{path.read_text()}{other}    password_file: password\n")
    with running(path, tmp_path / "log") as exporter, blocked(password) as opening:
        opening.wait_for_open()
        until(
            lambda: "target=db2 cannot be read: authentication" in exporter.log.read_text(),
            WITHIN_SECONDS,
            "the poll to fail",
        )
        for _ in range(2):
            before = polled_at(exporter.get("/metrics"), "db1")
            until(
                lambda before=before: polled_at(exporter.get("/metrics"), "db1") != before,  # type: ignore[misc]
                WITHIN_SECONDS,
                "the other target to be polled",
            )
        assert opening.opens() == 1
        assert f"password file {password} was not read within 2 s" in exporter.log.read_text()
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS) == 0


@pytest.mark.root
def test_a_file_of_the_login_that_does_not_open_does_not_hold_up_the_end(tmp_path: Path) -> None:
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:*:planted\n")
    passfile.chmod(0o600)
    often = ("interval: 1s", "timeout: 1s", "parameters: {passfile: passfile}")
    path = config(tmp_path, 1, *often)
    with running(path, tmp_path / "log") as exporter, blocked(passfile) as opening:
        opening.wait_for_open()
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS) == 0
    assert "Traceback" not in exporter.log.read_text()


@pytest.mark.root
def test_a_command_leaves_out_an_inventory_that_does_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "INVENTORY_SECONDS", 0.2)
    file = tmp_path / "standby.crt"
    file.touch()
    source = InventorySource("standbys", (str(file),))
    with blocked(file) as opening:
        assert app.poll_all_once((), (source,)) == ()
        opening.wait_for_open()
    assert caplog.messages == ["the inventory was not read within 0.2 s: it is left out"]


def polled_at(page: str, target: str) -> str:
    (line,) = (
        line
        for line in page.splitlines()
        if line.startswith(f'pgrepl_last_poll_timestamp_seconds{{target="{target}"')
    )
    return line
