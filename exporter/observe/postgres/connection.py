"""One session of one poll: login, one pipelined round trip per call, an end at any moment.

libpq is driven through psycopg's thin wrapper, without waiting inside of it: a session is steps
between which its socket is waited for (steps.py), so that a deadline (asyncio.timeout() around all
of it) holds at once in every phase, a frozen backend included. psycopg's own waiting does not end
in time there.
"""

import asyncio
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeAlias

from psycopg import Error, pq
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn

from exporter import descriptors
from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.addresses import Endpoint
from exporter.observe.postgres import failures, libpq, pipeline, steps
from exporter.observe.postgres.authentication import attempt
from exporter.observe.postgres.failures import PollFailed
from exporter.observe.postgres.offload import Offload
from exporter.observe.postgres.parameters import conninfo
from exporter.observe.postgres.received import Received
from exporter.observe.postgres.statement import Row, Statement

MAXIMUM_BYTES = 16 * 1024 * 1024
"""What one session may receive; libpq would hold whatever a hostile server sends."""

# a failure before the server was reached: the next address of the name may do better
_NEXT_ADDRESS = frozenset({FailureReason.REFUSED, FailureReason.UNREACHABLE, FailureReason.TIMEOUT})

_LOGGING_IN = "logging in"

_SOON_SECONDS = 0.2
"""A thread whose socket was severed needs less to notice."""

Work: TypeAlias = Callable[[PGconn], Generator[bool, None, None]]


class Session:
    """A login at one server; leave it (``with``) and the socket is closed at once.

    Attributes:
        stage: what is being waited for, in words for a deadline's detail.
    """

    def __init__(self, target: str, secrets: tuple[str, ...] = ()) -> None:
        self.stage = "looking up the address"
        self._secrets = secrets
        self._offload = Offload(target)
        self._pgconn: PGconn | None = None
        self._received = Received()
        self._logged_in = False
        self._scram_only = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(sever=kind is not None)

    async def run(
        self,
        endpoints: Sequence[Endpoint],
        parameters: Mapping[str, str],
        seconds: float,
        work: Work,
    ) -> None:
        """Log in at the first endpoint that answers, and do ``work`` there.

        Args:
            endpoints: at least one, in the order to be tried.
            parameters: libpq's, without host, hostaddr and port.
            seconds: what is left until the deadline; a silent address gets its share of it.
            work: the steps after the login, which yield as fetch() does; taken in a thread.

        Raises:
            PollFailed: none of them let us in; tells of the last that was tried. Or by ``work``.
        """
        if not await self._offload.is_free(_SOON_SECONDS):
            raise PollFailed(
                Unread(
                    FailureReason.TIMEOUT,
                    "a step of an earlier poll's login has not ended yet (the server chooses how"
                    " often the password is hashed; files may be on a slow disk)",
                )
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for index, endpoint in enumerate(endpoints):
            last = index == len(endpoints) - 1
            share = None if last else (deadline - loop.time()) / (len(endpoints) - index)
            try:
                async with asyncio.timeout(share) as limit:
                    await self._run(endpoint, parameters, work, None if last else limit)
            except TimeoutError:
                self._close(sever=True)
                continue
            except PollFailed as failed:
                self._close(sever=True)
                if last or self._logged_in or failed.failure.reason not in _NEXT_ADDRESS:
                    raise
                continue
            except BaseException:
                # the deadline of all of it, or the end of the program
                self._close(sever=True)
                raise
            return

    async def _run(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, str],
        work: Work,
        limit: asyncio.Timeout | None,
    ) -> None:
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
        self._received = Received()
        loop = asyncio.get_running_loop()

        def logged_in() -> None:
            self._logged_in = True
            if limit is not None:
                # it was for an address that does not answer
                loop.call_soon_threadsafe(_lift, limit)

        try:
            login = attempt({**parameters, **where})
            self._scram_only = login.scram_only
            pgconn = self._pgconn = pq.PGconn.connect_start(conninfo(login.parameters))
            if pgconn.status == ConnStatus.BAD:
                raise PollFailed(self._failed_connection(pgconn))
            if pgconn.password:
                # libpq may have found one itself (passfile, PGPASSWORD)
                self._secrets = (
                    *self._secrets,
                    pgconn.password.decode("utf-8", "backslashreplace"),
                )
            libpq.tell_sqlstate(pgconn)
            session = steps.Session(lambda: pgconn.socket, self._count, pgconn.finish)
            await steps.take(self._offload, session, self._steps(pgconn, work, logged_in))
        except Error as error:
            raise PollFailed(self._lost(str(error))) from None

    def _steps(
        self, pgconn: PGconn, work: Work, logged_in: Callable[[], None]
    ) -> Generator[bool, None, None]:
        yield from self._login(pgconn)
        logged_in()
        yield from work(pgconn)

    def _login(self, pgconn: PGconn) -> Generator[bool, None, None]:
        # as if connect_poll() had returned it (manual, "Database Connection Control Functions")
        status = PollingStatus.WRITING
        while status is not PollingStatus.OK:
            yield status is PollingStatus.WRITING
            status = libpq.connect_poll(pgconn)
            if pgconn.status not in {ConnStatus.STARTED, ConnStatus.MADE}:
                self.stage = _LOGGING_IN
            if status is PollingStatus.FAILED:
                raise PollFailed(self._failed_connection(pgconn))
        pgconn.nonblocking = 1

    def _lost(self, message: str) -> Unread:
        if self._logged_in:
            return failures.lost_connection(message, self._secrets)
        return self._failed(message)

    def _failed_connection(self, pgconn: PGconn) -> Unread:
        message = pgconn.error_message.decode("utf-8", "backslashreplace")
        if self._scram_only and (refused := failures.refused_method(message, self._secrets)):
            return refused
        return self._failed(message)

    def _failed(self, message: str) -> Unread:
        # the socket is still open, so that what was missing is still missing
        return failures.failed_connection(message, self._secrets, descriptors.shortage_now())

    def fetch(
        self,
        pgconn: PGconn,
        statements: Mapping[str, Statement],
        arrived: Callable[[str, Read[list[Row]]], None],
    ) -> Generator[bool, None, None]:
        """Send all statements at once, each with its own sync point, and read all answers.

        Args:
            pgconn: as ``work`` was given it.
            statements: by a name.
            arrived: called with each name and the rows, or why that statement failed, in the order
                of the statements.

        Yields:
            Whether the socket must be writable for the next step, or only readable.

        Raises:
            PollFailed: the session ended, or sent more than MAXIMUM_BYTES.
        """
        pipeline.send(pgconn, statements.values())
        for name in statements:
            self.stage = f"reading {name}"
            arrived(name, (yield from pipeline.answer(pgconn, self._secrets)))
        pgconn.exit_pipeline_mode()

    def _count(self, descriptor: int) -> None:
        """Count what the server has sent, before libpq takes more of it."""
        if self._received.up_to_now(descriptor) > MAXIMUM_BYTES:
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
            with suppress(OSError, Error):
                _sever(pgconn.socket)
        if not self._offload.leave():
            pgconn.finish()


def _sever(descriptor: int) -> None:
    # not by a duplicate: there may be no descriptor left for it
    borrowed = socket.socket(fileno=descriptor)
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    finally:
        borrowed.detach()


def _lift(limit: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # it has passed meanwhile
        limit.reschedule(None)
