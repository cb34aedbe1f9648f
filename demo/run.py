"""Runs the demo: set up, show, wait, and clean up whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from demo.folder import folder
from demo.monitoring import monitoring
from demo.stage import STANDBY_NAME, Stage, stage
from lab.account import start
from lab.installations import find
from lab.wait import until

HOST = "127.0.0.1"
_REPOSITORY = Path(__file__).resolve().parent.parent
_READY_SECONDS = 30.0
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.5
# what `check` ends with when it could poll: secure, insecure, unknown
_TABLE_SHOWN = (0, 2, 3)


class Stopped(Exception):  # noqa: N818  asked for, not an error
    """Somebody asked the demo to end."""


class PartEnded(RuntimeError):  # noqa: N818  says what happened
    """A part of the demo ended by itself."""


class Interruptions:
    """SIGINT, SIGTERM and SIGHUP as a question, so that none of them cuts a step in half."""

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            self._writing.send(b"!")

    def check(self) -> None:
        """Raise Stopped if the demo has been asked to end."""
        if self._asked:
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Wait, or raise Stopped as soon as the demo is asked to end."""
        self._reading.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self._reading.recv(1)
        self.check()


def run(port: int, *, once: bool) -> int:
    """Run the demo and return the exit code.

    Args:
        port: of the exporter, on 127.0.0.1.
        once: print the table and end.
    """
    interruptions = Interruptions()
    try:
        if not once:
            _must_be_free(port)
        with folder() as directory:
            _show(directory, port, interruptions, once=once)
    except Stopped:
        _say("\nEverything of the demo has ended and is removed.")
        return 0
    except (LookupError, OSError, RuntimeError) as error:
        # A part that Ctrl-C reached first may fail before the demo itself is asked.
        with contextlib.suppress(Stopped):
            interruptions.check()
            print(f"demo: {error}", file=sys.stderr)
            return 1
        return 0
    return 0


def _show(directory: Path, port: int, interruptions: Interruptions, *, once: bool) -> None:
    installation = find()
    _say(f"Starting PostgreSQL {installation.version} from {installation.bin_directory} ...")
    with stage(installation, directory, interruptions.check) as running:
        interruptions.check()
        if once:
            _print_table(running)
            return
        with (
            _exporter(running, directory, port, interruptions) as process,
            monitoring(port, directory, interruptions.check) as alerts,
        ):
            _print_table(running)
            _say(_where(running, port, alerts))
            _watch(running, process, interruptions)


@contextlib.contextmanager
def _exporter(
    running: Stage, directory: Path, port: int, interruptions: Interruptions
) -> Iterator[subprocess.Popen[bytes]]:
    log_path = directory / "exporter.log"
    with log_path.open("wb") as log:
        process = start(
            [
                *(sys.executable, "-m", "exporter", f"--config.file={running.config_file}"),
                f"--web.listen-address={HOST}:{port}",
            ],
            environment={"PYTHONUNBUFFERED": "1"},
            directory=_REPOSITORY,
            output=log,
            at_parents_death=signal.SIGTERM,
            as_server_account=False,
        )

    def ready() -> bool:
        interruptions.check()
        return process.poll() is not None or _has_polled(port)

    try:
        until(ready, within=_READY_SECONDS, what="the exporter's first poll")
        if process.poll() is not None:
            raise PartEnded(f"the exporter ended:\n{log_path.read_text('utf-8')}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _has_polled(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=2) as answer:
            text: bytes = answer.read()
    except (urllib.error.URLError, OSError):
        return False
    return b"pgrepl_up{" in text


def _watch(running: Stage, process: subprocess.Popen[bytes], interruptions: Interruptions) -> None:
    while True:
        interruptions.wait(_LOOK_SECONDS)
        broken = "the exporter" if process.poll() is not None else running.broken()
        if broken:
            raise PartEnded(f"ended, because a part of it did: {broken}")


def _print_table(running: Stage) -> None:
    sys.stdout.flush()
    result = subprocess.run(
        [sys.executable, "-m", "exporter", f"--config.file={running.config_file}", "check"],
        cwd=_REPOSITORY,
        check=False,
    )
    if result.returncode not in _TABLE_SHOWN:
        raise RuntimeError(f"the exporter's check ended with {result.returncode}")


def _where(running: Stage, port: int, alerts: Sequence[str]) -> str:
    config = os.path.relpath(running.config_file)
    if config.startswith(".."):
        config = str(running.config_file)
    url = f"http://{HOST}:{port}"
    shown = "\n".join(alerts)
    return f"""
  pages     {url}/   {url}/targets/primary
  metrics   {url}/metrics
  report    {url}/api/v1/report   (all of it as JSON)
{shown}

{STANDBY_NAME} is a real streaming standby; the others are replication clients on libpq.
Why is one of them not secured, and what is to be done, step by step?

  {_python()} -m exporter --config.file={config} explain primary

(of one connection only, with --application-name=NAME from the table)

Ctrl-C ends it all."""


def _python() -> str:
    relative = os.path.relpath(sys.executable)
    return sys.executable if relative.startswith("..") else relative


def _must_be_free(port: int) -> None:
    with contextlib.closing(socket.socket()) as probe:
        # as the exporter's own listener does: connections of an earlier run do not matter
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RuntimeError(
                f"{HOST}:{port} cannot be listened on ({error.strerror}); "
                f"choose another port: make demo ARGS=--port={port + 1}"
            ) from error


def _say(text: str) -> None:
    print(text, flush=True)
