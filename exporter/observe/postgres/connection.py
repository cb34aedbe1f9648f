"""One session of one poll: login, one pipelined round trip per call, an end at any moment.

libpq is driven through psycopg's thin wrapper, without waiting inside of it: every wait is one for
the socket in the event loop, so that a deadline (asyncio.timeout() around all of it) holds at once
in every phase, a frozen backend included. psycopg's own waiting does not end in time there.
"""

import array
import asyncio
import fcntl
import os
import socket
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg import Error, pq
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, PollingStatus
from psycopg.pq.abc import PGconn, PGresult

from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.addresses import Endpoint
from exporter.observe.postgres import failures, libpq
from exporter.observe.postgres.offload import Offload
from exporter.observe.postgres.parameters import conninfo
from exporter.observe.postgres.statement import Row, Statement

MAXIMUM_BYTES = 16 * 1024 * 1024
"""What one session may receive; libpq would hold whatever a hostile server sends."""

# a failure before the server was reached: the next address of the name may do better
_NEXT_ADDRESS = frozenset({FailureReason.REFUSED, FailureReason.UNREACHABLE, FailureReason.TIMEOUT})


class PollFailed(Exception):  # noqa: N818  it carries a failure, which is a value
    """The session cannot go on."""

    def __init__(self, failure: Unread) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Session:
    """A login at one server; leave it (``with``) and the socket is closed at once.

    Attributes:
        stage: what is being waited for, in words for a deadline's detail.
        answered: statements of the last fetch() that were answered, also when it did not end.
    """

    def __init__(self, target: str, secrets: tuple[str, ...] = ()) -> None:
        self.stage = "looking up the address"
        self.answered: list[Read[list[Row]]] = []
        self._secrets = secrets
        self._offload = Offload(target)
        self._pgconn: PGconn | None = None
        self._received = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(sever=kind is not None)

    @property
    def pgconn(self) -> PGconn:
        """The connection; only after connect()."""
        if self._pgconn is None:
            raise RuntimeError("not connected")
        return self._pgconn

    async def connect(
        self, endpoints: Sequence[Endpoint], parameters: Mapping[str, str], seconds: float
    ) -> None:
        """Log in at the first endpoint that answers.

        Args:
            endpoints: at least one, in the order to be tried.
            parameters: libpq's, without host, hostaddr and port.
            seconds: what is left until the deadline; a silent address gets its share of it.

        Raises:
            PollFailed: none of them let us in; tells of the last that was tried.
        """
        if self._offload.occupied:
            raise PollFailed(
                Unread(
                    FailureReason.TIMEOUT,
                    "the server has the password hashed so often that the login of an earlier"
                    " poll has not ended yet",
                )
            )
        deadline = asyncio.get_running_loop().time() + seconds
        for index, endpoint in enumerate(endpoints):
            last = index == len(endpoints) - 1
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(None if last else left / (len(endpoints) - index)):
                    await self._log_in(endpoint, parameters)
            except TimeoutError:
                self._close(sever=True)
                continue
            except PollFailed as failed:
                self._close(sever=True)
                if last or failed.failure.reason not in _NEXT_ADDRESS:
                    raise
                continue
            return

    async def _log_in(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> None:
        self.stage = f"connecting to {endpoint.address or endpoint.host or 'the unix socket'}"
        where = {
            key: value
            for key, value in (
                ("host", endpoint.host),
                ("hostaddr", endpoint.address),
                ("port", endpoint.port),
            )
            if value
        }
        self._received = 0
        try:
            pgconn = self._pgconn = pq.PGconn.connect_start(conninfo({**parameters, **where}))
            libpq.tell_sqlstate(pgconn)
            while (status := await self._login_step(pgconn)) is not PollingStatus.OK:
                if status is PollingStatus.FAILED:
                    raise PollFailed(self._failed_connection(pgconn))
                await self._ready(pgconn.socket, write=status is PollingStatus.WRITING)
                if pgconn.status not in {ConnStatus.STARTED, ConnStatus.MADE}:
                    self.stage = "logging in"
            pgconn.nonblocking = 1
        except Error as error:
            raise PollFailed(failures.failed_connection(str(error), self._secrets)) from None

    async def _login_step(self, pgconn: PGconn) -> PollingStatus:
        if not pgconn.used_password:
            return PollingStatus(pgconn.connect_poll())
        # the server has asked for a password; the next step may hash it without end
        return await self._offload.run(lambda: libpq.connect_poll(pgconn), pgconn.finish)

    def _failed_connection(self, pgconn: PGconn) -> Unread:
        message = pgconn.error_message.decode("utf-8", "backslashreplace")
        return failures.failed_connection(message, self._secrets)

    async def fetch(self, statements: Mapping[str, Statement]) -> list[Read[list[Row]]]:
        """Send all statements at once, each with its own sync point, and read all answers.

        Args:
            statements: by a name for ``stage``.

        Returns:
            rows, or why that statement failed, in the order of the statements.

        Raises:
            PollFailed: the session ended, or sent more than MAXIMUM_BYTES.
        """
        self.answered = answered = []
        pgconn = self.pgconn
        try:
            pgconn.enter_pipeline_mode()
            for statement in statements.values():
                pgconn.send_query_params(statement.sql.encode(), statement.parameters)
                pgconn.pipeline_sync()
            for name in statements:
                self.stage = f"reading {name}"
                answered.append(await self._answer(pgconn))
            pgconn.exit_pipeline_mode()
        except Error as error:
            raise PollFailed(failures.lost_connection(str(error), self._secrets)) from None
        return answered

    async def _answer(self, pgconn: PGconn) -> Read[list[Row]]:
        answer: Read[list[Row]] = Unread(FailureReason.PROTOCOL, "no answer to a statement")
        while (result := await self._result(pgconn)) is None or (
            result.status != ExecStatus.PIPELINE_SYNC
        ):
            if result is None:
                if pgconn.status == ConnStatus.BAD:
                    raise PollFailed(self._lost(pgconn, answer))
                continue
            answer = self._read(result)
        return answer

    def _lost(self, pgconn: PGconn, answer: Read[list[Row]]) -> Unread:
        lost = failures.lost_connection(
            pgconn.error_message.decode("utf-8", "backslashreplace"), self._secrets
        )
        # the server's last word (FATAL: terminating connection …) tells more than libpq's
        if isinstance(answer, Unread) and answer.reason is FailureReason.TERMINATED:
            return answer
        return lost

    async def _result(self, pgconn: PGconn) -> PGresult | None:
        while True:
            unsent = pgconn.flush()
            if not pgconn.is_busy():
                return pgconn.get_result()
            await self._ready(pgconn.socket, write=bool(unsent))
            pgconn.consume_input()

    def _read(self, result: PGresult) -> Read[list[Row]]:
        if result.status == ExecStatus.TUPLES_OK:
            columns = range(result.nfields)
            get_value = result.get_value
            return [
                tuple(get_value(row, column) for column in columns) for row in range(result.ntuples)
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
            failures.one_line(message, self._secrets),
        )

    async def _ready(self, descriptor: int, *, write: bool) -> None:
        """Wait until the socket can be read, or also written when ``write``."""
        if descriptor < 0:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(descriptor, wake)
        if write:
            loop.add_writer(descriptor, wake)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
            if write:
                loop.remove_writer(descriptor)
        self._received += _waiting_bytes(descriptor)
        if self._received > MAXIMUM_BYTES:
            raise PollFailed(
                Unread(
                    FailureReason.LIMIT_EXCEEDED, f"the server sent more than {MAXIMUM_BYTES} bytes"
                )
            )

    def _close(self, *, sever: bool) -> None:
        pgconn, self._pgconn = self._pgconn, None
        if pgconn is None:
            return
        # cut first, so that libpq's farewell cannot wait for a peer that does not read
        if sever and pgconn.status != ConnStatus.BAD:
            with suppress(OSError), socket.socket(fileno=os.dup(pgconn.socket)) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)
        if not self._offload.leave():
            pgconn.finish()


def _waiting_bytes(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]
