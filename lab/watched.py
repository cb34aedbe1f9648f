"""The demo's cluster, watched by the exporter and by Prometheus: what a dashboard is drawn from."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.stage import stage
from lab.account import start
from lab.installations import find
from lab.monitoring import DISTRIBUTION, Api, prometheus
from lab.pki import Authority
from lab.wait import until

_REPOSITORY = Path(__file__).resolve().parent.parent
_POLLS = 4
_ENDING_IN_DAYS = (2, 12, 60)
_WITHIN_SECONDS = 90.0

_A_TARGET_THAT_IS_DOWN = """
  - name: standby2
    host: 127.0.0.1
    port: 1
    dbname: postgres
    user: nobody
"""
"""Added to the demo's configuration, so that it is seen how a failure looks."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A running Prometheus that has seen a few polls."""

    prometheus: Api


@contextlib.contextmanager
def watched(directory: Path, servers: Path) -> Iterator[Watched]:
    """Start it all and wait until there is something to see.

    Args:
        directory: for logs and Prometheus' data.
        servers: an empty one of the servers' account.
    """
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(stage(find(), servers, lambda: None))
        configuration = directory / "config.yml"
        text = running.config_file.read_text("utf-8").replace("interval: 5s", "interval: 2s")
        text = text.replace("timeout: 4s", "timeout: 2s")
        text = text.replace("inventory:\n", f"inventory:\n{_soon_to_end(directory)}")
        configuration.write_text(text + _A_TARGET_THAT_IS_DOWN, "utf-8")
        port = stack.enter_context(_exporter(configuration, directory))
        api = stack.enter_context(
            prometheus(DISTRIBUTION, directory / "prometheus", _scraping(port))
        )
        polled = f"min(pgrepl_polls_total) >= {_POLLS}"
        until(lambda: api.query(polled), _WITHIN_SECONDS, "some polls to be seen")
        yield Watched(api)


def _soon_to_end(directory: Path) -> str:
    """Make certificates that end soon, and return a source of the inventory that holds them."""
    authority = Authority.create(directory / "other-pki", common_name="Other CA")
    for days in _ENDING_IN_DAYS:
        end = datetime.now(UTC) + timedelta(days=days, hours=1)
        authority.issue(common_name=f"client-{days}", not_after=end)
    return f"  - name: other-clients\n    paths: {authority.directory}/*.crt\n"


@contextlib.contextmanager
def _exporter(configuration: Path, directory: Path) -> Iterator[int]:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (directory / "exporter.log").open("wb") as log:
        process = start(
            [
                *(sys.executable, "-m", "exporter", f"--config.file={configuration}"),
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            environment={},
            directory=_REPOSITORY,
            output=log,
            at_parents_death=signal.SIGKILL,
            as_server_account=False,
        )
    try:
        yield port
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _scraping(port: int) -> str:
    return f"""\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: pg-replication-cert-exporter
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""
