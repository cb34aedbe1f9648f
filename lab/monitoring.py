"""Real Prometheus and Alertmanager, of two ages, and a receiver for what they send.

``make monitoring-tools`` unpacks them for the tests; a program that is missing is an error there.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from lab.account import start
from lab.wait import until

_TOOLS = Path(__file__).resolve().parent.parent / ".tools"
_READY_SECONDS = 60.0
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Prometheus, promtool, Alertmanager and amtool that belong together.

    Attributes:
        directory: where packages are unpacked; None for what is installed.
    """

    name: str
    directory: Path | None

    def program(self, name: str) -> Path:
        """Return the path of a program.

        Raises:
            LookupError: it is not there.
        """
        if self.directory is None:
            # Debian calls it prometheus-alertmanager, everybody else alertmanager
            names = (name, name.removeprefix("prometheus-"))
            found = next(filter(None, (shutil.which(n, path=_system_path()) for n in names)), None)
            if found is None:
                raise LookupError(f"{name} is not installed")
            return Path(found)
        path = self.directory / "usr" / "bin" / name
        if not path.exists():
            raise LookupError(f"{path} is missing; run: make monitoring-tools")
        return path

    def is_there(self) -> bool:
        """Return whether Prometheus and Alertmanager are."""
        try:
            self.program("prometheus")
            self.program("prometheus-alertmanager")
        except LookupError:
            return False
        return True


def _system_path() -> str:
    """Return ``PATH`` without what is unpacked in the repository."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(p for p in places if not Path(p).is_relative_to(_TOOLS))


DISTRIBUTION = Suite("distribution", _TOOLS / "debian")
NEWEST = Suite("newest", _TOOLS / "newest")
SUITES = (DISTRIBUTION, NEWEST)
INSTALLED = Suite("installed", None)


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP interface of a program on this machine."""

    port: int

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  JSON
        """Return what is answered, parsed."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(self.url + path + query, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  loopback
            return json.load(answer)

    def post(self, path: str, body: object) -> None:
        """Send ``body`` as JSON."""
        request = urllib.request.Request(  # noqa: S310  loopback
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310  loopback
            pass

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query of Prometheus."""
        samples: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["data"][
            "result"
        ]
        return samples

    def is_ready(self) -> bool:
        """Return whether the program says that it is ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):  # noqa: S310  loopback
                return True
        except OSError:
            return False


@contextlib.contextmanager
def prometheus(suite: Suite, directory: Path, configuration: str) -> Iterator[Api]:
    """Run Prometheus.

    Args:
        suite: which.
        directory: for its data and log; ``configuration`` is written there.
        configuration: of prometheus.yml.
    """
    directory.mkdir(exist_ok=True)
    (directory / "prometheus.yml").write_text(configuration, "utf-8")
    arguments = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=10d",
    ]
    with _running([suite.program("prometheus")], directory, arguments) as api:
        yield api


@contextlib.contextmanager
def alertmanager(suite: Suite, directory: Path, configuration: str) -> Iterator[Api]:
    """Run Alertmanager; the arguments are those of ``prometheus``."""
    directory.mkdir(exist_ok=True)
    (directory / "alertmanager.yml").write_text(configuration, "utf-8")
    arguments = [
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        "--cluster.listen-address=",  # it would listen on all addresses
    ]
    with _running(_with_templates(suite), directory, arguments) as api:
        yield api


def _with_templates(suite: Suite) -> list[str | Path]:
    """Return a command that runs Alertmanager where it finds its notification templates.

    Debian's reads them from /usr/share, where nothing is installed: it gets a view of its own
    (user_namespaces(7), mount_namespaces(7)) in which they are.
    """
    program = suite.program("prometheus-alertmanager")
    if suite.directory is None:
        return [program]
    as_root = os.geteuid() == 0
    overlay = 'mount -t overlay none -o "lowerdir=$0:/usr/share" /usr/share && exec "$@"'
    return [
        *("unshare", "--mount", *([] if as_root else ["--map-root-user"])),
        *("sh", "-c", overlay, suite.directory / "usr" / "share", program),
    ]


@contextlib.contextmanager
def _running(command: Sequence[str | Path], directory: Path, arguments: list[str]) -> Iterator[Api]:
    api = Api(_free_port())
    log = directory / "log"
    with log.open("wb") as output:
        process = start(
            [*command, *arguments, f"--web.listen-address=127.0.0.1:{api.port}"],
            environment={},
            directory=directory,
            output=output,
            at_parents_death=signal.SIGKILL,
            as_server_account=False,
        )
    try:
        until(
            lambda: api.is_ready() or process.poll() is not None,
            within=_READY_SECONDS,
            what=f"{command[-1]} to be ready",
        )
        if process.poll() is not None:
            raise RuntimeError(f"{command[-1]} ended:\n{log.read_text('utf-8')[-4000:]}")
        yield api
    finally:
        process.terminate()
        process.wait()


class Webhook:
    """An HTTP server that keeps what is posted to it.

    Attributes:
        port: on 127.0.0.1.
    """

    def __init__(self) -> None:
        self._received: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self._kept: list[tuple[str, dict[str, Any]]] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def alerts(self, path: str, status: str) -> list[dict[str, Any]]:
        """Return every alert that was posted to ``path`` as ``firing`` or ``resolved`` so far."""
        while not self._received.empty():
            self._kept.append(self._received.get())
        return [
            alert
            for posted_to, message in self._kept
            if posted_to == path
            for alert in message["alerts"]
            if alert["status"] == status
        ]


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
