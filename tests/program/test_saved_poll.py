"""A user saves polls with one command, and anyone judges them with another."""

import json
import re
from pathlib import Path

import pytest

from lab.server import PostgresServer
from tests.program.test_cli import NO_LOOPBACK, client, config, primary, run

__all__ = ["primary"]

SAMPLE = Path(__file__).parents[1] / "unit" / "saved_poll" / "sample.json"
PASSWORD = "planted-password"


def test_a_saved_poll_is_explained_as_the_poll_itself_without_server_and_configuration(
    primary: PostgresServer, tmp_path: Path
) -> None:
    clear = (f"password: {PASSWORD}", "password_in_clear: true", "parameters: {require_auth: none}")
    path = config(tmp_path, primary.port, *NO_LOOPBACK, *clear)
    with client(primary):
        done = run("check", "--output=observation", f"--config.file={path}")
        explained = run("explain", "db1", f"--config.file={path}")
    assert (done.returncode, done.stderr) == (2, "")
    assert PASSWORD not in done.stdout
    file = tmp_path / "poll.json"
    file.write_text(done.stdout)
    path.unlink()
    again = run("explain", "--from", str(file), f"--config.file={path}")
    assert (again.returncode, again.stderr) == (2, "")
    assert without_times(again.stdout) == without_times(explained.stdout)
    table = run("check", "--from", str(file))
    assert (table.returncode, "plaintext" in table.stdout) == (2, True)
    report = json.loads(run("check", "--from", str(file), "--output=json").stdout)
    assert [t["name"] for t in report["targets"]] == ["db1"]


def without_times(text: str) -> str:
    return re.sub(r"\d+[-:]\d+[-:\d]*|\d+ ms|[\d.]+ s\b", "TIME", text)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["explain", "--from", "missing.json"], "missing.json cannot be read: No such file"),
        (["explain", "db9", "--from", str(SAMPLE)], "no target is named 'db9'; there are: primary"),
        (["check", "--from", "/dev/null"], "is a device, not a regular file"),
        (["check", "--from", str(SAMPLE), "--output=observation"], "cannot be used with --from"),
        (["check", "--from", "pyproject.toml"], "is not a saved poll: Invalid JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_misuse(
    arguments: list[str], expected: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("pg-replication-cert-exporter: ")
    assert expected in line


def test_the_target_has_to_be_named_if_a_file_holds_several(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text())
    (poll,) = document["polls"]
    other = json.loads(json.dumps(poll))
    other["target"]["name"] = "other"
    document["polls"].append(other)
    file = tmp_path / "polls.json"
    file.write_text(json.dumps(document))
    assert run("explain", "--from", str(file)).returncode == 1
    done = run("explain", "other", "--from", str(file))
    assert (done.returncode, done.stdout.startswith("other: up")) == (2, True)


def test_the_debug_log_has_the_traceback_of_a_poll_that_cannot_be_judged(tmp_path: Path) -> None:
    document = json.loads(SAMPLE.read_text())
    document["polls"][0]["observation"]["hba"]["rules"][0]["netmask"] = "none"
    file = tmp_path / "poll.json"
    file.write_text(json.dumps(document))
    done = run("explain", "--from", str(file))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "the poll of target 'primary' cannot be judged (ValueError in " in done.stderr
    assert "Traceback" in run("explain", "--from", str(file), "--log.level=debug").stderr


def test_the_debug_log_has_the_decisions_on_a_saved_poll() -> None:
    log = run("explain", "--from", str(SAMPLE), "--log.level=debug").stderr
    assert "target=primary decided: pg_hba.conf is pending; 2 connections" in log
    assert "decided: pid=4711 application_name=standby role=replica" in log


def test_the_debug_log_follows_a_poll(primary: PostgresServer, tmp_path: Path) -> None:
    path = config(tmp_path, primary.port, *NO_LOOPBACK)
    with client(primary):
        done = run("check", f"--config.file={path}", "--log.level=debug")
    asked = ("logs in to 127.0.0.1 port", "asks server, wal_senders")
    decided = ("decided: pg_hba.conf is ", "application_name=standby1 role=repl verdict=insecure")
    steps = (*asked, "received wal_senders: 1 rows", *decided)
    places = [done.stderr.index(text) for text in steps]
    assert places == sorted(places)
