"""Steps of a remedy as text, in lines that fit a page: what to do, and indented what to write."""

from collections.abc import Iterable
from inspect import cleandoc
from textwrap import wrap

from exporter.model.remedy import Step


def page(steps: Iterable[Step]) -> str:
    """Return ``place: action`` of each step with its lines below; long ones go on, indented."""
    lines: list[str] = []
    for step in steps:
        lines += _folded(f"{step.place}: {step.action}", indent="")
        for line in step.lines:
            lines += _folded(line, indent="    | ")
    return "\n".join(lines)


def text(written: str) -> str:
    """Return a triple-quoted text without the indentation of its place."""
    return cleandoc(written)


def _folded(line: str, indent: str) -> list[str]:
    return wrap(
        line,
        88,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
