"""``python -m scripts.configuration_page``: rewrite what documents the keys of the configuration.

These are the tables of docs/configuration.md and the defaults in config.example.yml. They are
generated from exporter/config/shapes.py and replace what is between two markers of these files; the
text outside the markers is written by hand.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from textwrap import wrap

from exporter.config.conninfo import REFUSED
from exporter.config.shape import Shape, parts
from exporter.config.shapes import SHAPES, DefaultsShape

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "configuration.md"
EXAMPLE = REPOSITORY / "config.example.yml"
_GENERATED = {
    PAGE: re.compile(
        r"(?P<start><!-- generated: (?P<name>\w+) -->\n).*?(?P<end><!-- /generated -->)", re.DOTALL
    ),
    EXAMPLE: re.compile(
        r"(?P<start># generated: (?P<name>\w+)[^\n]*\n).*?(?P<end># /generated)", re.DOTALL
    ),
}
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_COMMENT_WIDTH = 100


def written(value: object) -> str:
    """Return a default as it would be written in the configuration; empty if it has no value.

    A number with a fraction is a duration in seconds.
    """
    match value:
        case bool():
            return str(value).lower()
        case float():
            milliseconds = round(value * 1_000)
            unit = next(unit for unit, each in _MILLISECONDS.items() if not milliseconds % each)
            return f"{milliseconds // _MILLISECONDS[unit]}{unit}"
        case StrEnum():
            return value.value
        case str() | int():
            return str(value)
        case _:
            return ""


def table(shape: type[Shape]) -> str:
    """Return the reference table of the keys of ``shape``."""
    rows = [
        f"| `{key}` | {_default(shape, key)} | {field.description} |\n"
        for key, field in shape.model_fields.items()
    ]
    return "| key | default | meaning |\n|---|---|---|\n" + "".join(rows)


def _default(shape: type[Shape], key: str) -> str:
    """Return the column ``default``; the defaults of a target are those under ``defaults``."""
    if key in shape.required:
        return "required"
    if shape is not DefaultsShape and issubclass(shape, DefaultsShape):
        if key in parts(DefaultsShape):
            return f"`defaults.{key}`, key by key"
        if key in DefaultsShape.model_fields:
            return f"`defaults.{key}`"
    value = written(shape.model_fields[key].default)
    return f"`{value}`" if value else ""


def refused_parameters() -> str:
    """Return the table of libpq parameters that are refused."""
    rows = [f"| `{keyword}` | {REFUSED[keyword]} |\n" for keyword in sorted(REFUSED)]
    return "| parameter | instead |\n|---|---|\n" + "".join(rows)


def example_defaults() -> str:
    """Return ``defaults:`` as YAML: each key that has a default, with its description above it."""
    return "defaults:\n" + "".join(_example_lines(DefaultsShape, "  "))


def _example_lines(shape: type[Shape], indent: str) -> Iterator[str]:
    for key, field in shape.model_fields.items():
        part = parts(shape).get(key)
        value = written(field.default)
        if not value and (part is None or part.is_list):
            continue
        text = (field.description or "").replace("`", "")
        yield from (f"{indent}# {line}\n" for line in wrap(text, _COMMENT_WIDTH - len(indent) - 2))
        yield f"{indent}{key}: {value}".rstrip() + "\n"
        if part is not None:
            yield from _example_lines(part.shape, f"{indent}  ")


def renewed(file: Path) -> str:
    """Return what ``file``, one of `PAGE` and `EXAMPLE`, should contain.

    Raises:
        ValueError: the file does not have one pair of markers for each generated text.
    """
    expected: Mapping[str, str] = {"defaults": example_defaults()}
    if file == PAGE:
        expected = {shape.__name__: table(shape) for shape in SHAPES}
        expected |= {"refused_parameters": refused_parameters()}
    text = file.read_text("utf-8")
    names = [found["name"] for found in _GENERATED[file].finditer(text)]
    if sorted(names) != sorted(expected):
        message = f"{file.name} has markers for {sorted(names)}, and needs {sorted(expected)}"
        raise ValueError(message)
    return _GENERATED[file].sub(
        lambda found: f"{found['start']}{expected[found['name']]}{found['end']}", text
    )


def main() -> int:
    """Rewrite both files."""
    for file in _GENERATED:
        file.write_text(renewed(file), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
