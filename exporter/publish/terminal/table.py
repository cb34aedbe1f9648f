"""The table of all targets and their connections, for a terminal."""

from collections.abc import Sequence

from exporter.model.judgement import Forecast
from exporter.model.record import TargetRecord
from exporter.model.report import Connection, TargetReport
from exporter.publish.summary import (
    certificate_end,
    failed_readers,
    peer_text,
    rule_place,
    seen_connections,
    short_names,
    totals,
    what_to_grant,
)
from exporter.publish.terminal.heading import heading
from exporter.publish.terminal.style import Style, aligned, clip, clip_left, columns_of, wrapped
from exporter.publish.words.findings.text import texts
from exporter.publish.words.meanings import FAILURES
from exporter.publish.words.own_command import DEFAULT_COMMAND, OwnCommand
from exporter.publish.words.printable import printable

_COLUMNS = ("VERDICT", "POSTURE", "APPLICATION", "ROLE", "ADDRESS", "KIND", "RULE")
_ENDS = "ENDS"
_ADDRESS = 4
_RULE = 6
_SHRINKABLE = (2, 3, _ADDRESS, _RULE)
_NARROWEST = 8
_INDENT = "  "
_SENTENCE_WIDTH = 100


def connections_table(
    records: Sequence[TargetRecord],
    *,
    colour: bool,
    width: int | None,
    own: OwnCommand = DEFAULT_COMMAND,
) -> str:
    """Return all targets with their connections, worst first, and the sums.

    Args:
        records: in the order in which they are shown.
        colour: whether to use terminal colours.
        width: columns of the terminal; names are abbreviated to fit. None: never abbreviate.
        own: how the exporter was called.
    """
    style = Style(colour)
    blocks = [_target(record, style, width, own) for record in records]
    lines = [line for block in blocks for line in (*block, "")]
    return "\n".join([*lines, style.strong(totals(records).sentence())]) + "\n"


def _target(record: TargetRecord, style: Style, width: int | None, own: OwnCommand) -> list[str]:
    report = record.report
    lines = heading(record, style, width)
    if report is None:
        return lines
    if report.failure is not None:
        failure = FAILURES[report.failure.reason]
        if report.failure.detail:
            failure += f" ({printable(report.failure.detail)})"
        lines += wrapped(failure, width or _SENTENCE_WIDTH, indent=_INDENT)
    lines += _rules_in_error(report, style, width)
    lines += _blind_spots(report, style, width, own)
    for sentence in texts(report.certificates.findings):
        lines += wrapped(
            printable(sentence), width or _SENTENCE_WIDTH, indent=_INDENT, hanging=_INDENT * 2
        )
    connections = seen_connections(record)
    if connections is None:
        return lines
    if not connections:
        return [*lines, f"{_INDENT}no replication connections"]
    return lines + _rows(connections, style, width)


def _rules_in_error(report: TargetReport, style: Style, width: int | None) -> list[str]:
    if report.rules is None:
        return []
    lines: list[str] = []
    for line in report.rules.error_lines:
        if line.blocks_loading:
            place = f"{line.location.file_name}:{line.location.line_number}"
            lines += wrapped(
                printable(f"{place}: {line.message}"),
                width or _SENTENCE_WIDTH,
                indent=_INDENT,
                hanging=_INDENT * 2,
            )
    return [style.alarm(line) for line in lines]


def _blind_spots(
    report: TargetReport, style: Style, width: int | None, own: OwnCommand
) -> list[str]:
    lines: list[str] = []
    for reader, unread in failed_readers(report):
        detail = f": {printable(unread.detail)}" if unread.detail else ""
        not_read = f"not read: {reader.value} ({unread.reason.value}){detail}"
        lines += [
            style.doubt(line)
            for line in wrapped(
                not_read, width or _SENTENCE_WIDTH, indent=_INDENT, hanging=_INDENT * 2
            )
        ]
        lines += [
            f"{_INDENT * 2}to let it: {printable(line)}"
            for line in what_to_grant(reader, unread, report, own)
        ]
    return lines


def _rows(connections: Sequence[Connection], style: Style, width: int | None) -> list[str]:
    names = short_names(connections)
    rows = [_COLUMNS, *(_cells(connection, names) for connection in connections)]
    ends = [certificate_end(connection) for connection in connections]
    widths = _widths(rows)
    if any(ends):
        wider = [(*row, end) for row, end in zip(rows, (_ENDS, *ends), strict=True)]
        if width is None or _together(_widths(wider)) <= width - len(_INDENT):
            rows, widths, ends = wider, _widths(wider), [""] * len(ends)
    if width is not None:
        _shrink(widths, width - len(_INDENT))
        rows = [_clipped(row, widths) for row in rows]
    head, *lines = aligned(rows, widths)
    table = [_INDENT + style.faint(head)]
    for connection, line, end in zip(connections, lines, ends, strict=True):
        verdict = connection.verdict.value
        table.append(_INDENT + style.verdict(connection.verdict, verdict) + line[len(verdict) :])
        table += _reasons(connection, widths[0] + 2, style, width)
        if end:
            # in a narrow terminal names are worth more than a column of dates
            table.append(style.faint(f"{_INDENT}{' ' * (widths[0] + 2)}ends {end}"))
    return table


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(columns_of(row[i]) for row in rows) for i in range(len(rows[0]))]


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _cells(connection: Connection, names: dict[str, str]) -> tuple[str, ...]:
    sender = connection.wal_sender
    return (
        connection.verdict.value,
        connection.posture.value,
        printable(sender.application_name) or "(none)",
        printable(sender.role),
        peer_text(sender.peer),
        sender.kind.value,
        printable(rule_place(connection, names)),
    )


def _reasons(connection: Connection, indent: int, style: Style, width: int | None) -> list[str]:
    reasons = ", ".join(reason.value for reason in connection.reasons)
    if connection.forecast is Forecast.REFUSED:
        cause = connection.forecast_cause.value
        reasons = f"{reasons}; a reconnect is refused ({cause})".removeprefix("; ")
    if connection.exemption:
        exemption = f"exemption {printable(connection.exemption)}"
        reasons = f"{exemption}; {reasons}" if reasons else exemption
    if not reasons:
        return []
    lead = " " * (len(_INDENT) + indent)
    lines = wrapped(
        reasons, width or _SENTENCE_WIDTH, indent=f"{lead}because ", hanging=f"{lead}        "
    )
    return [style.faint(line) for line in lines]


def _shrink(widths: list[int], room: int) -> None:
    """Make the widest of the columns that may shrink narrower until all fit, if they can."""
    while _together(widths) > room:
        wide = [c for c in _SHRINKABLE if widths[c] > max(_NARROWEST, len(_COLUMNS[c]))]
        if not wide:
            return
        widths[max(wide, key=lambda column: widths[column])] -= 1


def _clipped(row: Sequence[str], widths: Sequence[int]) -> tuple[str, ...]:
    return tuple(
        clip_left(cell, width) if column in (_ADDRESS, _RULE) else clip(cell, width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
