"""Statements in one pipeline, each with its own synchronisation point, and their answers.

Nothing here waits: answer() yields where there is nothing more to read yet, and whoever drives it
(connection.py) goes on once the socket has something.
"""

from collections.abc import Generator, Iterable

from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.detail import one_line
from exporter.observe.postgres import failures, libpq
from exporter.observe.postgres.failures import PollFailed
from exporter.observe.postgres.statement import Row, Statement


def send(pgconn: PGconn, statements: Iterable[Statement]) -> None:
    """Send statements as far as the socket takes them; one that fails will not blind the others."""
    pgconn.enter_pipeline_mode()
    for statement in statements:
        pgconn.send_query_params(statement.sql.encode(), statement.parameters)
        libpq.send_pipeline_sync(pgconn)
    pgconn.flush()


def answer(pgconn: PGconn, secrets: tuple[str, ...]) -> Generator[bool, None, Read[list[Row]]]:
    """Read the answer to the next statement as it arrives, and return its rows or why it failed.

    Args:
        pgconn: the session.
        secrets: that must not appear in a failure's detail.

    Yields:
        Whether something is still to be sent, whenever there is nothing more to read yet.

    Raises:
        PollFailed: the session ended.
    """
    read: Read[list[Row]] = Unread(FailureReason.PROTOCOL, "no answer to a statement")
    while True:
        while True:
            unsent = pgconn.flush()
            if not pgconn.is_busy():
                break
            yield bool(unsent)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:
                raise PollFailed(_lost(pgconn, read, secrets))
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return read
        else:
            read = _read(result, secrets)


_LAST_WORDS = frozenset({FailureReason.TERMINATED, FailureReason.RECOVERY_CONFLICT})


def _lost(pgconn: PGconn, answer: Read[list[Row]], secrets: tuple[str, ...]) -> Unread:
    lost = failures.lost_connection(
        pgconn.error_message.decode("utf-8", "backslashreplace"), secrets
    )
    # the server's last word (FATAL: terminating connection …) tells more than libpq's
    if isinstance(answer, Unread) and answer.reason in _LAST_WORDS:
        return answer
    return lost


def _read(result: PGresult, secrets: tuple[str, ...]) -> Read[list[Row]]:
    if result.status == ExecStatus.TUPLES_OK:
        columns = range(result.nfields)
        get_value = result.get_value
        return [
            tuple([get_value(row, column) for column in columns]) for row in range(result.ntuples)
        ]
    sqlstate, message, function = (
        (result.error_field(field) or b"").decode("utf-8", "backslashreplace")
        for field in (
            DiagnosticField.SQLSTATE,
            DiagnosticField.MESSAGE_PRIMARY,
            DiagnosticField.SOURCE_FUNCTION,
        )
    )
    if not sqlstate:
        return Unread(FailureReason.PROTOCOL, f"an answer that no query has ({result.status})")
    return Unread(
        failures.by_sqlstate(sqlstate, message, function),
        one_line(message, secrets),
    )
