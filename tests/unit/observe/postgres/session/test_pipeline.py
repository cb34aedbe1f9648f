"""Every result that libpq knows, in answer to a statement; most of them no server can cause."""

from collections.abc import Iterator
from itertools import chain, repeat
from typing import cast

import pytest
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn

from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.postgres.session import pipeline
from exporter.observe.postgres.session.failures import PollFailed
from exporter.observe.postgres.session.statement import Row

ANSWERS = {ExecStatus.TUPLES_OK, ExecStatus.FATAL_ERROR}


class Result:
    """A result of libpq: one row of one cell, or an error."""

    ntuples = 1
    nfields = 1

    def __init__(self, status: ExecStatus, sqlstate: bytes | None = None) -> None:
        self.status = status
        self.sqlstate = sqlstate
        self.error_message = b"" if status is ExecStatus.TUPLES_OK else b"planted-secret\x07"

    def get_value(self, row: int, column: int) -> bytes:
        assert (row, column) == (0, 0)
        return b"cell"

    def error_field(self, field: int) -> bytes | None:
        return self.sqlstate if field == DiagnosticField.SQLSTATE else b"message"


class Libpq:
    """A session in which libpq returns these results one after the other."""

    def __init__(self, results: Iterator[Result | None], *, lost: bool = False) -> None:
        self._results = results
        self.status = ConnStatus.BAD if lost else ConnStatus.OK
        self.error_message = b"server closed the connection unexpectedly"

    def flush(self) -> int:
        return 0

    def is_busy(self) -> bool:
        return False

    def get_result(self) -> Result | None:
        return next(self._results)


def answer(
    *results: Result | None, then: Result | None = None, lost: bool = False
) -> Read[list[Row]]:
    """Return what pipeline.answer() makes of ``results``, and of ``then`` for ever after them."""
    libpq = Libpq(chain(results, repeat(then)), lost=lost)
    steps = pipeline.answer(cast("PGconn", libpq), ("planted-secret",))
    try:
        next(steps)
    except StopIteration as end:
        return cast("Read[list[Row]]", end.value)
    raise AssertionError("there was something to wait for")


def failure(*results: Result | None, then: Result | None = None, lost: bool = False) -> Unread:
    with pytest.raises(PollFailed) as raised:
        answer(*results, then=then, lost=lost)
    return raised.value.failure


ROWS = Result(ExecStatus.TUPLES_OK)
REFUSED = Result(ExecStatus.FATAL_ERROR, b"42501")
TERMINATED = Result(ExecStatus.FATAL_ERROR, b"57P01")
OF_LIBPQ = Result(ExecStatus.FATAL_ERROR)
SYNC = Result(ExecStatus.PIPELINE_SYNC)


def test_rows_are_returned_at_the_synchronisation_point() -> None:
    assert answer(ROWS, None, SYNC) == [(b"cell",)]


@pytest.mark.parametrize("before", [(), (ROWS, None)])
def test_an_error_is_returned_also_after_rows(before: tuple[Result | None, ...]) -> None:
    assert answer(*before, REFUSED, None, SYNC) == Unread(FailureReason.PERMISSION, "message")


def test_all_that_may_come_before_the_synchronisation_point_is_waited_for() -> None:
    read = answer(ROWS, None, REFUSED, None, TERMINATED, None, SYNC)
    assert read == Unread(FailureReason.TERMINATED, "message")


@pytest.mark.parametrize("status", sorted(set(ExecStatus) - ANSWERS))
def test_any_other_result_ends_the_session(status: ExecStatus) -> None:
    for unread in (failure(then=Result(status)), failure(Result(status), None, then=SYNC)):
        assert unread.reason is FailureReason.PROTOCOL
        assert f"unexpected result {status.name}, expected rows or an error" in unread.detail


@pytest.mark.parametrize("status", sorted(set(ExecStatus) - ANSWERS - {ExecStatus.PIPELINE_SYNC}))
def test_any_other_result_ends_the_session_after_rows_as_well(status: ExecStatus) -> None:
    unread = failure(ROWS, None, then=Result(status))
    assert unread.reason is FailureReason.PROTOCOL
    assert f"unexpected result {status.name}, expected the end of the answer" in unread.detail


def test_an_error_of_libpq_ends_the_session_with_its_text() -> None:
    assert failure(then=OF_LIBPQ) == Unread(
        FailureReason.PROTOCOL,
        r"unexpected result FATAL_ERROR, expected rows or an error: ********\x07",
    )


@pytest.mark.parametrize("then", [None, ROWS, REFUSED], ids=["nothing", "rows", "errors"])
def test_results_without_end_end_the_session(then: Result | None) -> None:
    assert failure(REFUSED, then=then).reason is FailureReason.PROTOCOL


@pytest.mark.parametrize("last", [None, OF_LIBPQ])
def test_the_last_message_of_the_server_explains_why_the_session_ended(last: Result | None) -> None:
    assert failure(TERMINATED, last, lost=True) == Unread(FailureReason.TERMINATED, "message")
    reported = failure(REFUSED, last, lost=True)
    assert reported.reason is FailureReason.TERMINATED
    assert "closed the connection" in reported.detail
