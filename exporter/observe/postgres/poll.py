"""One poll of one server: a fresh connection, everything in one pipelined round trip, the end.

A second round trip follows only where pg_hba.conf holds regular expressions (16 on).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.hba import FileTimes, ServerFile
from exporter.model.observation import Observation, RegularExpressionResult
from exporter.model.target import Target
from exporter.observe.postgres import parameters as door
from exporter.observe.postgres import regular_expressions
from exporter.observe.postgres.addresses import endpoints
from exporter.observe.postgres.connection import Session
from exporter.observe.postgres.failures import PollFailed
from exporter.observe.postgres.file_times import FILE_TIMES
from exporter.observe.postgres.hba_lines import HBA_LINES
from exporter.observe.postgres.hba_rules import FILE_NAMES_ARE_TOLD, HBA_RULES
from exporter.observe.postgres.ident_mappings import IDENT_MAPPINGS
from exporter.observe.postgres.regular_expressions import REGULAR_EXPRESSIONS
from exporter.observe.postgres.role_memberships import ROLE_MEMBERSHIPS
from exporter.observe.postgres.server import SERVER, SYSTEM_IDENTIFIER, with_identifier
from exporter.observe.postgres.statement import Context, Reading, Row
from exporter.observe.postgres.wal_senders import WAL_SENDERS

T = TypeVar("T")

READERS: tuple[Reading[object], ...] = (
    SERVER,
    WAL_SENDERS,
    HBA_RULES,
    HBA_LINES,
    IDENT_MAPPINGS,
    FILE_TIMES,
    ROLE_MEMBERSHIPS,
    REGULAR_EXPRESSIONS,
)
"""Everything that is read; the last asks about what the others found."""

FIRST_TRIP = READERS[:-1]

OLDEST_SERVER = 130000

_IDENTIFIER = "system identifier"


async def observe(target: Target, *, now: Callable[[], datetime]) -> Observation | Unread:
    """Poll one server once; ends within ``target.timeout_seconds`` whatever the server does.

    Args:
        target: where and how to log in.
        now: the clock, for the time the poll ended.

    Returns:
        What was read, with a reason for each thing that was not; or why there is nothing to tell.
        When the poll is cut off, what had been read until then is kept.
    """
    started = asyncio.get_running_loop().time()
    password = door.password_of(target)
    if isinstance(password, Unread):
        return password
    with Session(target.name, secrets=(password,)) as session:
        poll = _Poll(target, session)
        try:
            async with asyncio.timeout(target.timeout_seconds):
                await poll.run(door.connection_parameters(target, password))
        except TimeoutError:
            failure = Unread(
                FailureReason.TIMEOUT,
                f"no answer within {target.timeout_seconds:g} s while {session.stage}",
            )
        except PollFailed as failed:
            failure = failed.failure
        else:
            failure = Unread(FailureReason.INTERNAL, "a statement was not sent")
        duration = asyncio.get_running_loop().time() - started
        return poll.observation(failure, at=now(), duration_seconds=duration)


class _Poll:
    """What has arrived so far."""

    def __init__(self, target: Target, session: Session) -> None:
        self._target = target
        self._session = session
        self._context = Context(version=0, backend_pid=0)
        self._rows: dict[str, Read[list[Row]]] = {}
        self._expressions: Read[tuple[RegularExpressionResult, ...]] | None = None

    async def run(self, parameters: dict[str, str]) -> None:
        """Log in and read everything."""
        where = await endpoints(
            parameters.pop("host", ""),
            parameters.pop("hostaddr", ""),
            parameters.pop("port", ""),
        )
        if isinstance(where, Unread):
            raise PollFailed(where)
        session = self._session
        await session.connect(where, parameters, self._target.timeout_seconds)
        version = session.pgconn.server_version
        if version < OLDEST_SERVER:
            raise PollFailed(
                Unread(
                    FailureReason.UNSUPPORTED_SERVER,
                    f"server_version_num is {version}; 13 is the oldest that is supported",
                )
            )
        self._context = Context(version=version, backend_pid=session.pgconn.backend_pid)
        server, *others = ((each.reader.value, each.statement(version)) for each in FIRST_TRIP)
        # early, so that a poll that is cut off still tells whose server it was
        statements = dict((server, (_IDENTIFIER, SYSTEM_IDENTIFIER), *others))
        try:
            await session.fetch(statements)
        finally:
            self._rows = dict(zip(statements, session.answered, strict=False))
        if version >= regular_expressions.EXPRESSIONS_EXIST:
            await self._ask_expressions()
        else:
            self._expressions = ()

    async def _ask_expressions(self) -> None:
        missing = Unread(FailureReason.INTERNAL, "not asked")
        server = self._take(SERVER, missing)
        if isinstance(server, Unread):
            return
        _, context = server
        self._context = context
        asked = regular_expressions.questions(
            self._take(HBA_RULES, missing), self._take(WAL_SENDERS, missing)
        )
        if isinstance(asked, Unread):
            self._expressions = asked
        elif not asked:
            self._expressions = ()
        else:
            name = REGULAR_EXPRESSIONS.reader.value
            (rows,) = await self._session.fetch({name: regular_expressions.statement(asked)})
            self._expressions = REGULAR_EXPRESSIONS.take(rows, self._context)

    def _take(self, reading: Reading[T], missing: Unread) -> Read[T]:
        return reading.take(self._rows.get(reading.reader.value, missing), self._context)

    def observation(
        self, missing: Unread, *, at: datetime, duration_seconds: float
    ) -> Observation | Unread:
        """Return what was read; ``missing`` stands for everything that was not."""
        read = self._take(SERVER, missing)
        if isinstance(read, Unread):
            return read
        server, self._context = read
        file_times = self._take(FILE_TIMES, missing)
        if not isinstance(file_times, Unread):
            self._context = _with_file_names(self._context, file_times)
        return Observation(
            target=self._target.name,
            at=at,
            duration_seconds=duration_seconds,
            server=with_identifier(server, self._rows.get(_IDENTIFIER, missing)),
            wal_senders=self._take(WAL_SENDERS, missing),
            hba=self._take(HBA_RULES, missing),
            hba_lines=self._take(HBA_LINES, missing),
            ident=self._take(IDENT_MAPPINGS, missing),
            file_times=file_times,
            role_memberships=self._take(ROLE_MEMBERSHIPS, missing),
            regular_expressions=missing if self._expressions is None else self._expressions,
        )


def _with_file_names(context: Context, file_times: tuple[FileTimes, ...]) -> Context:
    """Before 16 the views do not tell file names; the shipped function knows them."""
    if context.version >= FILE_NAMES_ARE_TOLD:
        return context
    paths = {times.setting: times.path for times in file_times}
    return replace(
        context,
        hba_file=paths.get(ServerFile.HBA, context.hba_file),
        ident_file=paths.get(ServerFile.IDENT, context.ident_file),
    )
