"""Every query and variable of the dashboard, asked of a Prometheus that scrapes the exporter."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from grafana.source.__main__ import PATH
from lab.account import workspace
from lab.monitoring import Api
from lab.watched import watched

pytestmark = pytest.mark.live

DASHBOARD: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
WITHIN_ONE_TARGET = "primary"

each_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with (
        workspace() as servers,
        watched(tmp_path_factory.mktemp("watched"), servers) as found,
    ):
        yield found.prometheus


def interpolated(expression: str, target: str = ".*") -> str:
    """Put values in place of variables as Grafana does, ``.*`` being that of All."""
    values = {"$__rate_interval": "1m", "$job": ".*", "$target": target}
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in re.sub(r"\$\d", "", expression)
    return expression


def answer(api: Api, query: dict[str, Any], target: str = ".*") -> list[dict[str, Any]]:
    expression = interpolated(query["expr"], target)
    if query["instant"]:
        return api.query(expression)
    now = time.time()
    data = api.get(
        "/api/v1/query_range",
        query=expression,
        start=str(now - 60),
        end=str(now),
        step="5",
    )["data"]
    found: list[dict[str, Any]] = data["result"]
    return found


@each_panel
def test_every_query_finds_something(prometheus: Api, panel: dict[str, Any]) -> None:
    for query in panel["targets"]:
        assert answer(prometheus, query), query["expr"]


@each_panel
def test_every_query_can_be_asked_of_one_target(prometheus: Api, panel: dict[str, Any]) -> None:
    for query in panel["targets"]:
        found = answer(prometheus, query, f"({WITHIN_ONE_TARGET})")
        targets = {series["metric"].get("target", WITHIN_ONE_TARGET) for series in found}
        assert targets <= {WITHIN_ONE_TARGET}


@pytest.mark.parametrize(
    "panel", [p for p in PANELS if p["type"] == "table"], ids=lambda p: p["title"]
)
def test_a_tables_columns_are_the_labels_and_values_that_come(
    prometheus: Api, panel: dict[str, Any]
) -> None:
    organize = panel["transformations"][-1]["options"]
    answers = {query["refId"]: answer(prometheus, query) for query in panel["targets"]}
    come = {label for found in answers.values() for series in found for label in series["metric"]}
    come |= {f"Value #{ref}" for ref in answers} if len(answers) > 1 else {"Value"}
    named = set(organize["renameByName"])
    hidden = set(organize["excludeByName"])
    assert named <= come
    assert come - named <= hidden
    assert organize["indexByName"].keys() == named


def test_rows_of_the_connections_can_be_joined(prometheus: Api) -> None:
    (panel,) = [p for p in PANELS if p["title"] == "Connections"]
    key = ("target", "application_name", "usename", "client_addr", "kind")
    rows = [
        {tuple(series["metric"].get(k, "") for k in key) for series in answer(prometheus, query)}
        for query in panel["targets"]
    ]
    first, rule, forecast, *dates = rows
    assert first == rule == forecast
    assert all(some < first for some in dates)
    weights = {
        series["metric"]["posture"]: float(series["value"][1])
        for series in answer(prometheus, panel["targets"][0])
    }
    assert weights["plaintext"] > weights["tls_without_certificate"]
    assert weights["tls_without_certificate"] > weights["certificate_optional"]
    assert weights["certificate_optional"] > weights["certificate_required"]


def test_the_numbers_are_those_of_the_demo(prometheus: Api) -> None:
    shown_values = {
        panel["title"]: answer(prometheus, panel["targets"][0])[0]["value"][1]
        for panel in PANELS
        if panel["type"] == "stat"
    }
    for title, value in {
        "Insecure": "5",
        "Secure": "3",
        "Targets down": "1",
        "Targets": "3",
    }.items():
        assert shown_values[title] == value


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: v["name"])
def test_a_variable_offers_something(prometheus: Api, variable: dict[str, Any]) -> None:
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
    assert found
    values = prometheus.get(
        f"/api/v1/label/{found[2]}/values", **{"match[]": interpolated(found[1])}
    )["data"]
    assert values
