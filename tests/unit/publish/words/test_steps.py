"""Every kind of step has words, in the field's own language; an edit is a diff."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from exporter.model.client_steps import ClientStepKind, Reconnect, TryConnection
from exporter.model.remedy import FileEdit, Obstacle, ParameterEdit, Step
from exporter.model.server_steps import ServerStepKind
from exporter.publish.terminal.explain import explain_text
from exporter.publish.words.own_command import OwnCommand
from exporter.publish.words.printable import printable
from exporter.publish.words.steps.lines import connection_string, terminate, trial
from exporter.publish.words.steps.text import step_text
from tests.unit.publish.words.step_examples import EXAMPLES, REPLACE, REQUIRE, printed
from tests.unit.reports import PLAINTEXT, RECORD, with_connections

EXPECTED = Path(__file__).with_name("steps.txt")
UPDATE = "python -m tests.unit.publish.words.step_examples > tests/unit/publish/words/steps.txt"
STEPS = pytest.mark.parametrize("step", EXAMPLES.values(), ids=EXAMPLES)
EDITS = {name: step for name, step in EXAMPLES.items() if isinstance(step.edit, FileEdit)}
_FORBIDDEN = re.compile(
    r"\b(?:told|tells?|nobody|everybody|whoever|beside|lets? [^.:;]* in|demand\w*|hangs? on"
    r"|vouch\w*|held against|mend|remedy|gets? in|runs? out|shown by|looks? at)\b",
    re.IGNORECASE,
)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def test_every_kind_has_an_example() -> None:
    assert {type(step.kind) for step in EXAMPLES.values()} == {
        *get_args(ServerStepKind),
        *get_args(ClientStepKind),
    }


def test_every_step_is_printed_as_it_was_agreed_upon() -> None:
    assert EXPECTED.read_text("utf-8") == printed(), f"if the new words are better: {UPDATE}"


@STEPS
def test_a_step_is_an_imperative_in_the_field_s_own_words(step: Step) -> None:
    action = step_text(step).action
    assert _FORBIDDEN.search(action) is None, action
    assert re.match(r"(?:Or )?[A-Za-z][a-z]+ ", action)
    # a list of sentences whose last one is followed by the lines
    assert not action.endswith((".", ":", " ", ","))
    assert "  " not in action
    assert ".." not in action.replace("...", "")
    assert "None" not in action
    assert "\n" not in action


def test_forbidden_words_are_noticed() -> None:
    for words in ("let its name in", "is told", "the rule that demands it", "beside the rule"):
        assert _FORBIDDEN.search(words), words


# --- edits


@pytest.mark.parametrize("step", EDITS.values(), ids=EDITS)
def test_an_edit_of_a_file_is_a_diff_below_its_place(step: Step) -> None:
    edit = step.edit
    assert isinstance(edit, FileEdit)
    text = step_text(step)
    old = [] if edit.old is None else [f"- {edit.old}"]
    below = [] if edit.below is None else [f"  {edit.below}"]
    assert list(text.lines) == [*old, *(f"+ {line}" for line in edit.new), *below]
    first, _, _ = text.action.partition(". ")
    if edit.line_number is None:
        assert first.endswith(": write as the first rules of pg_hba.conf")
    else:
        what = "insert directly before" if edit.old is None else "replace"
        assert f": {what} line {edit.line_number} of {edit.file_name}" in first


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (Obstacle.MANAGED, "do not edit it by hand"),
        (Obstacle.CHANGED, "look for the line itself"),
        (Obstacle.MASKED, "as they are in the old line"),
    ],
)
def test_what_stands_in_the_way_of_an_edit_is_said_before_its_lines(
    obstacle: Obstacle, words: str
) -> None:
    def action(*obstacles: Obstacle) -> str:
        edit = replace(REPLACE, obstacles=frozenset(obstacles))
        return step_text(replace(EXAMPLES["require"], kind=REQUIRE, edit=edit)).action

    assert words not in action()
    assert words in action(obstacle)
    assert action(obstacle).startswith(action())
    # of a line that Patroni writes the number is no matter
    assert ("look for the line" in action(Obstacle.CHANGED, obstacle)) is (
        obstacle is not Obstacle.MANAGED
    )


# --- lines that a program reads


@settings(deadline=None)
@given(_TEXT, _TEXT)
def test_names_are_read_by_shell_and_libpq_as_they_are(role: str, database: str) -> None:
    parameters = (("user", role), ("sslmode", "verify-full"))
    assert conninfo_to_dict(connection_string(parameters)) == {
        "user": role,
        "sslmode": "verify-full",
    }
    for name in (None, database):
        program, conninfo, *rest = shlex.split(trial(TryConnection(name, parameters)))
        assert (program, rest) == ("psql", ["-c", "IDENTIFY_SYSTEM"])
        read = conninfo_to_dict(conninfo.replace(" port=PORT", ""))
        expected = {"user": role, "host": "HOST", "sslmode": "verify-full"}
        mode = {"replication": "true"} if name is None else {"dbname": name}
        assert read == expected | mode | ({} if name is None else {"replication": "database"})


_LITERAL = re.compile(r"(E?)'((?:[^'\\]|''|\\\\)*)'")


def _of_literal(found: re.Match[str]) -> str:
    text = found[2].replace("''", "'")
    return text.replace("\\\\", "\\") if found[1] else text


@given(_TEXT, _TEXT)
def test_names_are_read_by_sql_as_they_are(role: str, application_name: str) -> None:
    statement = terminate(Reconnect(role, application_name, ip_address("10.0.0.5")))
    literals = list(_LITERAL.finditer(statement))
    assert list(map(_of_literal, literals)) == [role, application_name, "10.0.0.5"]
    assert _LITERAL.sub("?", statement) == (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication "
        "WHERE usename = ? AND application_name = ? AND client_addr = ?;"
    )


# --- hostile names

Value = TypeVar("Value")


def _named(value: Value, name: str) -> Value:
    """Return a value with ``name`` in place of every text that is no constant of ours."""
    changed: Any = value
    if type(value) is str:
        changed = name
    elif isinstance(value, tuple):
        changed = tuple(_named(each, name) for each in value)
    elif isinstance(value, ParameterEdit):
        changed = replace(value, parameters=tuple((key, name) for key, _ in value.parameters))
    elif is_dataclass(value) and not isinstance(value, type):
        changed = replace(
            value, **{f.name: _named(getattr(value, f.name), name) for f in fields(value)}
        )
    return changed  # type: ignore[no-any-return]


def _explained(step: Step) -> Iterator[str]:
    connection = replace(PLAINTEXT, remedy=(step,))
    text = explain_text(with_connections((connection,)), colour=False)
    yield from text.partition("What to do, in this order\n")[2].splitlines()


@STEPS
@settings(deadline=None, max_examples=5)
@given(st.text(st.characters(categories=("C", "Z", "M", "P")), min_size=1, max_size=9))
def test_a_hostile_name_stays_data(step: Step, name: str) -> None:
    hostile = _named(step, f"x{name}\n      9. Do as I say\x1b[2J\u202e")
    text = step_text(hostile)
    assert len(text.lines) == len(step_text(_named(step, "x")).lines)
    own = OwnCommand()
    shown = list(_explained(hostile))
    assert all(line == printable(line) for line in shown)
    assert not any(re.match(r" {6}9\. ", line) for line in shown)
    for line in text.lines:
        assert any(each.endswith(printable(own.line(line, RECORD.target))) for each in shown)
