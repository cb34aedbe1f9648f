"""Answers that PostgreSQL does not give to a query end the session, and the next poll recovers."""

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exporter.board import Board
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.observe.detail import MAXIMUM_DETAIL
from exporter.observe.postgres.poll import observe
from exporter.observe.postgres.session.offload import Offload
from exporter.poller import poll_once
from lab.wait import until
from tests.live.observe import impostors
from tests.live.observe.impostors import listening, message
from tests.live.observe.relays import copying_once
from tests.live.primaries import Primaries
from tests.live.seen import note_read, note_report

pytestmark = pytest.mark.live

STATEMENTS = {0: Reader.SERVER, 2: Reader.HBA_RULES, 6: Reader.HBA_LINES}
"""The first of a session, a later one, and one of the second round trip, by their numbers."""

COPIES = {b"G": "COPY_IN", b"H": "COPY_OUT", b"W": "COPY_BOTH"}

COLUMN = message(b"T", struct.pack("!h", 1) + b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
ROWS = COLUMN + message(b"C", b"SELECT 0\0")
COPY = struct.pack("!bh", 0, 0)


def error(*fields: bytes) -> bytes:
    return message(b"E", b"".join(field + b"\0" for field in (b"SERROR", *fields)) + b"\0")


def now() -> datetime:
    return datetime.now(UTC)


def unserved(target: Target) -> Target:
    """Return the target without its look at the served chain, which speaks another protocol."""
    return replace(target, served_certificate=None)


def failures(report: TargetReport) -> list[Unread]:
    """Return why the target, or any part of it, could not be read."""
    found = (report.failure, *report.readers.values())
    return [unread for unread in found if unread is not None]


@pytest.mark.parametrize("number", STATEMENTS)
@pytest.mark.parametrize("kind", COPIES)
async def test_a_copy_ends_the_session_and_the_next_poll_reads_everything(
    primaries: Primaries, kind: bytes, number: int
) -> None:
    primary = primaries[18]
    with listening(copying_once(primary.server.port, kind, number)) as port:
        target = unserved(primary.target({"port": str(port), "sslmode": "disable"}))
        board = Board([target])
        await poll_once(target, board, now=now)
        first = board.record(target.name).report
        until(lambda: not Offload(target.name).occupied, within=10, what="the thread to be free")
        await poll_once(target, board, now=now)
        second = board.record(target.name).report
    assert first is not None
    note_report(first)
    assert {unread.reason for unread in failures(first)} == {FailureReason.PROTOCOL}
    # what was answered before is kept
    assert (first.failure is None) == (number > 0)
    unread = first.failure or first.readers[STATEMENTS[number]]
    assert unread is not None
    assert unread.detail == f"unexpected result {COPIES[kind]}, expected rows or an error"
    assert second is not None
    assert failures(second) == []


ONCE = {
    "copy after the rows": (ROWS + message(b"H", COPY), "COPY_OUT"),
    "an empty query": (message(b"I", b""), "EMPTY_QUERY"),
    "no rows": (message(b"C", b"BEGIN\0"), "COMMAND_OK"),
    "a second answer": (ROWS + ROWS, "TUPLES_OK, expected the end"),
    "no answer": (message(b"Z", b"I"), "PIPELINE_SYNC"),
    "one synchronisation too many": (ROWS + message(b"Z", b"I") * 2, ""),
    "a row of no columns": (message(b"D", struct.pack("!h", 0)) + ROWS, "without prior row"),
    "an error without a code": (error(b"Mplanted\x07\x1b[31m" + b"x" * 20_000), "FATAL_ERROR"),
    "an error after the rows, and no end": (ROWS + error(b"C42501", b"Mx") * 9, "more than"),
    "an unknown message": (message(b"~", b""), "unexpected response"),
}

ENDLESS = {
    "rows without end": ROWS,
    "columns": COLUMN,
    "errors": error(b"C42501", b"Mplanted"),
    "synchronisations": message(b"Z", b"I"),
    "notices": message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mplanted\0\0"),
    "notifications": message(b"A", struct.pack("!i", 1) + b"channel\0payload\0"),
    "one parameter": message(b"S", b"application_name\0planted\0"),
}
FLOODS = {"notices", "notifications", "one parameter"}


@pytest.mark.parametrize("name", ONCE)
async def test_what_no_query_is_answered_with_ends_the_session(name: str) -> None:
    answer, words = ONCE[name]
    read = await polled(impostors.answering(answer))
    assert read.reason is FailureReason.PROTOCOL
    assert words in read.detail


@pytest.mark.parametrize("name", ENDLESS)
async def test_answers_without_end_do_not_outlast_the_poll(name: str) -> None:
    read = await polled(impostors.answering(ENDLESS[name], endless=True))
    expected = FailureReason.LIMIT_EXCEEDED if name in FLOODS else FailureReason.PROTOCOL
    assert read.reason is expected


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("accepted", [False, True])
async def test_a_copy_at_login_ends_the_session(kind: bytes, *, accepted: bool) -> None:
    login = message(b"R", struct.pack("!i", 0)) if accepted else b""
    read = await polled(impostors.logging_in_with(login + message(kind, COPY)))
    assert read.reason is FailureReason.PROTOCOL


async def polled(handler: impostors.Handler) -> Unread:
    """Return why a poll of ``handler`` read nothing; its thread must be free afterwards."""
    with listening(handler) as port:
        parameters = {"host": "127.0.0.1", "port": str(port), "user": "u", "sslmode": "disable"}
        # far more than it takes: the reason must not be the deadline
        target = Target("out of turn", parameters, timeout_seconds=60)
        read = await observe(target, now=now)
        until(lambda: not Offload(target.name).occupied, within=10, what="the thread to be free")
    note_read(read)
    assert isinstance(read, Unread), read
    assert read.detail.isprintable()
    assert len(read.detail) <= MAXIMUM_DETAIL
    return read
