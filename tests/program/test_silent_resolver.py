"""A resolver that does not answer: targets given by address are not affected."""

import contextlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.wait import until
from tests.program.test_blocking_files import polled_at
from tests.program.test_cli import Running, config
from tests.program.test_first_second import WITHIN_SECONDS

pytestmark = [pytest.mark.live, pytest.mark.root]

NAME = "silent.example"
ADDRESS = "127.99.53.53"
# longer than any wait of a test: who waited for a lookup would not end in time
RESOLVER = f"nameserver {ADDRESS}\noptions timeout:30 attempts:5\n"
SENT_BY_ONE_LOOKUP = 2
"""Questions: for IPv4 and for IPv6."""


@dataclass
class Resolver:
    """A name server that takes questions and does not answer.

    Attributes:
        prefix: of a command, for which it is the only resolver.
    """

    prefix: tuple[str, ...]
    _socket: socket.socket
    _asked: int = 0

    def asked(self) -> int:
        """Return how many questions have come so far."""
        while select.select([self._socket], [], [], 0)[0]:
            self._socket.recv(4096)
            self._asked += 1
        return self._asked


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[Resolver]:
    file = tmp_path / "resolv.conf"
    file.write_text(RESOLVER)
    own_view = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", own_view, str(file))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((ADDRESS, 53))
        yield Resolver(prefix, listening)


@contextlib.contextmanager
def _running(resolver: Resolver, path: Path, log: Path, address: str) -> Iterator[Running]:
    exporter = Running(path, log, prefix=resolver.prefix, address=address)
    try:
        yield exporter
    finally:
        exporter.process.kill()
        exporter.process.wait()


def _targets(directory: Path) -> Path:
    path = config(directory, 1, "interval: 1s", "timeout: 1s")
    text = path.read_text()
    by_address = text.removeprefix("targets:\n")
    by_name = by_address.replace("host: 127.0.0.1", f"host: {NAME}")
    path.write_text(
        text
        + by_name.replace("name: db1", "name: named")
        + by_name.replace("name: db1", "name: both")
        + "    hostaddr: 127.0.0.1\n"
        + by_address.replace("name: db1", "name: socket").replace("127.0.0.1", str(directory))
    )
    return path


def _failures(page: str, target: str, reason: str) -> float:
    start = f'pgrepl_poll_failures_total{{reason="{reason}",target="{target}"}} '
    (value,) = (line.removeprefix(start) for line in page.splitlines() if line.startswith(start))
    return float(value)


def test_only_targets_that_are_given_by_name_wait_for_it(
    resolver: Resolver, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with _running(resolver, _targets(tmp_path), log, "127.0.0.1") as exporter:
        until(exporter.ready, WITHIN_SECONDS, "the exporter to be ready")
        until(
            lambda: _failures(exporter.get("/metrics"), "named", "dns") >= 3,
            WITHIN_SECONDS,
            "three polls to wait for the resolver",
        )
        for target in ("db1", "both", "socket"):
            before = polled_at(exporter.get("/metrics"), target)
            until(
                lambda target=target, before=before: (  # type: ignore[misc]
                    polled_at(exporter.get("/metrics"), target) != before
                ),
                WITHIN_SECONDS,
                f"{target} to be polled",
            )
        page = exporter.get("/metrics")
        for target in ("db1", "both", "socket"):
            assert _failures(page, target, "refused") >= 3
            assert _failures(page, target, "dns") == 0
        # polls and looks at the served chain wait for one and the same lookup
        assert resolver.asked() == SENT_BY_ONE_LOOKUP
        assert f"host name {NAME}: the resolver did not answer within 1 s" in log.read_text()
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS / 3) == 0
    assert "Traceback" not in log.read_text()


def test_check_ends_in_time(resolver: Resolver, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(*resolver.prefix, sys.executable, "-m", "exporter"),
            *(f"--config.file={_targets(tmp_path)}", "check"),
        ],
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS * 2 / 3,
        check=False,
    )
    assert done.returncode == 3
    assert "the resolver did not answer within 1 s" in done.stdout


def test_sigterm_ends_it_though_the_name_to_listen_on_does_not_resolve(
    resolver: Resolver, tmp_path: Path
) -> None:
    with _running(resolver, config(tmp_path, 1), tmp_path / "log", NAME) as exporter:
        until(resolver.asked, WITHIN_SECONDS, "the name to be looked up")
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(WITHIN_SECONDS / 3) == 0
