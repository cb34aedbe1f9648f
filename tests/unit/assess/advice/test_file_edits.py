"""Edits of the server's files: exact lines, and line numbers of the file as it is by then."""

import pytest

from exporter.assess.advice.file_edits import Edits, inexact
from exporter.model.hba import RuleLocation
from exporter.model.remedy import FileEdit, Obstacle, ServerFile
from tests.unit.assess.facts import HBA, IDENT

NEW = ("new", "newer")


def at(line: int, file: str = HBA) -> RuleLocation:
    return RuleLocation(file, line)


def edits(*, patroni: bool = False, changed: frozenset[ServerFile] = frozenset()) -> Edits:
    return Edits(patroni, changed)


def test_a_line_is_replaced() -> None:
    edit = edits().replace(at(3), "old", ["new", "newer"])
    assert edit == FileEdit(ServerFile.HBA, HBA, 3, "old", NEW)
    assert edit.is_exact


def test_lines_are_inserted_before_another() -> None:
    edit = edits().insert(at(3), "below", ["new", "newer"])
    assert edit == FileEdit(ServerFile.HBA, HBA, 3, None, NEW, below="below")
    assert edit.is_exact


def test_the_first_rules_of_a_file_are_not_an_exact_edit() -> None:
    edit = edits().begin(["new", "newer"])
    assert edit == FileEdit(
        ServerFile.HBA, "", None, None, NEW, obstacles=frozenset({Obstacle.NO_RULES})
    )
    assert not edit.is_exact


def test_an_edit_that_a_program_must_not_apply_says_why() -> None:
    edit = edits(patroni=True).replace(at(3), "old", ["new"])
    both = frozenset({Obstacle.MANAGED, Obstacle.MASKED})
    assert inexact(edit, Obstacle.MASKED) == FileEdit(
        ServerFile.HBA, HBA, 3, "old", ("new",), obstacles=both
    )


def numbers(several: Edits, *lines: int, file: str = HBA) -> list[int | None]:
    """Return the numbers of lines by now."""
    return [several.replace(at(line, file), "", [""]).line_number for line in lines]


@pytest.mark.parametrize(
    ("new", "replaced", "inserted"),
    [([], [2, 2, 3], [2, 3, 4]), (["a"], [2, 3, 4], [2, 4, 5]), (["a", "b"], [2, 4, 5], [2, 5, 6])],
)
def test_an_edit_moves_what_stands_below(
    new: list[str], replaced: list[int], inserted: list[int]
) -> None:
    several = edits()
    several.replace(at(3), "", new)
    assert numbers(several, 2, 3, 4) == replaced
    several = edits()
    several.insert(at(3), "", new)
    assert numbers(several, 2, 3, 4) == inserted


def test_every_edit_counts_and_only_in_its_own_file() -> None:
    several = edits()
    several.insert(at(5), "", ["a", "b"])
    several.insert(at(2), "", ["c"])
    several.insert(at(9, IDENT), "", ["d"])
    assert numbers(several, 1, 2, 5, 9) == [1, 3, 8, 12]
    assert numbers(several, 8, 9, file=IDENT) == [8, 10]
    # the first rules of a file have no number
    several.begin(["e"])
    assert numbers(several, 1) == [1]


@pytest.mark.parametrize("file", ServerFile)
def test_under_patroni_no_edit_is_exact(file: ServerFile) -> None:
    several = edits(patroni=True)
    edit = several.replace(at(3), "old", ["new"], file)
    assert edit == FileEdit(file, HBA, 3, "old", ("new",), obstacles=frozenset({Obstacle.MANAGED}))
    both = edits(patroni=True, changed=frozenset(ServerFile)).replace(at(3), "old", ["new"], file)
    assert both.obstacles == {Obstacle.MANAGED, Obstacle.CHANGED}
    assert several.insert(at(3), "", []).obstacles == {Obstacle.MANAGED}
    assert several.begin([]).obstacles == {Obstacle.MANAGED, Obstacle.NO_RULES}


@pytest.mark.parametrize("file", ServerFile)
def test_a_file_that_was_changed_since_it_was_loaded_has_no_exact_edit(file: ServerFile) -> None:
    other = next(each for each in ServerFile if each is not file)
    edit = edits(changed=frozenset({file})).replace(at(3), "old", ["new"], file)
    assert edit == FileEdit(file, HBA, 3, "old", ("new",), obstacles=frozenset({Obstacle.CHANGED}))
    edit = edits(changed=frozenset({other})).replace(at(3), "old", ["new"], file)
    assert edit == FileEdit(file, HBA, 3, "old", ("new",))
    # without a number there is nothing to doubt
    begun = edits(changed=frozenset({file})).begin(["new"])
    assert begun == edits().begin(["new"])
