"""``python -m scripts.report_schema``: writes docs/report.schema.json from the types of the report.

The shape is that of exporter/publish/json/document.py; findings and steps are those of the model,
whose fields become JSON as exporter/publish/json/values.py says.
"""

import json
import sys
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.client_steps import ClientStepKind
from exporter.model.finding import Finding
from exporter.model.hba import ErrorLine, HbaRule, RuleLocation
from exporter.model.remedy import Obstacle, Place, ServerFile, SettingPlace
from exporter.model.server_steps import ServerStepKind
from exporter.publish.json import document
from exporter.publish.json.values import kind_name

PATH = Path(__file__).resolve().parent.parent / "docs" / "report.schema.json"
_ID = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]
_FORMS: dict[type, Any] = {
    Certificate: document.CertificateObject,
    HbaRule: document.RuleObject,
    RuleLocation: document.PlaceObject,
    ErrorLine: document.ErrorLineObject,
    DistinguishedName: str,
    datetime: str,
    IPv4Address: str,
    IPv6Address: str,
}
"""Types of the model that have a form of their own in JSON."""
_TEXT = {"type": "string"}


def schema() -> _Schema:
    """Return the JSON Schema of the report."""
    whole = TypeAdapter(document.ReportObject).json_schema()
    definitions = whole["$defs"]
    for form in filter(is_typeddict, _FORMS.values()):
        definitions[form.__name__] = TypeAdapter(form).json_schema()
    definitions["FileEdit"], definitions["ParameterEdit"] = _file_edit(), _parameter_edit()
    definitions["Finding"] = {
        "oneOf": [
            _object({**_properties(kind, definitions), "text": _TEXT}) for kind in get_args(Finding)
        ]
    }
    definitions["Step"] = {"oneOf": [_step(kind, definitions) for kind in _step_kinds()]}
    for each in _objects(whole):
        properties = each["properties"]
        each["additionalProperties"] = False
        for name, of in (("findings", "Finding"), ("remedy", "Step")):
            if name in properties:
                properties[name] = {"type": "array", "items": {"$ref": f"#/$defs/{of}"}}
    return {"$schema": _ID, **whole}


def _step_kinds() -> Iterator[type]:
    yield from get_args(ServerStepKind)
    yield from get_args(ClientStepKind)


def _objects(found: Any) -> Iterator[_Schema]:  # noqa: ANN401  any part of a schema
    if isinstance(found, dict):
        if isinstance(found.get("properties"), dict):
            yield found
        for value in found.values():
            yield from _objects(value)
    if isinstance(found, list):
        for value in found:
            yield from _objects(value)


def _object(properties: _Schema) -> _Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _fields(kind: Any, definitions: _Schema) -> _Schema:  # noqa: ANN401  any dataclass
    hints = get_type_hints(kind)
    return {each.name: _json_type(hints[each.name], definitions) for each in fields(kind)}


def _properties(kind: type, definitions: _Schema) -> _Schema:
    return {"kind": {"const": kind_name(kind)}, **_fields(kind, definitions)}


def _step(kind: type, definitions: _Schema) -> _Schema:
    edits = [{"$ref": "#/$defs/FileEdit"}, {"$ref": "#/$defs/ParameterEdit"}]
    return _object(
        {
            "place": _values(Place),
            "kind": {"const": kind_name(kind)},
            "fields": _object(_fields(kind, definitions)),
            "edit": {"anyOf": [{"type": "null"}, *edits]},
            "action": _TEXT,
            "lines": {"type": "array", "items": _TEXT},
        }
    )


def _file_edit() -> _Schema:
    texts = {"type": "array", "items": _TEXT}
    return _object(
        {
            "type": {"const": "lines"},
            "file": _values(ServerFile),
            "file_name": {"type": ["string", "null"]},
            "line": {"type": ["integer", "null"]},
            "old": {"type": ["string", "null"]},
            "new": texts,
            "below": {"type": ["string", "null"]},
            "exact": {"type": "boolean"},
            "obstacles": {"type": "array", "items": _values(Obstacle)},
        }
    )


def _parameter_edit() -> _Schema:
    return _object(
        {
            "type": {"const": "parameters"},
            "place": _values(SettingPlace),
            "parameters": {"type": "object", "additionalProperties": {"type": "string"}},
            "managed": {"type": "boolean"},
        }
    )


def _values(kind: type[Enum]) -> _Schema:
    return {"enum": [each.value for each in kind]}


def _json_type(of: Any, definitions: _Schema) -> _Schema:  # noqa: ANN401, PLR0911  any annotation
    if get_origin(of) in (Union, types.UnionType):
        return {"anyOf": [_json_type(each, definitions) for each in get_args(of)]}
    if get_origin(of) in (tuple, frozenset):
        several = [_json_type(each, definitions) for each in get_args(of) if each is not Ellipsis]
        items = several[0] if len(several) == 1 else {"anyOf": several}
        return {"type": "array", "items": items}
    if get_origin(of) is Literal:
        return {"enum": list(get_args(of))}
    form = _FORMS.get(of)
    if form is str:
        return _TEXT
    if form is not None:
        return {"$ref": f"#/$defs/{form.__name__}"}
    if isinstance(of, type) and issubclass(of, Enum):
        return _values(of)
    if isinstance(of, type) and is_dataclass(of):
        if of.__name__ not in definitions:
            definitions[of.__name__] = _object(_properties(of, definitions))
        return {"$ref": f"#/$defs/{of.__name__}"}
    plain: _Schema = TypeAdapter(of).json_schema()
    return plain


def text() -> str:
    """Return the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=True) + "\n"


def main() -> int:
    """Write the file."""
    PATH.write_text(text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
