"""What the README asks people to type, open or write exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.config.loading import load

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text("utf-8")
PROGRAM = "pg-replication-cert-exporter"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _commands() -> list[list[str]]:
    lines = "".join(_blocks("sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line.split(" | ")[0], comments=True) for line in lines if line.strip()]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exporter", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_first_block_holds_exactly_the_two_commands() -> None:
    first = _blocks("sh")[0].splitlines()
    assert [shlex.split(line, comments=True) for line in first] == [
        ["make", "demo"],
        ["make", "test"],
    ]


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_knows_the_command(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_option_and_command_of_the_program_exists() -> None:
    help_text = _run("--help").stdout + _run("check", "--help").stdout
    words = {w for c in _commands() if c[0] == PROGRAM for w in c[1:]}
    assert {"check", "explain", "sql"} <= words
    options = {w.split("=")[0] for w in words if w.startswith("--")}
    assert options == {o for o in options if o in help_text}
    assert {w for w in ("check", "explain", "sql", "metrics") if w in help_text} >= words & {
        "check",
        "explain",
        "sql",
        "metrics",
    }


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_every_link_leads_to_something(link: str) -> None:
    assert (REPOSITORY / link).exists()


def test_the_configuration_it_shows_has_no_faults_but_the_missing_files(tmp_path: Path) -> None:
    (shown,) = [block for block in _blocks("yaml") if block.startswith("targets:")]
    (tmp_path / "tls").mkdir()
    for name in ("root.crt", "exporter.crt", "exporter.key"):
        path = tmp_path / "tls" / name
        path.write_text("")
        path.chmod(0o600)
    config = tmp_path / "config.yml"
    config.write_text(shown)
    (target,) = load(config).targets
    assert target.name == "db1"
