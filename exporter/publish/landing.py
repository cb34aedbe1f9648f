"""The landing page: all targets and their connections, rendered on the server, for a browser.

It is plain HTML without script or external asset. Every text from outside goes through `_text`.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from exporter.model.judgement import HbaState, Reason
from exporter.model.record import TargetRecord
from exporter.model.report import Connection, TargetReport
from exporter.publish.catalog_exporter import ExporterState
from exporter.publish.summary import (
    failed_readers,
    peer_text,
    rule_place,
    seen_connections,
    server_facts,
    short_names,
    totals,
    what_to_grant,
)
from exporter.publish.terminal import printable
from exporter.publish.wording import FAILURES, HBA_STATES, POSTURES, REASONS, VERDICTS

MAX_ROWS = 500
"""Connections shown of one target, worst first; /metrics and ``check`` tell more."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --paper: #fff; --line: #d9dde5; --soft: #5c6577;
  --band: #f4f6f9; --secure: #11703c; --insecure: #b3261e; --exempt: #1f5fa8; --unknown: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ee; --paper: #14171d; --line: #333a47;
  --soft: #9aa4b6; --band: #1c2129; --secure: #62c98d; --insecure: #ff8a80; --exempt: #86b7ff;
  --unknown: #e8b44f } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1rem 3rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.35rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .2rem }
p { margin: .25rem 0 } .soft { color: var(--soft) }
nav a { margin-right: 1rem } a { color: var(--exempt) }
.scroll { overflow-x: auto; margin-top: .6rem; border: 1px solid var(--line); border-radius: 6px }
table { border-collapse: collapse; width: 100% }
th, td { padding: .45rem .7rem; text-align: left; vertical-align: top;
  border-top: 1px solid var(--line) }
thead th { border-top: 0; background: var(--band); font-weight: 600; white-space: nowrap }
td.name, td.rule { overflow-wrap: anywhere; min-width: 8rem } td.rule { min-width: 10rem }
td.whole { white-space: nowrap }
ul { margin: 0; padding-left: 1.1rem } code { font: 13px/1.4 ui-monospace, monospace;
  overflow-wrap: anywhere }
.verdict { font-weight: 600; white-space: nowrap } .secure { color: var(--secure) }
.insecure, .alarm { color: var(--insecure) } .exempt { color: var(--exempt) }
.unknown { color: var(--unknown) }
"""

STYLE_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""What a Content-Security-Policy admits the page's own style by."""


def landing_page(records: Sequence[TargetRecord], state: ExporterState) -> str:
    """Return the page as HTML."""
    sections = "".join(_target(record) for record in records)
    if not records:
        sections = "<p>No target is configured.</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>PostgreSQL replication by certificate</title><style>{_STYLE}</style></head><body>"
        "<header><h1>PostgreSQL replication by certificate</h1>"
        f"<p>{_text(totals(records).sentence())}</p>"
        '<nav><a href="/metrics">Metrics</a><a href="/-/healthy">Health</a>'
        '<a href="/-/ready">Readiness</a></nav></header>'
        f"<main>{sections}</main>"
        f'<footer><p class="soft">pg-replication-cert-exporter {_text(state.version)}</p></footer>'
        "</body></html>\n"
    )


def _text(text: str) -> str:
    """Return ``text`` for HTML: nothing in it can be markup, or reorder what stands around it."""
    return escape(printable(text), quote=True)


def _target(record: TargetRecord) -> str:
    title = f"<h2>{_text(record.target.name)}</h2>"
    report = record.report
    if report is None:
        return f'<section>{title}<p class="unknown">not polled yet</p></section>'
    connections = seen_connections(record)
    if connections is None:
        body = "<p>Who replicates from here could not be read.</p>"
    elif not connections:
        body = "<p>Nobody replicates from here now.</p>"
    else:
        body = _table(connections)
    return f"<section>{title}{_state(report)}{_blind_spots(report)}{body}</section>"


def _state(report: TargetReport) -> str:
    facts = "".join(f", {_text(fact)}" for fact in server_facts(report))
    when = f'<span class="soft">polled {report.polled_at:%Y-%m-%d %H:%M:%S %Z}</span>'
    if report.failure is None:
        told = f"<p>up{facts}; {when}</p>"
    else:
        reason = report.failure.reason
        detail = f" ({_text(report.failure.detail)})" if report.failure.detail else ""
        told = (
            f'<p><span class="alarm">not readable ({reason.value})</span>{facts}; {when}</p>'
            f"<p>{_text(FAILURES[reason])}{detail}</p>"
        )
    return told + _rules(report)


def _rules(report: TargetReport) -> str:
    rules = report.rules
    if rules is None or (rules.state is HbaState.LOADED and not rules.error_lines):
        return ""
    errors = "".join(
        f"<li><code>{_text(f'{e.location.file_name}:{e.location.line_number}')}</code> "
        f"{_text(e.message)}</li>"
        for e in rules.error_lines
    )
    errors = f"<ul>{errors}</ul>" if errors else ""
    mark = "unknown" if rules.state is HbaState.LOADED else "alarm"
    return f'<p class="{mark}">{_text(HBA_STATES[rules.state])}</p>{errors}'


def _blind_spots(report: TargetReport) -> str:
    told = ""
    for reader, unread in failed_readers(report):
        grants = "".join(
            f"<br><code>{_text(line)}</code>" for line in what_to_grant(reader, unread, report)
        )
        told += f"<li>{reader.value}: {_text(FAILURES[unread.reason])}{grants}</li>"
    return f'<p class="unknown">Could not be read:</p><ul>{told}</ul>' if told else ""


def _table(connections: Sequence[Connection]) -> str:
    names = short_names(connections)
    rows = "".join(_row(connection, names) for connection in connections[:MAX_ROWS])
    left = len(connections) - MAX_ROWS
    more = f"<p>{left} more are not shown here.</p>" if left > 0 else ""
    heads = ("Verdict", "Posture", "Application", "Role", "Address", "Kind", "Rule", "Why")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
    )


def _row(connection: Connection, names: Mapping[str, str]) -> str:
    sender = connection.wal_sender
    verdict = connection.verdict
    why = "".join(_reason(reason) for reason in connection.reasons)
    if connection.exemption:
        why = f"<li>exemption {_text(connection.exemption)}</li>{why}"
    return (
        "<tr>"
        f'<td><span class="verdict {verdict.value}" title="{_text(VERDICTS[verdict])}">'
        f"{verdict.value}</span></td>"
        f'<td title="{_text(POSTURES[connection.posture])}">{connection.posture.value}</td>'
        f'<td class="name">{_text(sender.application_name) or "(none)"}</td>'
        f'<td class="name">{_text(sender.role)}</td>'
        f'<td class="whole">{_text(peer_text(sender.peer))}</td>'
        f"<td>{sender.kind.value}</td>"
        f'<td class="rule" title="{_text(rule_place(connection))}">'
        f"<code>{_text(rule_place(connection, names))}</code></td>"
        f"<td>{f'<ul>{why}</ul>' if why else ''}</td>"
        "</tr>"
    )


def _reason(reason: Reason) -> str:
    return f'<li title="{_text(REASONS[reason])}">{reason.value}</li>'
