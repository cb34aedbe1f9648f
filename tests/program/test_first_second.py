"""Signals that arrive before the program is up, also as process 1 of a container."""

import importlib
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.arguments import _parser
from exporter.early_signals import COMMANDS
from exporter.publish.words.own_command import PROGRAM
from lab.wait import until
from tests.live.observe import impostors
from tests.program.test_cli import config

pytestmark = pytest.mark.live

WITHIN_SECONDS = 30.0
NONE_IGNORED = ("env", "--default-signal")
"""Signals that are ignored where the tests run (nohup) are inherited otherwise."""
EXPORTER = (sys.executable, "-m", "exporter")
FIRST_PROCESS = (
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *([] if os.geteuid() == 0 else ["--map-root-user"]),
)
# in the order in which they come; what is imported is seen by the libraries that it brings
MOMENTS = ("handler", "_ssl", "_pydantic_core", "listening")


class Beginning:
    """A program that begins, as an ordinary process or as process 1."""

    def __init__(self, log: Path, *arguments: str, first: bool) -> None:
        self.log = log
        self._first = first
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [*NONE_IGNORED, *(FIRST_PROCESS if first else ()), *EXPORTER, *arguments],
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )

    @property
    def pid(self) -> int:
        """Process id of the program, not of the launcher of its namespace; 0 if it does not run."""
        if not self._first:
            return self.process.pid
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return int(children[0]) if children else 0

    def _reached(self, moment: str) -> bool:
        if moment == "listening":
            return "listening on" in self.log.read_text()
        if not (pid := self.pid):
            return False
        place = Path(f"/proc/{pid}")
        if moment == "handler":
            status = dict(
                line.split(":\t", 1) for line in (place / "status").read_text().splitlines()
            )
            return bool(int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1)
        return moment in (place / "maps").read_text()

    def wait_for(self, moment: str) -> None:
        """Return at ``moment``, or soon after."""
        until(lambda: self._reached(moment), WITHIN_SECONDS, f"{moment} to be reached")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.pid, number)

    def exit_code(self) -> int:
        """Wait for the end of the program."""
        return self.process.wait(WITHIN_SECONDS)


@contextmanager
def beginning(log: Path, *arguments: str, first: bool = False) -> Iterator[Beginning]:
    program = Beginning(log, *arguments, first=first)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def _serving(directory: Path) -> tuple[str, ...]:
    return f"--config.file={config(directory, 1)}", "--web.listen-address=127.0.0.1:0"


@pytest.mark.parametrize(
    ("number", "first"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, False)],
    ids=["SIGTERM", "SIGTERM to process 1", "SIGINT"],
)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_ends_it_with_0_at_any_moment(
    tmp_path: Path, number: signal.Signals, moment: str, *, first: bool
) -> None:
    with beginning(tmp_path / "log", *_serving(tmp_path), first=first) as program:
        program.wait_for(moment)
        program.send(number)
        assert program.exit_code() == 0
    assert "Traceback" not in program.log.read_text()


@pytest.mark.parametrize("first", [False, True], ids=["ordinary", "process 1"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_hangup_at_any_moment_makes_it_reload_once_it_is_up(
    tmp_path: Path, moment: str, *, first: bool
) -> None:
    with beginning(tmp_path / "log", *_serving(tmp_path), first=first) as program:
        program.wait_for(moment)
        program.send(signal.SIGHUP)
        until(
            lambda: "configuration reloaded" in program.log.read_text(),
            WITHIN_SECONDS,
            "the configuration to be reloaded",
        )
        program.send(signal.SIGTERM)
        assert program.exit_code() == 0


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("explain", "db1"), ("sql",), ("metrics",), ("--config.check",)],
    ids=lambda arguments: arguments[0],
)
def test_no_command_that_is_ended_seems_to_have_succeeded(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    options = f"--config.file={config(tmp_path, 1)}"
    with beginning(tmp_path / "log", options, *arguments) as program:
        program.wait_for("_ssl")
        program.send(signal.SIGTERM)
        assert program.exit_code() == -signal.SIGTERM


@pytest.mark.parametrize(
    ("number", "first", "expected"),
    [
        (signal.SIGTERM, False, -signal.SIGTERM),
        (signal.SIGHUP, False, -signal.SIGHUP),
        (signal.SIGINT, False, 1),
        (signal.SIGTERM, True, 128 + signal.SIGTERM),
        (signal.SIGINT, True, 1),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("explain", "db1")], ids=["check", "explain"])
def test_a_signal_ends_a_command_that_polls(
    tmp_path: Path,
    number: signal.Signals,
    expected: int,
    command: tuple[str, ...],
    *,
    first: bool,
) -> None:
    reached: list[bool] = []

    def silent(connection: socket.socket) -> None:
        reached.append(True)
        impostors.silent(connection)

    with impostors.listening(silent) as port:
        options = f"--config.file={config(tmp_path, port, 'timeout: 50s')}"
        with beginning(tmp_path / "log", options, *command, first=first) as program:
            until(lambda: reached, WITHIN_SECONDS, "the server to be polled")
            program.send(number)
            assert program.exit_code() == expected
    assert "Traceback" not in program.log.read_text()


def test_the_installed_command_begins_with_the_handlers_too() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["scripts"] == {PROGRAM: "exporter.__main__:main"}
    assert "main" in vars(importlib.import_module("exporter.__main__"))


def test_the_commands_are_known_before_the_arguments_are_read() -> None:
    (commands,) = (action.choices for action in _parser()._actions if action.dest == "command")
    assert commands is not None
    assert set(commands) == COMMANDS
