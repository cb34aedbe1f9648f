"""The dashboard is plain JSON that asks only for what is published."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.expressions import SCRAPE_LABELS, faults, labels_of_families

PATH = Path(__file__).resolve().parents[2] / "grafana" / "dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWABLE = {"stat", "table", "timeseries", "bargauge", "text", "row"}

each_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


@each_panel
def test_it_asks_only_for_what_is_published(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert faults(target["expr"]) == []


@each_panel
def test_it_follows_the_chosen_data_source_jobs_and_targets(panel: dict[str, Any]) -> None:
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        selectors = re.findall(r"pgrepl_\w+(\{[^}]*\})?", target["expr"])
        assert selectors
        for selector in selectors:
            assert 'job=~"$job"' in selector
            assert 'target=~"$target"' in selector


@each_panel
def test_it_is_of_a_kind_that_was_seen_drawn_and_says_what_it_means(panel: dict[str, Any]) -> None:
    assert panel["type"] in DRAWABLE
    assert panel["description"]


@pytest.mark.parametrize(
    "panel", [p for p in PANELS if p["type"] == "table"], ids=lambda p: p["title"]
)
def test_a_tables_columns_are_labels_of_what_it_asks_for(panel: dict[str, Any]) -> None:
    (organize,) = panel["transformations"]
    labels = frozenset(
        re.findall(r"\w+", re.findall(r"by \(([^)]*)\)", panel["targets"][0]["expr"])[0])
    )
    assert set(organize["options"]["renameByName"]) == labels | {"Value"}


def test_its_variables_read_labels_that_are_published() -> None:
    families = labels_of_families()
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)", variable["query"]["query"])
        assert found
        assert found[3] in families[found[1]] | SCRAPE_LABELS
        assert faults(found[1] + (found[2] or "")) == []


def test_its_address_never_changes() -> None:
    assert DASHBOARD["uid"] == "pg-replication-cert-exporter"
    assert DASHBOARD["id"] is None


def test_no_two_panels_have_one_number_or_one_place() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)
