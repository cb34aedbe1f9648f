"""The exporter's own commands, as they are to be typed."""

import shlex
from dataclasses import replace

import pytest

from exporter.publish.words.own_command import ExporterCommand, OwnCommand
from tests.unit.reports import RECORD

OWN = OwnCommand("./venv/bin/python -m exporter", "--config.file='my config.yml'")


@pytest.mark.parametrize(
    ("name", "words"),
    [("db1", ["db1"]), ("it's $(db) 1", ["it's $(db) 1"]), ("-db1", ["--", "-db1"])],
)
def test_explain_is_written_with_the_target_s_name(name: str, words: list[str]) -> None:
    line = OWN.line(ExporterCommand.EXPLAIN, replace(RECORD.target, name=name))
    assert shlex.split(line) == [
        *("./venv/bin/python", "-m", "exporter", "--config.file=my config.yml", "explain"),
        *words,
    ]


def test_the_shipped_sql_is_made_for_the_target_s_role_in_its_database() -> None:
    target = replace(RECORD.target, parameters={"user": "o'role", "dbname": "my db"})
    line = OWN.line(ExporterCommand.INSTALL, target)
    assert line == """./venv/bin/python -m exporter sql --role='o'"'"'role' | psql -d 'my db'"""


def test_what_no_target_says_stays_a_word_to_fill_in() -> None:
    line = OwnCommand().line(ExporterCommand.INSTALL, replace(RECORD.target, parameters={}))
    assert line == "pg-replication-cert-exporter sql --role=ROLE | psql -d DATABASE"


def test_every_other_line_is_left_as_it_is() -> None:
    assert OWN.line("host all all 0.0.0.0/0 reject", RECORD.target) == (
        "host all all 0.0.0.0/0 reject"
    )
