"""The whole: variables, rows, and places."""

import json
from typing import Any

from grafana.source import answer, certificates, connections, health, history
from grafana.source.parts import SOURCE
from grafana.source.sdk import JSONEncoder, build, model

RUNBOOKS = "docs/runbooks"
"""Where the pages of the alerts are: their place in this repository, unless an address is told."""

_UID = "pg-replication-cert-exporter"
_COLUMNS = 24


def dashboard(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the dashboard as Grafana reads it.

    Args:
        runbooks: what the links to the alerts' pages begin with.
    """
    builder = (
        build.Dashboard("PostgreSQL replication security")
        .uid(_UID)
        .description(
            "Who replicates from which PostgreSQL server, whether each connection is secured by "
            "certificate, and what ends when."
        )
        .tags(["postgresql", "replication", "tls"])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .editable()
        .variables(_variables(runbooks))
    )
    for part in (answer, connections, history, certificates, health):
        builder.with_row(build.Row(part.TITLE))
        for panel in part.panels():
            builder.with_panel(panel)
    built: dict[str, Any] = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    _without_strangers(built)
    _number_and_place(built["panels"])
    return built | {"id": None, "version": 1, "annotations": {"list": []}}


def text(runbooks: str = RUNBOOKS) -> str:
    """Return the dashboard as it stands in its file."""
    return json.dumps(dashboard(runbooks), indent=2, ensure_ascii=False) + "\n"


def _without_strangers(built: dict[str, Any]) -> None:
    """Remove what the SDK writes and Grafana's types do not know."""
    for variable in built["templating"]["list"]:
        for key in ("auto", "auto_min", "auto_count"):
            del variable[key]
    for panel in built["panels"]:
        panel.get("options", {}).pop("footer", None)
        for link in panel.get("links", []):
            del link["placement"]


def _number_and_place(panels: list[dict[str, Any]]) -> None:
    """Give each panel a number and the highest free place below its row's title."""
    filled = [0] * _COLUMNS
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
        place = panel["gridPos"]
        width, height = place["w"], place["h"]
        tops = [max(filled[x : x + width]) for x in range(_COLUMNS - width + 1)]
        top = min(tops)
        left = tops.index(top)
        panel["gridPos"] = {"x": left, "y": top, "w": width, "h": height}
        filled[left : left + width] = [top + height] * width


def _variables(runbooks: str) -> list[Any]:
    return [
        build.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _chosen("job", "Job", "label_values(pgrepl_targets, job)"),
        _chosen("target", "Target", 'label_values(pgrepl_up{job=~"$job"}, target)'),
        build.ConstantVariable("runbooks").label("Runbooks at").value(runbooks),
    ]


def _chosen(name: str, label: str, query: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(
            {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
        )
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
