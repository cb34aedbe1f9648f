"""The strict layer refuses what prometheus_client would publish or lose."""

import math
from collections.abc import Iterable
from typing import Any

import pytest

from exporter.publish.label_value import MAX_LABEL_LENGTH, label_value
from exporter.publish.metrics.catalog import CATALOG
from exporter.publish.metrics.family import Counter, FamilyError, Gauge


def gauge(
    rows: Iterable[Any], labels: tuple[str, ...] = ("a",), cap: int | None = None
) -> Gauge[None]:
    return Gauge(
        name="things", meaning="Things.", labels=labels, read=lambda _: tuple(rows), cap=cap
    )


def test_rows_become_series_with_the_common_labels_first() -> None:
    metric = gauge([(("x",), 1), (("y",), 2.5)]).family(None, {"target": "db"})
    assert [(s.name, s.labels, s.value) for s in metric.samples] == [
        ("pgrepl_things", {"target": "db", "a": "x"}, 1.0),
        ("pgrepl_things", {"target": "db", "a": "y"}, 2.5),
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([((), 1)], "0 label values for 1"),
        ([(("x", "y"), 1)], "2 label values for 1"),
        ([(("x",), 1), (("x",), 2)], "a series is repeated"),
        ([((None,), 1)], "a label value is NoneType"),
        ([((7,), 1)], "a label value is int"),
        ([(("x",), None)], "a value is NoneType"),
        ([(("x",), "1")], "a value is str"),
        ([(("x",), math.nan)], "a value is float"),
    ],
)
def test_an_ill_formed_row_is_refused(rows: list[Any], expected: str) -> None:
    with pytest.raises(FamilyError, match=f"^pgrepl_things: {expected}"):
        gauge(rows).family(None, {})


@pytest.mark.parametrize("name", ["", "1a", "a-b", "é", "__a", "a b", "a\n"])
def test_an_ill_formed_label_name_is_refused(name: str) -> None:
    with pytest.raises(FamilyError, match="is not a label name"):
        gauge([(("x",), 1)], labels=(name,)).family(None, {})


def test_a_label_name_given_twice_is_refused() -> None:
    with pytest.raises(FamilyError, match="a label name is repeated"):
        gauge([(("x",), 1)], labels=("target",)).family(None, {"target": "db"})


def test_two_values_that_only_differ_beyond_the_cut_are_a_repeated_series() -> None:
    long = "x" * MAX_LABEL_LENGTH
    with pytest.raises(FamilyError, match="a series is repeated"):
        gauge([((long + "1",), 1), ((long + "2",), 1)]).family(None, {})


def test_a_cap_keeps_the_first_rows_and_counts_the_others() -> None:
    capped = gauge([((str(i),), i) for i in range(5)], cap=3)
    assert [s.value for s in capped.family(None, {}).samples] == [0, 1, 2]
    assert capped.dropped(None) == 2


def test_nothing_is_dropped_below_the_cap_and_without_one() -> None:
    rows = [((str(i),), i) for i in range(3)]
    assert gauge(rows, cap=3).dropped(None) == 0
    assert gauge(rows).dropped(None) == 0


def test_a_counter_below_zero_is_refused() -> None:
    counter: Counter[None] = Counter(name="x_total", meaning="X.", read=lambda _: (((), -1),))
    with pytest.raises(FamilyError, match="below zero"):
        counter.family(None, {})


def test_a_counter_whose_name_does_not_end_in_total_is_refused() -> None:
    counter: Counter[None] = Counter(name="x", meaning="X.", read=lambda _: (((), 1),))
    with pytest.raises(FamilyError, match="ends in _total"):
        counter.family(None, {})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("plain", "plain"),
        ("", ""),
        ('quote " backslash \\ newline \n', 'quote " backslash \\ newline \n'),
        ("\udcff", "\\udcff"),
        ("x" * 256, "x" * 256),
        ("x" * 257, "x" * 255 + "…"),
    ],
)
def test_a_label_value_is_encodable_and_at_most_256_characters(text: str, label: str) -> None:
    assert label_value(text) == label


def test_every_name_of_the_catalogue_is_there_once() -> None:
    names = [family.full_name for family in CATALOG]
    assert sorted(set(names)) == sorted(names)


def test_every_counter_and_no_gauge_ends_in_total() -> None:
    assert {f.kind for f in CATALOG if f.name.endswith("_total")} == {"counter"}
    assert {f.kind for f in CATALOG if not f.name.endswith("_total")} == {"gauge"}


def test_every_meaning_is_a_sentence() -> None:
    for family in CATALOG:
        assert family.meaning.endswith("."), family.name
        assert "\n" not in family.meaning
