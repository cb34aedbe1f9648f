"""One session of one poll: login, one pipelined round trip per call, an end at any moment.

libpq is driven through psycopg's thin wrapper, without waiting inside of it: every wait is one for
the socket in the event loop, so that a deadline (asyncio.timeout() around all of it) holds at once
in every phase, a frozen backend included. psycopg's own waiting does not end in time there.
"""

import asyncio
import fcntl
import os
import socket
import sys
import termios
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg import Error, pq
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn

from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.addresses import Endpoint
from exporter.observe.postgres import failures, libpq, pipeline, steps
from exporter.observe.postgres.failures import PollFailed
from exporter.observe.postgres.offload import Offload
from exporter.observe.postgres.parameters import conninfo
from exporter.observe.postgres.statement import Row, Statement

MAXIMUM_BYTES = 16 * 1024 * 1024
"""What one session may receive; libpq would hold whatever a hostile server sends."""

# a failure before the server was reached: the next address of the name may do better
_NEXT_ADDRESS = frozenset({FailureReason.REFUSED, FailureReason.UNREACHABLE, FailureReason.TIMEOUT})

_LOGGING_IN = "logging in"


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
        if self._offload.occupied:
            raise PollFailed(
                Unread(
                    FailureReason.TIMEOUT,
                    "the server has us compute so long (it chooses how often the password is"
                    " hashed) that the login of an earlier poll has not ended yet",
                )
            )
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
            if pgconn.status == ConnStatus.BAD:
                raise PollFailed(self._failed_connection(pgconn))
            libpq.tell_sqlstate(pgconn)
            await self._take(pgconn, self._login_steps(pgconn))
            pgconn.nonblocking = 1
        except Error as error:
            raise PollFailed(failures.failed_connection(str(error), self._secrets)) from None

    async def _take(self, pgconn: PGconn, taken: Generator[bool, None, None]) -> None:
        session = steps.Session(lambda: pgconn.socket, self._count, pgconn.finish)
        await steps.take(self._offload, session, taken)

    def _login_steps(self, pgconn: PGconn) -> Generator[bool, None, None]:
        # as if connect_poll() had returned it (manual, "Database Connection Control Functions")
        status = PollingStatus.WRITING
        while status is not PollingStatus.OK:
            yield status is PollingStatus.WRITING
            status = libpq.connect_poll(pgconn)
            if pgconn.status not in {ConnStatus.STARTED, ConnStatus.MADE}:
                self.stage = _LOGGING_IN
            if status is PollingStatus.FAILED:
                raise PollFailed(self._failed_connection(pgconn))

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
        answered: list[Read[list[Row]]] = []
        self.answered = answered
        pgconn = self.pgconn
        try:
            pipeline.send(pgconn, statements.values())
            await self._take(pgconn, self._reading(pgconn, list(statements), answered))
            pgconn.exit_pipeline_mode()
        except Error as error:
            raise PollFailed(failures.lost_connection(str(error), self._secrets)) from None
        return answered

    def _reading(
        self, pgconn: PGconn, names: Sequence[str], answered: list[Read[list[Row]]]
    ) -> Generator[bool, None, None]:
        self.stage = f"reading {names[0]}"
        for unsent in pipeline.answers(pgconn, len(names), answered, self._secrets):
            self.stage = f"reading {names[len(answered)]}"
            yield unsent

    def _count(self, descriptor: int) -> None:
        """Count what the socket holds, before libpq takes it."""
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
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
