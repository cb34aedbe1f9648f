"""One session of one poll: login, one pipelined round trip per call, an end at any time.

libpq is driven through psycopg's thin wrapper, without waiting inside of it. A session is a
sequence of steps; between them its socket is waited for (steps.py). So a deadline
(asyncio.timeout() around all of it) takes effect immediately in every phase, even if the backend is
frozen. psycopg's own waiting would not end in time there.
"""

import asyncio
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self, TypeAlias

from psycopg import Error, pq
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn

from exporter import descriptors
from exporter.libpq_options import conninfo, own_service
from exporter.model.failure import FailureReason, Read, Unread
from exporter.observe.addresses import LOOKING_UP, Endpoint
from exporter.observe.postgres.session import failures, libpq, login_files, pipeline, steps
from exporter.observe.postgres.session.authentication import authenticated
from exporter.observe.postgres.session.dialogue_log import log_answer, log_login, log_questions
from exporter.observe.postgres.session.failures import PollFailed
from exporter.observe.postgres.session.offload import Offload
from exporter.observe.postgres.session.received import Received
from exporter.observe.postgres.session.statement import Row, Statement

MAXIMUM_BYTES = 16 * 1024 * 1024
"""Bytes that one session may receive; libpq would keep all that a hostile server sends."""

# a failure before the server was reached: the next address of the name may answer
_NEXT_ADDRESS = frozenset({FailureReason.REFUSED, FailureReason.UNREACHABLE, FailureReason.TIMEOUT})

_LOGGING_IN = "logging in"

_SOON_SECONDS = 0.2
"""A thread whose socket was shut down needs less time to notice it."""

Work: TypeAlias = Callable[[PGconn], Generator[bool, None, None]]


@dataclass(slots=True)
class _Attempt:
    """One attempt to log in.

    Attributes:
        pgconn: as soon as libpq has begun to connect, in a thread.
        closed: nothing waits for it any more.
    """

    pgconn: PGconn | None = None
    closed: bool = False

    def descriptor(self) -> int:
        """Return the number of its socket."""
        return -1 if self.pgconn is None else self.pgconn.socket

    def finish(self) -> None:
        """Free what it holds."""
        if self.pgconn is not None:
            self.pgconn.finish()


class Session:
    """A login at one server; when it is left (``with``), the socket is closed immediately.

    Attributes:
        stage: what is being waited for, in words for a deadline's detail.
    """

    _left: ClassVar[dict[str, Unread]] = {}
    """By target, the stage of a login that was abandoned."""

    def __init__(self, target: str, secrets: tuple[str, ...] = ()) -> None:
        self.stage = LOOKING_UP
        self._reason = FailureReason.TIMEOUT
        self._target = target
        self._secrets = secrets
        self._offload = Offload(target)
        self._attempt: _Attempt | None = None
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

    def overdue(self, seconds: float) -> Unread:
        """Return the failure of a poll whose deadline, of so many seconds, passed now."""
        return Unread(self._reason, f"no answer within {seconds:g} s while {self.stage}")

    async def run(
        self,
        endpoints: Sequence[Endpoint],
        parameters: Mapping[str, str],
        deadline: float,
        work: Work,
    ) -> None:
        """Log in at the first endpoint that answers, and do ``work`` there.

        Args:
            endpoints: at least one, in the order to be tried.
            parameters: libpq's, without host, hostaddr and port.
            deadline: by the event loop's clock; a silent address gets its share of what is left.
            work: the steps after the login, which yield as fetch() does; taken in a thread.

        Raises:
            PollFailed: no login succeeded; the failure is that of the last endpoint. Or raised by
                ``work``.
        """
        if not await self._offload.is_free(_SOON_SECONDS):
            raise PollFailed(self._left[self._target])
        loop = asyncio.get_running_loop()
        for index, endpoint in enumerate(endpoints):
            last = index == len(endpoints) - 1
            share = None if last else (deadline - loop.time()) / (len(endpoints) - index)
            try:
                async with asyncio.timeout(share) as limit:
                    await self._run(endpoint, parameters, work, None if last else limit)
            except TimeoutError:
                self._close(sever=True)
                if self._reason is not FailureReason.TIMEOUT:
                    # a file of the login cannot be read: the same would happen at every address
                    raise PollFailed(self.overdue(share or 0)) from None
                continue
            except PollFailed as failed:
                self._close(sever=True)
                if last or self._logged_in or failed.failure.reason not in _NEXT_ADDRESS:
                    raise
                continue
            except BaseException:
                # the deadline of the whole poll, or the end of the program
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
        self._wait_for(f"connecting to {endpoint.address or endpoint.host or 'the unix socket'}")
        where = {
            key: value
            for key, value in (
                ("host", endpoint.host),
                ("hostaddr", endpoint.address),
                ("port", endpoint.port),
            )
            if value
        }
        log_login(self._target, endpoint, parameters)
        self._received = Received()
        loop = asyncio.get_running_loop()

        def logged_in() -> None:
            self._logged_in = True
            if limit is not None:
                # it was the share of an address that does not answer
                loop.call_soon_threadsafe(_lift, limit)

        attempt = self._attempt = _Attempt()
        service = own_service()

        def work_through() -> Generator[bool, None, None]:
            pgconn = self._begin(attempt, {**parameters, **where}, service)
            yield from self._login(pgconn)
            logged_in()
            yield from work(pgconn)

        try:
            session = steps.Session(attempt.descriptor, self._count, attempt.finish)
            await steps.take(self._offload, session, work_through())
        except Error as error:
            raise PollFailed(self._lost(str(error))) from None

    def _begin(
        self, attempt: _Attempt, parameters: Mapping[str, str], service: Mapping[str, str]
    ) -> PGconn:
        """Begin to connect, in a thread: files are opened first, which may take any time."""
        connecting = self.stage

        def wait_for(stage: str, reason: FailureReason = FailureReason.TIMEOUT) -> None:
            if attempt.closed:
                raise PollFailed(Unread(reason, "the poll has ended"))
            self._wait_for(stage, reason)

        found = login_files.complete(parameters, service, wait_for)
        login = authenticated(parameters, found)
        self._scram_only = login.scram_only
        wait_for(connecting)
        pgconn = attempt.pgconn = pq.PGconn.connect_start(conninfo(login.parameters))
        if pgconn.status == ConnStatus.BAD:
            raise PollFailed(self._failed_connection(pgconn))
        if pgconn.password:
            # libpq may have found one itself (passfile, PGPASSWORD)
            self._secrets = (*self._secrets, pgconn.password.decode("utf-8", "backslashreplace"))
        libpq.report_sqlstate(pgconn)
        return pgconn

    def _wait_for(self, stage: str, reason: FailureReason = FailureReason.TIMEOUT) -> None:
        self.stage, self._reason = stage, reason

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
        # the socket is still open, so that a descriptor that was missing is still missing
        return failures.failed_connection(message, self._secrets, descriptors.shortage_now())

    def fetch(
        self,
        pgconn: PGconn,
        statements: Mapping[str, Statement],
        arrived: Callable[[str, Read[list[Row]]], None],
    ) -> Generator[bool, None, None]:
        """Send all statements together, each with its own sync point, and read all answers.

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
        log_questions(self._target, statements)
        pipeline.send(pgconn, statements.values())
        for name in statements:
            self.stage = f"reading {name}"
            rows = yield from pipeline.answer(pgconn, self._secrets)
            log_answer(self._target, name, rows)
            arrived(name, rows)
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
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        attempt.closed = True
        pgconn = attempt.pgconn
        # shut down first, so that libpq's Terminate cannot wait for a peer that does not read
        if sever and pgconn is not None and pgconn.status != ConnStatus.BAD:
            with suppress(OSError, Error):
                _sever(pgconn.socket)
        if self._offload.leave():
            self._left[self._target] = Unread(self._reason, _still(self.stage))
        else:
            attempt.finish()


def _still(stage: str) -> str:
    """Return why the exporter does not log in at a target again yet."""
    detail = f"an earlier poll has not ended yet: its session is still {stage}"
    if stage == _LOGGING_IN:
        # in SCRAM; a file that libpq opens may have become slow only then
        detail += (
            "; the server may cause long computing (it chooses how often the password is hashed)"
        )
    return detail


def _sever(descriptor: int) -> None:
    # not with a duplicate: there may be no descriptor left for it
    borrowed = socket.socket(fileno=descriptor)
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    finally:
        borrowed.detach()


def _lift(limit: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # the timeout has expired meanwhile
        limit.reschedule(None)
