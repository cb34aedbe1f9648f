"""The dashboard is validated against Grafana's own types."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grafana.source.__main__ import PATH

pytestmark = pytest.mark.tools

SCHEMA_PATH = Path(__file__).resolve().parents[2] / ".tools" / "grafana-schema" / "schema.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text("utf-8"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    assert SCHEMA_PATH.exists(), "run: make grafana-schema"
    loaded: dict[str, Any] = json.loads(SCHEMA_PATH.read_text("utf-8"))
    return loaded


def findings(schema: dict[str, Any], dashboard: dict[str, Any]) -> list[str]:
    """Return what does not fit.

    Options and custom field settings may leave anything out, which Grafana then fills in; the
    types do not express that.
    """
    found = _errors(schema, "TheDashboard", dashboard)
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            kind = panel["type"]
            custom = panel["fieldConfig"]["defaults"].get("custom", {})
            found += _but_for_missing(_errors(schema, f"{kind}Options", panel["options"]))
            found += _but_for_missing(_errors(schema, f"{kind}Custom", custom))
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def _errors(schema: dict[str, Any], name: str, value: Any) -> list[jsonschema.ValidationError]:
    validator = jsonschema.Draft7Validator({**schema, "$ref": f"#/definitions/{name}"})
    return list(validator.iter_errors(value))


def _but_for_missing(
    errors: list[jsonschema.ValidationError],
) -> Iterator[jsonschema.ValidationError]:
    return (error for error in errors if error.validator != "required")


def test_it_fits(schema: dict[str, Any]) -> None:
    assert findings(schema, DASHBOARD) == []


def misspelt_title(dashboard: dict[str, Any]) -> None:
    dashboard["tytle"] = dashboard.pop("title")


def misspelt_unit(dashboard: dict[str, Any]) -> None:
    dashboard["panels"][1]["fieldConfig"]["defaults"]["unti"] = "s"


def unknown_colour_mode(dashboard: dict[str, Any]) -> None:
    dashboard["panels"][1]["options"]["colorMode"] = "rainbow"


def number_for_the_refresh(dashboard: dict[str, Any]) -> None:
    dashboard["refresh"] = 5


@pytest.mark.parametrize(
    "spoil", [misspelt_title, misspelt_unit, unknown_colour_mode, number_for_the_refresh]
)
def test_what_does_not_fit_is_found(schema: dict[str, Any], spoil: Any) -> None:
    spoilt = copy.deepcopy(DASHBOARD)
    spoil(spoilt)
    assert len(findings(schema, spoilt)) == 1
