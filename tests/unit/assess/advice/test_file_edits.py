"""Edits of the server's files: exact lines, and line numbers of the file as it is by then."""

import pytest

from exporter.assess.advice.file_edits import Edits, Purpose, Written
from exporter.model.hba import RuleLocation
from exporter.model.remedy import FileEdit, Place
from tests.unit.assess.facts import HBA, IDENT

WHY = Purpose("Do it")


def at(line: int, file: str = HBA) -> RuleLocation:
    return RuleLocation(file, line)


def edits(*, patroni: bool = False, changed: frozenset[Written] = frozenset()) -> Edits:
    return Edits(patroni, changed)


def test_a_line_is_replaced() -> None:
    step = edits().replace(at(3), "old", ["new", "newer"], WHY)
    assert step.place is Place.SERVER
    assert step.lines == ("- old", "+ new", "+ newer")
    assert step.edit == FileEdit(HBA, 3, replaces=True, new=("new", "newer"))
    assert step.action == f"Do it: replace line 3 of {HBA}"


def test_lines_are_inserted_before_another() -> None:
    step = edits().insert(at(3), "below", ["new", "newer"], WHY)
    assert step.place is Place.SERVER
    assert step.lines == ("+ new", "+ newer", "  below")
    assert step.edit == FileEdit(HBA, 3, replaces=False, new=("new", "newer"))
    assert step.action == f"Do it: insert directly before line 3 of {HBA}"


def test_the_first_rules_of_a_file_are_no_exact_edit() -> None:
    step = edits().begin(["new", "newer"], WHY)
    assert step.place is Place.SERVER
    assert step.lines == ("+ new", "+ newer")
    assert step.edit is None
    assert step.action == "Do it: write as the first rules of pg_hba.conf"


def test_a_purpose_ends_with_what_has_to_be_checked() -> None:
    assert Purpose("Do it", "See first").sentences("here") == "Do it: here. See first"
    assert WHY.sentences("here") == "Do it: here"


def numbers(several: Edits, *lines: int, file: str = HBA) -> list[int]:
    """Return the numbers of lines by now."""
    found = (several.replace(at(line, file), "", [""], WHY).edit for line in lines)
    return [edit.line_number for edit in found if edit is not None]


@pytest.mark.parametrize(
    ("new", "replaced", "inserted"),
    [([], [2, 2, 3], [2, 3, 4]), (["a"], [2, 3, 4], [2, 4, 5]), (["a", "b"], [2, 4, 5], [2, 5, 6])],
)
def test_an_edit_moves_what_stands_below(
    new: list[str], replaced: list[int], inserted: list[int]
) -> None:
    several = edits()
    several.replace(at(3), "", new, WHY)
    assert numbers(several, 2, 3, 4) == replaced
    several = edits()
    several.insert(at(3), "", new, WHY)
    assert numbers(several, 2, 3, 4) == inserted


def test_every_edit_counts_and_only_in_its_own_file() -> None:
    several = edits()
    several.insert(at(5), "", ["a", "b"], WHY)
    several.insert(at(2), "", ["c"], WHY)
    several.insert(at(9, IDENT), "", ["d"], WHY)
    assert numbers(several, 1, 2, 5, 9) == [1, 3, 8, 12]
    assert numbers(several, 8, 9, file=IDENT) == [8, 10]
    # the first rules of a file have no number
    several.begin(["e"], WHY)
    assert numbers(several, 1) == [1]


@pytest.mark.parametrize(
    ("file", "name", "key"),
    [
        (Written.HBA, "pg_hba.conf", "postgresql.pg_hba"),
        (Written.IDENT, "pg_ident.conf", "postgresql.pg_ident"),
    ],
)
def test_under_patroni_the_change_is_one_of_its_configuration(
    file: Written, name: str, key: str
) -> None:
    several = edits(patroni=True)
    for each in (several, edits(patroni=True, changed=frozenset(Written))):
        step = each.replace(at(3), "old", ["new"], WHY, file)
        assert step.edit is None
        assert step.lines == ("- old", "+ new")
        assert step.place is Place.SERVER
        assert step.action.startswith(f"Do it: replace line 3 of {HBA}")
        assert f". Patroni writes {name} on" in step.action
        assert f"in the key {key} (" in step.action
    for step in (several.insert(at(3), "", [], WHY), several.begin([], WHY)):
        assert step.edit is None
        assert "in the key postgresql.pg_hba (" in step.action


@pytest.mark.parametrize("file", Written)
def test_a_file_that_was_changed_since_it_was_loaded_has_no_exact_edit(file: Written) -> None:
    other = next(each for each in Written if each is not file)
    name = {Written.HBA: "pg_hba.conf", Written.IDENT: "pg_ident.conf"}[file]
    step = edits(changed=frozenset({file})).replace(at(3), "old", ["new"], WHY, file)
    assert step.edit is None
    assert step.place is Place.SERVER
    assert step.lines == ("- old", "+ new")
    assert step.action.startswith(f"Do it: replace line 3 of {HBA}")
    assert ". The line numbers are those of" in step.action
    assert f"; {name} on disk" in step.action
    step = edits(changed=frozenset({other})).replace(at(3), "old", ["new"], WHY, file)
    assert step.edit == FileEdit(HBA, 3, replaces=True, new=("new",))
    assert step.action.startswith(f"Do it: replace line 3 of {HBA}")
    # without a number there is nothing to doubt
    begun = edits(changed=frozenset({file})).begin(["new"], WHY)
    assert begun == edits().begin(["new"], WHY)
