"""Why each connection of one target is as it is, and what to do, in order."""

from collections.abc import Sequence

from exporter.model.certificates_report import Matched, NextUnknown
from exporter.model.failure import Unread
from exporter.model.finding import NextCertificateUnknown
from exporter.model.judgement import Forecast, HbaState
from exporter.model.record import TargetRecord
from exporter.model.remedy import Step
from exporter.model.report import Connection, Governs, TargetReport
from exporter.model.target import Target
from exporter.model.wal_sender import OtherPeer, Peer, TcpPeer
from exporter.publish.reading import host_text
from exporter.publish.summary import (
    failed_readers,
    findings_after_rule,
    governing_rule_text,
    rule_place,
    seen_connections,
    what_to_grant,
)
from exporter.publish.terminal.heading import heading
from exporter.publish.terminal.style import Style, wrapped
from exporter.publish.words.findings.text import texts
from exporter.publish.words.meanings import (
    FAILURES,
    FORECASTS,
    HBA_STATES,
    POSTURES,
    READERS,
    REASONS,
    VERDICTS,
)
from exporter.publish.words.own_command import DEFAULT_COMMAND, OwnCommand
from exporter.publish.words.printable import printable
from exporter.publish.words.steps.text import step_text

_WIDTH = 100
_LABEL = 11
_CONFIGURE = (
    "The result of a reconnect depends on the certificate that the client will send. To get a "
    "forecast, list the files with client certificates under inventory in config.yml, or add the "
    "standbys as targets."
)


def explain_text(
    record: TargetRecord,
    *,
    colour: bool,
    application_name: str | None = None,
    own: OwnCommand = DEFAULT_COMMAND,
) -> str:
    """Return the explanation of one target.

    Args:
        record: of the target.
        colour: whether to use terminal colours.
        application_name: explain only connections with this application name; None for all.
        own: how the exporter was called.
    """
    style = Style(colour)
    if record.report is None:
        return "\n".join(heading(record, style, _WIDTH)) + "\n"
    report = record.report
    sections = [
        [*heading(record, style, _WIDTH), *_failure(report)],
        _rules(report, style, own),
        _unread(report, style, own),
        _certificates(report, style),
        *_connections(record, style, application_name, own),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _failure(report: TargetReport) -> list[str]:
    return [] if report.failure is None else _sentences((_failure_text(report.failure),), "  ")


def _failure_text(unread: Unread) -> str:
    meaning = FAILURES[unread.reason]
    return f"{meaning} ({unread.detail})" if unread.detail else meaning


def _rules(report: TargetReport, style: Style, own: OwnCommand) -> list[str]:
    rules = report.rules
    if rules is None or (rules.state is HbaState.LOADED and not rules.error_lines):
        return []
    mark = style.doubt if rules.state is HbaState.LOADED else style.alarm
    lines = [style.strong("Rules (pg_hba.conf): ") + mark(rules.state.value)]
    lines += _sentences((HBA_STATES[rules.state],), "  ")
    for error in rules.error_lines:
        place = f"{error.location.file_name}:{error.location.line_number}"
        effect = "keeps the file from being loaded" if error.blocks_loading else "has no effect"
        lines += _sentences((f"{place}: {error.message} ({effect})",), "  ", "    ")
    return lines + _steps(rules.remedy, report.target, style, own)


def _unread(report: TargetReport, style: Style, own: OwnCommand) -> list[str]:
    failed = failed_readers(report)
    if not failed:
        return []
    lines = [style.strong("Could not be read")]
    for reader, unread in failed:
        lines.append(f"  {style.doubt(f'{reader.value} ({unread.reason.value})')}")
        lines += _sentences((f"What this reads: {READERS[reader]}.", _failure_text(unread)), "    ")
        grants = what_to_grant(reader, unread, report, own)
        if grants:
            lines.append("    To let the exporter read it:")
            lines += [f"      {printable(line)}" for line in grants]
    return lines


def _certificates(report: TargetReport, style: Style) -> list[str]:
    findings = report.certificates.findings
    if not findings:
        return []
    sentences = _sentences(texts(findings), "  ", "    ")
    return [style.strong("Certificates of this server"), *sentences]


def _connections(
    record: TargetRecord, style: Style, application_name: str | None, own: OwnCommand
) -> list[list[str]]:
    connections = seen_connections(record)
    if connections is None:
        return [["The replication connections of this server could not be read."]]
    if application_name is not None:
        connections = tuple(
            c for c in connections if c.wal_sender.application_name == application_name
        )
        if not connections:
            name = printable(application_name)
            return [[f"No replication connection has the application name {name} now."]]
    if not connections:
        return [["There are no replication connections from this server now."]]
    sections = [_connection(connection, record.target, style, own) for connection in connections]
    if any(_nowhere_to_look(connection) for connection in connections):
        sections.append(_sentences((_CONFIGURE,), ""))
    return sections


def _connection(connection: Connection, target: Target, style: Style, own: OwnCommand) -> list[str]:
    sender = connection.wal_sender
    name = printable(sender.application_name) or "(no application name)"
    title = style.strong(f"Connection {name}")
    lines = [
        f"{title}: {_who(connection)}",
        *_entry(
            "verdict",
            f"{connection.verdict.value}: {VERDICTS[connection.verdict]}",
            style.verdict(connection.verdict, connection.verdict.value),
        ),
        *_entry("posture", f"{connection.posture.value}: {POSTURES[connection.posture]}"),
        *_entry("encryption", _encryption(connection)),
    ]
    if connection.exemption:
        lines += _entry("exemption", connection.exemption)
    lines += _rule(connection)
    if connection.reasons:
        lines.append("  why")
        for reason in connection.reasons:
            lines += _sentences((f"{reason.value}: {REASONS[reason]}",), "    ", "      ")
    lines += _entry("reconnect", _forecast(connection))
    lines += [line for why in _why_next_unknown(connection) for line in _more(why)]
    return lines + _steps(connection.remedy, target, style, own)


def _who(connection: Connection) -> str:
    sender = connection.wal_sender
    return (
        f"role {printable(sender.role)}, {_origin(sender.peer)}, {sender.kind.value}, "
        f"since {sender.backend_start:%Y-%m-%d %H:%M:%S %Z}"
    )


def _origin(peer: Peer) -> str:
    match peer:
        case OtherPeer.HIDDEN:
            return "from a hidden address"
        case OtherPeer.UNIX_SOCKET:
            return "through a unix socket"
        case TcpPeer(address):
            return f"from {host_text(address)}"


def _encryption(connection: Connection) -> str:
    tls = connection.wal_sender.tls
    if tls is None:
        return "GSSAPI" if connection.wal_sender.gss_encrypted else "none"
    encryption = f"{tls.version}, {tls.cipher}"
    certificate = tls.client_certificate
    if certificate is None:
        return f"{encryption}, no client certificate"
    if isinstance(connection.in_use, Matched):
        # a sentence below names it, with its serial number and notAfter
        return f"{encryption}, with a client certificate"
    name = f' "{connection.certificate_name}"' if connection.certificate_name else ""
    return f"{encryption}, client certificate{name} with serial number {certificate.serial_number}"


def _rule(connection: Connection) -> list[str]:
    findings = findings_after_rule(connection)
    # why the forecast is not known is printed with the forecast
    sentences = texts(tuple(f for f in findings if not isinstance(f, NextCertificateUnknown)))
    if not isinstance(connection.rule_match, Governs):
        if not sentences:
            return _entry("rule", rule_place(connection))
        first, *others = sentences
        return [*_entry("rule", first), *(line for sentence in others for line in _more(sentence))]
    rule = connection.rule_match.rule
    written = printable(governing_rule_text(connection))
    place = f"{rule.location.file_name}, line {rule.location.line_number}"
    return [
        *_entry("rule", f"{place}, is the first that matches:"),
        f"{' ' * (_LABEL + 4)}{written}",
        *(line for sentence in sentences for line in _more(sentence)),
    ]


def _forecast(connection: Connection) -> str:
    meaning = f"{connection.forecast.value}: {FORECASTS[connection.forecast]}"
    cause = connection.forecast_cause.value
    return f"{meaning} (cause: {cause})." if cause else f"{meaning}."


def _why_next_unknown(connection: Connection) -> tuple[str, ...]:
    """Return the sentence on why the next certificate is not known, where there is one."""
    findings = connection.findings
    return texts(tuple(f for f in findings if isinstance(f, NextCertificateUnknown)))


def _nowhere_to_look(connection: Connection) -> bool:
    """Return whether a forecast fails because nothing is configured that knows certificates.

    The report has a reason only where there was something to look up.
    """
    return (
        connection.forecast is Forecast.UNKNOWN
        and connection.wal_sender.tls is not None
        and isinstance(connection.next_certificate, NextUnknown)
        and not _why_next_unknown(connection)
    )


def _entry(label: str, text: str, marked: str = "") -> list[str]:
    """Return a labelled text; ``marked`` replaces its first word after it has been wrapped."""
    hanging = " " * (_LABEL + 2)
    lines = wrapped(printable(text), _WIDTH, indent=f"  {label:<{_LABEL}}", hanging=hanging)
    if marked:
        word = text.partition(":")[0]
        lines[0] = lines[0].replace(word, marked, 1)
    return lines


def _more(text: str) -> list[str]:
    return _sentences((text,), " " * (_LABEL + 2))


def _sentences(texts: Sequence[str], indent: str, hanging: str | None = None) -> list[str]:
    lines: list[str] = []
    for text in texts:
        lines += wrapped(printable(text), _WIDTH, indent=indent, hanging=hanging)
    return lines


def _steps(steps: Sequence[Step], target: Target, style: Style, own: OwnCommand) -> list[str]:
    if not steps:
        return []
    lines = ["  " + style.strong("What to do, in this order")]
    place = None
    for number, step in enumerate(steps, start=1):
        if step.place is not place:
            place = step.place
            lines.append(f"    {place.value}:")
        lead = f"      {number}. "
        text = step_text(step)
        lines += wrapped(printable(text.action), _WIDTH, indent=lead, hanging=" " * len(lead))
        # exact lines are never wrapped: they are there to be copied
        lines += [
            f"{' ' * len(lead)}    {printable(own.line(line, target))}" for line in text.lines
        ]
    return lines
