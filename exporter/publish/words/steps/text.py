"""The sentences of a step, and the lines to write or run."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.model.remedy import (
    Edit,
    FileEdit,
    Obstacle,
    ParameterEdit,
    ServerFile,
    Step,
)
from exporter.model.server_steps import ServerStepKind
from exporter.publish.words.steps.client import client_step_words
from exporter.publish.words.steps.lines import edit_lines
from exporter.publish.words.steps.server import server_step_words

_PATRONI_KEYS = {
    ServerFile.HBA: "postgresql.pg_hba",
    ServerFile.IDENT: "postgresql.pg_ident",
}
_IN_PATRONI = (
    "Patroni writes postgresql.conf on this server: set it in Patroni's configuration, in the key "
    "postgresql.parameters (patronictl edit-config), not in the file"
)
_LINE_IN_PATRONI = (
    "Patroni writes {file} on this server (the header of pg_hba.conf says so): do not edit it by "
    "hand, as Patroni undoes that. Make this change in Patroni's configuration, in the key {key} "
    "(patronictl edit-config, unless the configuration file of a node sets the key, which then "
    "takes precedence). The list in that key replaces the whole file: it must contain every line "
    "that is to stay"
)
_CHANGED = (
    "The line numbers are those of the content in force; {file} on disk may have been changed "
    "since, so look for the line itself"
)
_MASKED = "Write the values shown as ******** as they are in the old line"


@dataclass(frozen=True, slots=True)
class StepText:
    """A step in words.

    Attributes:
        action: what to do, in the imperative, with what to know before it is done.
        lines: exact lines to write, run, or look for; may be empty. Of an edit of a file, a line
            to remove begins with ``- ``, one to add with ``+ ``. A line that calls the exporter
            is an ``ExporterCommand``.
    """

    action: str
    lines: tuple[str, ...]


def step_text(step: Step) -> StepText:
    """Return a step in words."""
    kind, edit = step.kind, step.edit
    words = server_step_words(kind) if isinstance(kind, ServerStepKind) else client_step_words(kind)
    where = f": {_where(edit)}" if isinstance(edit, FileEdit) else ""
    sentences = (f"{words.what}{where}", words.warning, *_obstacles(edit))
    return StepText(". ".join(filter(None, sentences)), (*edit_lines(edit), *words.lines))


def _where(edit: FileEdit) -> str:
    if edit.line_number is None:
        return f"write as the first rules of {edit.file.value}"
    if edit.old is None:
        return f"insert directly before line {edit.line_number} of {edit.file_name}"
    where = f"replace line {edit.line_number} of {edit.file_name}"
    if edit.file is ServerFile.IDENT:
        # of pg_ident.conf it is not known which lines are continued
        where += " (and the lines that continue it, if it ends with a backslash)"
    return where


def _obstacles(edit: Edit | None) -> Iterable[str]:
    """Yield what has to be known of an edit before it is made by hand."""
    match edit:
        case None:
            return
        case ParameterEdit():
            if edit.is_managed:
                yield _IN_PATRONI
        case FileEdit():
            if Obstacle.MASKED in edit.obstacles:
                yield _MASKED
            name = edit.file.value
            if Obstacle.MANAGED in edit.obstacles:
                yield _LINE_IN_PATRONI.format(file=name, key=_PATRONI_KEYS[edit.file])
            elif Obstacle.CHANGED in edit.obstacles:
                yield _CHANGED.format(file=name)
