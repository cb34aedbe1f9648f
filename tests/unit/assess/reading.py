"""Steps of a remedy as data on a page: what there is to do, and indented the edit."""

from collections.abc import Iterable
from inspect import cleandoc
from textwrap import wrap

from exporter.model.remedy import Edit, FileEdit, Step


def page(steps: Iterable[Step]) -> str:
    """Return ``place: kind`` of each step with its edit below; long ones go on, indented."""
    lines: list[str] = []
    for step in steps:
        lines += _folded(f"{step.place}: {step.kind!r}", indent="")
        if step.edit is not None:
            lines += [each for line in _edit(step.edit) for each in _folded(line, indent="    | ")]
    return "\n".join(lines)


def _edit(edit: Edit) -> Iterable[str]:
    if isinstance(edit, FileEdit):
        obstacles = sorted(each.value for each in edit.obstacles)
        yield " ".join((edit.file, edit.file_name or "-", f"line {edit.line_number}", *obstacles))
        if edit.old is not None:
            yield f"- {edit.old}"
        yield from (f"+ {line}" for line in edit.new)
        if edit.below is not None:
            yield f"  {edit.below}"
    else:
        yield edit.place + (" by Patroni" if edit.is_managed else "")
        yield from (f"{name}: {value}" for name, value in edit.parameters)


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
