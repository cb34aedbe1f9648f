"""Steps of a remedy as a reader sees them, and as a program applies them."""

from exporter.model.remedy import FileEdit, Step
from exporter.publish.words.steps.text import step_text


def action(step: Step) -> str:
    """Return the sentences of a step."""
    return step_text(step).action


def lines(step: Step) -> tuple[str, ...]:
    """Return the lines of a step, as they are printed."""
    return step_text(step).lines


def exact_edit(step: Step) -> FileEdit | None:
    """Return the edit of a file that a program can apply as it stands; None if there is none."""
    edit = step.edit
    return edit if isinstance(edit, FileEdit) and edit.is_exact else None
