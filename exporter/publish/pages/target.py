"""The page of one target as values: connections with their remedies, rules, certificates."""

from dataclasses import dataclass
from datetime import datetime

from exporter.model.certificates_report import Ambiguous, Matched, NextCertificate, Unmatched
from exporter.model.failure import Reader, Unread
from exporter.model.judgement import HbaState, Verdict
from exporter.model.record import TargetRecord
from exporter.model.report import Connection, TargetReport
from exporter.model.target_certificates import CertificatePlace, TargetCertificates
from exporter.publish.pages.dates import left, minute, urgency
from exporter.publish.summary import (
    failed_readers,
    findings_after_rule,
    governing_rule_text,
    peer_text,
    rule_place,
    seen_connections,
    server_facts,
    short_names,
    what_to_grant,
)
from exporter.publish.words.findings.text import texts

MAX_CONNECTIONS = 500
"""Connections shown of one target, worst first; /metrics and ``check`` have all of them."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled sentence of a connection; ``urgency`` is a class of style."""

    label: str
    text: str
    urgency: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionCard:
    """One connection.

    Attributes:
        anchor: an identifier that stays while the connection lives.
        open: whether its details are shown from the start.
        rule: as reconstructed from the view; empty unless exactly one governs.
    """

    connection: Connection
    anchor: str
    open: bool
    application_name: str
    peer: str
    since: str
    encryption: str
    place: str
    rule: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Something that could not be read, with what to do."""

    reader: Reader
    unread: Unread
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """One certificate at one place.

    Attributes:
        result: of verification; empty if it was not asked for.
    """

    place: CertificatePlace
    not_after: str
    left: str
    urgency: str
    result: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """One revocation list."""

    issuer: str
    issued: str
    next_update: str
    left: str
    urgency: str


@dataclass(frozen=True, slots=True)
class TargetPage:
    """All that the page shows.

    Attributes:
        cards: None when who replicates could not be read.
        rules_are_fine: they are loaded, without a line in error.
    """

    record: TargetRecord
    report: TargetReport | None
    facts: tuple[str, ...]
    polled: str
    rules_are_fine: bool
    blind_spots: tuple[BlindSpot, ...]
    cards: tuple[ConnectionCard, ...] | None
    cards_left: int
    certificates: tuple[CertificateRow, ...]
    lists: tuple[ListRow, ...]
    certificate_sentences: tuple[str, ...]


def target_page(record: TargetRecord, now: datetime) -> TargetPage:
    """Return what the page of a target shows."""
    report, connections = record.report, seen_connections(record)
    names = short_names(connections or ())
    rules = None if report is None else report.rules
    return TargetPage(
        record=record,
        report=report,
        facts=() if report is None else server_facts(report),
        polled="" if report is None else minute(report.polled_at),
        rules_are_fine=rules is None or (rules.state is HbaState.LOADED and not rules.error_lines),
        blind_spots=()
        if report is None
        else tuple(
            BlindSpot(reader, unread, what_to_grant(reader, unread, report))
            for reader, unread in failed_readers(report)
        ),
        cards=None
        if connections is None
        else tuple(_card(c, names, now) for c in connections[:MAX_CONNECTIONS]),
        cards_left=max(0, len(connections or ()) - MAX_CONNECTIONS),
        certificates=() if report is None else _certificates(report.certificates, now),
        lists=() if report is None else _lists(report.certificates, now),
        certificate_sentences=() if report is None else texts(report.certificates.findings),
    )


def _card(connection: Connection, names: dict[str, str], now: datetime) -> ConnectionCard:
    sender = connection.wal_sender
    return ConnectionCard(
        connection=connection,
        anchor=f"c{sender.pid}-{int(sender.backend_start.timestamp())}",
        open=connection.verdict in (Verdict.INSECURE, Verdict.UNKNOWN),
        application_name=sender.application_name or "(no application name)",
        peer=peer_text(sender.peer),
        since=minute(sender.backend_start),
        encryption=_encryption(connection),
        place=rule_place(connection, names),
        rule=governing_rule_text(connection),
        facts=(
            *(Fact("", sentence) for sentence in texts(findings_after_rule(connection))),
            *_certificate_facts(connection, now),
        ),
    )


def _encryption(connection: Connection) -> str:
    tls = connection.wal_sender.tls
    if tls is None:
        return "GSSAPI" if connection.wal_sender.gss_encrypted else "none"
    shown = "no client certificate" if tls.client_certificate is None else "client certificate"
    return f"{tls.version}, {tls.cipher}, {shown}"


def _certificate_facts(connection: Connection, now: datetime) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    match connection.in_use:
        case None:
            pass
        case Matched(certificate):
            end = certificate.not_after
            facts.append(
                Fact(
                    "Certificate in use",
                    f"{certificate.subject.rfc2253}, serial number {certificate.serial_number}, "
                    f"ends {minute(end)} ({left(end, now)})",
                    urgency(end, now),
                )
            )
        case Ambiguous(candidates):
            several = f"several known certificates match what the server shows: {len(candidates)}"
            facts.append(Fact("Certificate in use", several, "unknown"))
        case Unmatched():
            facts.append(Fact("Certificate in use", "none that is known", "unknown"))
    known = connection.next_certificate
    if isinstance(known, NextCertificate):
        end = known.certificate.not_after
        facts.append(
            Fact(
                "Certificate at the next connect",
                f"{known.certificate.subject.rfc2253}, serial number "
                f"{known.certificate.serial_number}, ends {minute(end)} ({left(end, now)}), "
                f"from {known.path}",
                urgency(end, now),
            )
        )
    if connection.breaks_at is not None:
        breaks = f"{minute(connection.breaks_at)} ({left(connection.breaks_at, now)}), by "
        breaks += connection.breaks_cause.value
        facts.append(Fact("Reconnects until", breaks, urgency(connection.breaks_at, now)))
    return tuple(facts)


def _certificates(certificates: TargetCertificates, now: datetime) -> tuple[CertificateRow, ...]:
    results = {(v.certificate, v.usage): v.result for v in certificates.verified}
    rows = [
        CertificateRow(
            place=place,
            not_after=minute(place.certificate.not_after),
            left=left(place.certificate.not_after, now),
            urgency=urgency(place.certificate.not_after, now),
            result=results.get((place.certificate, place.usage), ""),
        )
        for place in certificates.places
    ]
    return tuple(sorted(rows, key=lambda row: row.place.certificate.not_after))


def _lists(certificates: TargetCertificates, now: datetime) -> tuple[ListRow, ...]:
    rows: list[ListRow] = []
    for listed in certificates.revocation_lists:
        end = listed.revocation_list.next_update
        rows.append(
            ListRow(
                issuer=listed.revocation_list.issuer.rfc2253,
                issued=minute(listed.revocation_list.this_update),
                next_update="never" if end is None else minute(end),
                left="" if end is None else left(end, now),
                urgency="" if end is None else urgency(end, now),
            )
        )
    return tuple(rows)
