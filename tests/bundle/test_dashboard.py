"""The dashboard is plain JSON, made by grafana/source, that asks only for what is published."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exporter.model.judgement import Forecast, Posture, Reason, Verdict
from exporter.publish.words.advice import ADVICE
from grafana.source import dashboard, looks
from grafana.source.__main__ import PATH, main
from tests.bundle.expressions import SCRAPE_LABELS, faults, labels_of_families

REPOSITORY = Path(__file__).resolve().parents[2]
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
ALL: list[dict[str, Any]] = DASHBOARD["panels"]
PANELS = [panel for panel in ALL if panel["type"] != "row"]
DRAWABLE = {"stat", "table", "timeseries", "bargauge", "text"}
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Of every Prometheus client; the catalogue holds only the exporter's own families."""

each_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


def selectors(expression: str) -> list[tuple[str, str]]:
    return re.findall(r"\b((?:pgrepl|process)_\w+)(\{[^}]*\}|)", expression)


def test_the_file_is_what_the_code_makes() -> None:
    assert PATH.read_text("utf-8") == dashboard.text(), "run: make dashboard"


def test_the_pages_of_the_alerts_may_be_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("grafana.source.__main__.PATH", tmp_path / "dashboard.json")
    assert main(["--runbooks=https://pages.example/runbooks"]) == 0
    made = json.loads((tmp_path / "dashboard.json").read_text("utf-8"))
    (constant,) = [v for v in made["templating"]["list"] if v["type"] == "constant"]
    assert constant["query"] == "https://pages.example/runbooks"
    assert made["panels"] == ALL


@each_panel
def test_it_asks_only_for_what_is_published(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        names = {name for name, _ in selectors(target["expr"])}
        assert names
        if names <= PROCESS:
            continue
        assert faults(target["expr"].replace("$__rate_interval", "1m")) == []


@each_panel
def test_it_follows_the_chosen_data_source_jobs_and_targets(panel: dict[str, Any]) -> None:
    families = labels_of_families()
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        for name, matchers in selectors(target["expr"]):
            assert 'job=~"$job"' in matchers
            if "target" in families.get(name, SCRAPE_LABELS):
                assert re.search(r'target=~"\$target\|?"', matchers)


@each_panel
def test_two_exporters_do_not_count_twice(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        plain = re.findall(r"\b(?:sum|count)(?: by \([^)]*\))? ?\((pgrepl_\w+)", target["expr"])
        assert set(plain) <= {"pgrepl_targets"}


@each_panel
def test_it_is_of_a_kind_that_was_seen_drawn_and_says_what_it_means(panel: dict[str, Any]) -> None:
    assert panel["type"] in DRAWABLE
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["targets"]
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)


@each_panel
def test_its_links_lead_to_pages_that_exist(panel: dict[str, Any]) -> None:
    for link in panel["links"]:
        page = link["url"].removeprefix("${runbooks}/")
        assert (REPOSITORY / dashboard.RUNBOOKS / page).is_file()
        assert f"{dashboard.RUNBOOKS}/{page}" in panel["description"]


@pytest.mark.parametrize(
    "panel", [p for p in PANELS if p["type"] == "timeseries"], ids=lambda p: p["title"]
)
def test_a_graph_has_few_lines_however_many_targets_there_are(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        outermost = re.match(
            r"topk\(10, |(?:sum|max|min|count|quantile)\b|time\(\)", target["expr"]
        )
        assert outermost
        assert "target" not in target["legendFormat"]


@pytest.mark.parametrize(
    ("expected", "listed"),
    [
        (set(ADVICE), Reason),
        (set(looks.VERDICTS), Verdict),
        (set(looks.POSTURES), Posture),
        (set(looks.FORECASTS), Forecast),
    ],
    ids=["advice", "verdicts", "postures", "forecasts"],
)
def test_every_value_has_its_words_or_colour(expected: set[str], listed: Any) -> None:
    assert expected == {member.value for member in listed}


def test_its_variables_read_labels_that_are_published() -> None:
    families = labels_of_families()
    variables = DASHBOARD["templating"]["list"]
    assert [v["name"] for v in variables] == ["datasource", "job", "target", "runbooks"]
    for variable in variables:
        if variable["type"] != "query":
            continue
        assert variable["multi"]
        assert variable["includeAll"]
        found = re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)", variable["query"]["query"])
        assert found
        assert found[3] in families[found[1]] | SCRAPE_LABELS
        assert faults(found[1] + (found[2] or "")) == []


def test_its_address_never_changes() -> None:
    assert DASHBOARD["uid"] == "pg-replication-cert-exporter"
    assert DASHBOARD["id"] is None


def test_no_two_panels_have_one_number_or_one_place() -> None:
    assert len({panel["id"] for panel in ALL}) == len(ALL)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in ALL)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)
