"""The line that a target begins with in a terminal."""

from exporter.model.record import TargetRecord
from exporter.publish.summary import server_facts
from exporter.publish.terminal.style import Style, wrapped
from exporter.publish.words.printable import printable

_UNLIMITED = 100_000


def heading(record: TargetRecord, style: Style, width: int | None) -> list[str]:
    """Return the target's name, whether it was read, and what is known of its server.

    Args:
        record: of the target.
        style: how name and failure are marked.
        width: columns to wrap at; None for one line.
    """
    name = printable(record.target.name)
    report = record.report
    facts = () if report is None else server_facts(report)
    if report is None:
        state = "not polled yet"
    elif report.failure is None:
        state = "up"
    else:
        state = f"not readable ({report.failure.reason.value})"
    heading = ", ".join((f"{name}: {state}", *(printable(fact) for fact in facts)))
    first, *others = wrapped(heading, width or _UNLIMITED, hanging="  ")
    # marks take no columns, so they are put in after wrapping, where the words are still together
    if first.startswith(f"{name}: {state}"):
        mark = str if state == "up" else style.doubt if report is None else style.alarm
        first = style.strong(name) + ": " + mark(state) + first[len(name) + 2 + len(state) :]
    return [first, *others]
