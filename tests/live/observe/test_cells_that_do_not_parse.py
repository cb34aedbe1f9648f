"""A cell that PostgreSQL does not send: ``protocol`` for its reader, short, and logged once."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exporter.board import Board
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.report import TargetReport
from exporter.observe.detail import MAXIMUM_DETAIL
from exporter.poller import poll_once
from lab.replication import ReplicationClient
from tests.live.observe.impostors import listening
from tests.live.observe.relays import Place, changing
from tests.live.primaries import Primaries
from tests.live.seen import note_report

pytestmark = pytest.mark.live

CELLS = {
    "a word": b"netmask",
    "empty": b"",
    "a number": b"24",
    "bytes": b"\xff\xfe\x01",
    "long": b"1" * 60_000,
    "of another family": b"ffff::",
    "a line break": b"255.0.0.0\nlevel=error",
}


def poll(port: int, primaries: Primaries, board: Board | None = None) -> tuple[TargetReport, Board]:
    target = replace(
        primaries[18].target({"port": str(port), "sslmode": "disable", "gssencmode": "disable"}),
        served_certificate=None,
    )
    board = board or Board([target])
    asyncio.run(poll_once(target, board, now=lambda: datetime.now(UTC)))
    report = board.record(target.name).report
    assert report is not None
    note_report(report)
    return report, board


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("column", ["netmask", "type"])
def test_a_rule_that_does_not_parse_is_a_failure_of_its_reader(
    primaries: Primaries, column: str, cell: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def change(place: Place, sent: bytes | None) -> bytes | None:
        return cell if place.name == column and sent is not None else sent

    with (
        listening(changing(primaries[18].server.port, change)) as port,
        caplog.at_level(logging.INFO, logger="exporter"),
    ):
        report, board = poll(port, primaries)
        first = len(caplog.records)
        poll(port, primaries, board)
    unread = report.readers[Reader.HBA_RULES]
    assert isinstance(unread, Unread)
    assert unread.reason is FailureReason.PROTOCOL
    assert len(unread.detail) <= MAXIMUM_DETAIL
    assert unread.detail.isprintable()
    assert not isinstance(report.connections, Unread)
    assert first >= 1
    assert len(caplog.records) == first
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("cell", [b"no address", b"", b"\xff", b"10.0.0.1/8"])
def test_an_address_of_a_walsender_that_does_not_parse(primaries: Primaries, cell: bytes) -> None:
    def change(place: Place, sent: bytes | None) -> bytes | None:
        return cell if place.name == "client_addr" and sent is not None else sent

    primary = primaries[18]
    with (
        ReplicationClient(primary.client_with_certificate("r_cert")),
        listening(changing(primary.server.port, change)) as port,
    ):
        report, _ = poll(port, primaries)
    unread = report.readers[Reader.WAL_SENDERS]
    assert isinstance(unread, Unread)
    assert unread.reason is FailureReason.PROTOCOL
