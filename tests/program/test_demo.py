"""The demo shows every connection, and whatever ends it, nothing of it is left."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from demo.monitoring import HOW_TO_HAVE_THEM, monitoring
from demo.stage import SHOWN, STANDBY_NAME
from lab.account import workspace
from lab.monitoring import Api, Suite
from lab.wait import until

REPOSITORY = Path(__file__).resolve().parents[2]
STARTED_SECONDS = 90.0
ENDED_SECONDS = 30.0

pytestmark = pytest.mark.live


class Demo:
    """A running demo whose folder and processes are found by a temporary directory of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.output = directory.parent / f"{directory.name}.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", f"--port={self.port}", *arguments],
                cwd=REPOSITORY,
                env={**os.environ, "TMPDIR": str(directory)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.output.read_text("utf-8")

    def wait_for(self, words: str) -> None:
        until(
            lambda: words in self.text() or self.process.poll() is not None,
            within=STARTED_SECONDS,
            what=f"{words!r} from the demo",
        )
        assert words in self.text(), self.text()

    def wait(self) -> int:
        return self.process.wait(ENDED_SECONDS)

    def others(self) -> dict[int, str]:
        """The demo's processes but its first: they work, or were started, with its directory."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                where = f"{command} {(entry / 'cwd').readlink()}"
                if str(self.directory) in where and int(entry.name) != self.process.pid:
                    found[int(entry.name)] = command
        return found

    def part(self, words: str) -> int:
        """The process whose command line holds ``words``."""
        [pid] = [pid for pid, command in self.others().items() if words in command]
        return pid

    def left_over(self) -> list[str]:
        return [*self.others().values(), *map(str, self.directory.iterdir())]


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Demo]:
    with workspace() as directory:
        started = Demo(directory, *arguments)
        try:
            yield started
        finally:
            started.process.kill()
            started.process.wait()
            started.output.unlink()


@pytest.fixture
def demo() -> Iterator[Demo]:
    with running() as started:
        started.wait_for("Ctrl-C ends it all.")
        yield started


@pytest.fixture(scope="module")
def shown() -> Iterator[Demo]:
    """A demo that tests only look at."""
    with running() as started:
        started.wait_for("Ctrl-C ends it all.")
        yield started


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_every_connection_is_shown_with_posture_verdict_and_reasons(shown: Demo) -> None:
    lines = [line.split() for line in shown.text().splitlines()]
    rows = {line[2]: index for index, line in enumerate(lines) if len(line) > 2}
    for mode in SHOWN:
        row = lines[rows[mode.name]]
        assert row[:2] == [mode.verdict.value, mode.posture.value]
        if mode.reasons:
            because = lines[rows[mode.name] + 1]
            assert because[0] == "because"
            assert {word.strip(",") for word in because[1:]} == {r.value for r in mode.reasons}
    assert lines[rows[STANDBY_NAME]][:2] == ["secure", "certificate_required"]


def test_the_report_that_is_served_follows_the_schema_in_the_documentation(shown: Demo) -> None:
    url = f"http://127.0.0.1:{shown.port}/api/v1/report"
    with urllib.request.urlopen(url, timeout=10) as answer:
        report = json.load(answer)
    schema = json.loads((REPOSITORY / "docs" / "report.schema.json").read_text())
    Draft202012Validator(schema).validate(report)
    kinds = {
        finding["kind"]
        for target in report["targets"]
        for connection in target["connections"]
        for finding in connection["findings"]
    }
    assert {"rule_governs", "rule_requires"} <= kinds


def test_the_printed_address_serves_the_metrics_of_the_same_connections(shown: Demo) -> None:
    url = f"http://127.0.0.1:{shown.port}/metrics"
    assert url in shown.text()
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    served = {
        line.split('application_name="')[1].split('"')[0]
        for line in text.splitlines()
        if line.startswith("pgrepl_connections{")
    }
    assert served == {STANDBY_NAME, *(mode.name for mode in SHOWN)}


@pytest.mark.parametrize("path", ["/", "/targets/primary", "/metrics", "/api/v1/report"])
def test_every_printed_page_is_served(shown: Demo, path: str) -> None:
    url = f"http://127.0.0.1:{shown.port}{path}"
    assert url in shown.text().split()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200


def test_the_printed_prometheus_scrapes_it_and_sends_its_alerts_to_the_printed_alertmanager(
    shown: Demo,
) -> None:
    found = re.search(
        r"http://127\.0\.0\.1:(\d+)/alerts .*\n.* http://(.*)/#/alerts ", shown.text()
    )
    assert found is not None, shown.text()
    prometheus = Api(int(found[1]))
    until(
        lambda: any(
            sample["metric"]["alertname"] == "PgReplicationNotEncrypted"
            for sample in prometheus.query("ALERTS")
        ),
        within=STARTED_SECONDS,
        what="the first alert",
    )
    [alertmanager] = prometheus.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert alertmanager["url"] == f"http://{found[2]}/api/v2/alerts"
    assert Api(int(found[2].split(":")[1])).is_ready()


def test_without_prometheus_it_runs_and_says_how_to_have_the_alerts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Suite("nowhere", tmp_path)
    monkeypatch.setattr("demo.monitoring.SUITES_IN_ORDER", (nowhere,))
    with monitoring(free_port(), tmp_path, lambda: None) as messages:
        assert messages == (HOW_TO_HAVE_THEM,)


def test_a_prometheus_that_does_not_start_is_reported_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usr" / "share").mkdir(parents=True)
    (tmp_path / "usr" / "bin").mkdir()
    for name in ("prometheus", "prometheus-alertmanager"):
        program = tmp_path / "usr" / "bin" / name
        program.write_text("#!/bin/sh\necho no room left; exit 1\n")
        program.chmod(0o755)
    monkeypatch.setattr("demo.monitoring.SUITES_IN_ORDER", (Suite("broken", tmp_path),))
    with monitoring(free_port(), tmp_path, lambda: None) as messages:
        first, second = messages
        assert first.startswith("Prometheus does not run here: ")
        assert second.startswith("Alertmanager does not run here: ")
        assert "no room left" in first


def test_promtool_finds_nothing_to_complain_about_in_what_is_served(shown: Demo) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool is missing: make promtool"
    with urllib.request.urlopen(f"http://127.0.0.1:{shown.port}/metrics", timeout=10) as answer:
        served = answer.read()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=served, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_no_colours_where_there_is_no_terminal(shown: Demo) -> None:
    assert "\x1b" not in shown.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_nothing_is_left(demo: Demo, number: signal.Signals) -> None:
    demo.process.send_signal(number)
    assert demo.wait() == 0
    assert demo.left_over() == []


def test_ctrl_c_during_the_set_up_ends_it_and_nothing_is_left() -> None:
    with running() as demo:
        demo.wait_for("Starting PostgreSQL")
        until(demo.others, within=STARTED_SECONDS, what="the first process")
        os.killpg(demo.process.pid, signal.SIGINT)  # as a terminal does it
        assert demo.wait() == 0
        assert demo.left_over() == []


@pytest.mark.parametrize("words", ["/primary/data", "/standby/data", "-m exporter"])
def test_a_killed_part_ends_it_and_nothing_is_left(demo: Demo, words: str) -> None:
    os.kill(demo.part(words), signal.SIGKILL)
    assert demo.wait() == 1
    assert "a part of it did" in demo.text()
    assert demo.left_over() == []


def test_a_killed_demo_leaves_no_process_and_the_next_one_removes_its_folder(demo: Demo) -> None:
    demo.process.kill()
    demo.process.wait()
    until(lambda: not demo.others(), within=ENDED_SECONDS, what="its parts to end")
    assert len(demo.left_over()) == 1
    subprocess.run(
        [sys.executable, "-m", "demo", "--once"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(demo.directory)},
        check=True,
        capture_output=True,
    )
    assert demo.left_over() == []


def test_a_running_demo_s_folder_is_not_removed_by_another(shown: Demo) -> None:
    subprocess.run(
        [sys.executable, "-m", "demo", "--once"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(shown.directory)},
        check=True,
        capture_output=True,
    )
    assert len(list(shown.directory.iterdir())) == 1
    assert shown.process.poll() is None


def test_once_prints_the_table_and_ends() -> None:
    with running("--once") as demo:
        assert demo.wait() == 0
        assert STANDBY_NAME in demo.text()
        assert "http://" not in demo.text()
        assert demo.left_over() == []


def test_a_port_in_use_is_reported_with_the_way_out() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with running(f"--port={port}") as demo:
            assert demo.wait() == 1
            assert f"127.0.0.1:{port} cannot be listened on" in demo.text()
            assert f"--port={port + 1}" in demo.text()
