"""Statements in one pipeline, each with its own synchronisation point, and their answers.

Nothing here waits: answer() yields where there is nothing more to read yet, and its caller
(connection.py) resumes it once the socket is readable.
"""

from collections.abc import Generator, Iterable

from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.detail import one_line
from exporter.observe.postgres.session import failures, libpq
from exporter.observe.postgres.session.failures import PollFailed
from exporter.observe.postgres.session.statement import Row, Statement

_MOST_RESULTS = 8
"""What libpq may return for one statement, with the NULL that ends each result.

Rows, an error after them, the error that ends the session, and the synchronisation point are 7.
"""


def send(pgconn: PGconn, statements: Iterable[Statement]) -> None:
    """Send statements as far as the socket accepts them; a failure does not affect the others."""
    pgconn.enter_pipeline_mode()
    for statement in statements:
        pgconn.send_query_params(statement.sql.encode(), statement.parameters)
        libpq.send_pipeline_sync(pgconn)
    pgconn.flush()


def answer(pgconn: PGconn, secrets: tuple[str, ...]) -> Generator[bool, None, Read[list[Row]]]:
    """Read the answer to the next statement as it arrives, and return its rows or why it failed.

    PostgreSQL sends the rows or an error, and then a synchronisation point. Everything else ends
    the session: a COPY result, for one, never ends by itself, as libpq returns it again and again.

    Args:
        pgconn: the session.
        secrets: that must not appear in a failure's detail.

    Yields:
        Whether something is still to be sent, whenever there is nothing more to read yet.

    Raises:
        PollFailed: the session ended, or the server sent what PostgreSQL does not send.
    """
    read: Read[list[Row]] | None = None
    for _ in range(_MOST_RESULTS):
        yield from _arrived(pgconn)
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:
                raise PollFailed(_lost(pgconn, read, secrets))
        elif result.status == ExecStatus.TUPLES_OK and read is None:
            read = _rows(result)
        elif result.status == ExecStatus.FATAL_ERROR and _sqlstate(result):
            # also after the rows: the server may end the session at any time
            read = _error(result, secrets)
        elif result.status == ExecStatus.PIPELINE_SYNC and read is not None:
            return read
        elif pgconn.status == ConnStatus.BAD:
            raise PollFailed(_lost(pgconn, read, secrets))
        else:
            raise PollFailed(_unexpected(result, read, secrets))
    raise PollFailed(
        Unread(FailureReason.PROTOCOL, f"more than {_MOST_RESULTS} results for one statement")
    )


def _arrived(pgconn: PGconn) -> Generator[bool, None, None]:
    """Wait until libpq has the next result; what arrives meanwhile is counted (steps.py)."""
    while True:
        unsent = pgconn.flush()
        if not pgconn.is_busy():
            return
        yield bool(unsent)
        pgconn.consume_input()


def _unexpected(result: PGresult, read: Read[list[Row]] | None, secrets: tuple[str, ...]) -> Unread:
    expected = "rows or an error" if read is None else "the end of the answer"
    detail = f"unexpected result {ExecStatus(result.status).name}, expected {expected}"
    text = result.error_message.decode("utf-8", "backslashreplace")
    if text:
        detail = one_line(f"{detail}: {one_line(text, secrets)}")
    return Unread(FailureReason.PROTOCOL, detail)


_LAST_WORDS = frozenset({FailureReason.TERMINATED, FailureReason.RECOVERY_CONFLICT})


def _lost(pgconn: PGconn, read: Read[list[Row]] | None, secrets: tuple[str, ...]) -> Unread:
    # the server's last message (FATAL: terminating connection …) is more specific than libpq's
    if isinstance(read, Unread) and read.reason in _LAST_WORDS:
        return read
    return failures.lost_connection(
        pgconn.error_message.decode("utf-8", "backslashreplace"), secrets
    )


def _rows(result: PGresult) -> list[Row]:
    columns = range(result.nfields)
    get_value = result.get_value
    return [tuple([get_value(row, column) for column in columns]) for row in range(result.ntuples)]


def _field(result: PGresult, field: DiagnosticField) -> str:
    return (result.error_field(field) or b"").decode("utf-8", "backslashreplace")


def _sqlstate(result: PGresult) -> str:
    """Return the SQLSTATE of the server's error; empty if the error is libpq's."""
    return _field(result, DiagnosticField.SQLSTATE)


def _error(result: PGresult, secrets: tuple[str, ...]) -> Unread:
    message = _field(result, DiagnosticField.MESSAGE_PRIMARY)
    function = _field(result, DiagnosticField.SOURCE_FUNCTION)
    return Unread(
        failures.by_sqlstate(_sqlstate(result), message, function), one_line(message, secrets)
    )
