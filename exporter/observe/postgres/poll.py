"""One poll of one server: a fresh connection, everything in one pipelined round trip, the end.

A second round trip follows only where pg_hba.conf or pg_ident.conf hold regular expressions that
roles or databases are held against (16 on), where files are not those that an earlier poll read,
where the server may not look at one of them, and where there are many roles.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.hba import FileTimes, LineTraits, ServerFile
from exporter.model.kept import Kept
from exporter.model.observation import Observation, RegularExpressionResult, Server
from exporter.model.target import Target
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.wal_sender import WalSender
from exporter.observe.addresses import endpoints
from exporter.observe.postgres import hba_lines, receiver, regular_expressions, tls_files
from exporter.observe.postgres import parameters as door
from exporter.observe.postgres.connection import Session
from exporter.observe.postgres.failures import PollFailed
from exporter.observe.postgres.file_times import FILE_TIMES, FILE_TIMES_ONE_BY_ONE
from exporter.observe.postgres.hba_lines import HBA_LINES
from exporter.observe.postgres.hba_rules import FILE_NAMES_ARE_TOLD, HBA_RULES
from exporter.observe.postgres.ident_mappings import IDENT_MAPPINGS
from exporter.observe.postgres.receiver import RECEIVER, RECEIVER_CERTIFICATE, FileRead
from exporter.observe.postgres.regular_expressions import REGULAR_EXPRESSIONS
from exporter.observe.postgres.role_memberships import (
    DIRECT_MEMBERSHIPS,
    FOLLOWED_MEMBERSHIPS,
    Memberships,
    follow,
)
from exporter.observe.postgres.server import SERVER, SYSTEM_IDENTIFIER, with_identifier
from exporter.observe.postgres.statement import Context, Reading, Row, Statement
from exporter.observe.postgres.tls_files import TLS_FILES
from exporter.observe.postgres.wal_senders import WAL_SENDERS

T = TypeVar("T")

FIRST_TRIP: tuple[Reading[object], ...] = (
    SERVER,
    WAL_SENDERS,
    HBA_RULES,
    IDENT_MAPPINGS,
    FILE_TIMES,
    DIRECT_MEMBERSHIPS,
    RECEIVER,
)
"""What a poll asks."""

OLDEST_SERVER = 130000

_IDENTIFIER = "system identifier"
_RECEIVER_CERTIFICATE = "receiver's certificate"
_OF_ONE_FILE = frozenset(
    {FailureReason.PERMISSION, FailureReason.FILE_MISSING, FailureReason.INTERNAL}
)
"""Why file_times() fails where the server may not look at a file."""

_FOLLOWED = "memberships of replicating roles"

_NOTHING_KEPT = Kept()
_NOTHING_TAKEN = (None, None, None)


async def observe(
    target: Target, *, now: Callable[[], datetime], kept: Kept = _NOTHING_KEPT
) -> Observation | Unread:
    """Poll one server once; ends within ``target.timeout_seconds`` whatever the server does.

    Args:
        target: where and how to log in.
        now: the clock, for the time the poll ended.
        kept: of the poll before, so that files which are as they were are not read again.

    Returns:
        What was read, with a reason for each thing that was not; or why there is nothing to tell.
        When the poll is cut off, what had been read until then is kept.
    """
    started = asyncio.get_running_loop().time()
    password = door.password_of(target)
    if isinstance(password, Unread):
        return password
    with Session(target.name, secrets=(password,)) as session:
        poll = _Poll(target, session, kept)
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

    def __init__(self, target: Target, session: Session, kept: Kept) -> None:
        self._target = target
        self._session = session
        self._context = Context(version=0, backend_pid=0, kept=kept)
        self._rows: dict[str, Read[list[Row]]] = {}
        self._taken: dict[str, tuple[object, Context, Any]] = {}
        self._server: Server | None = None
        self._expressions: Read[tuple[RegularExpressionResult, ...]] | None = None
        self._tls_files_read: Read[TlsFiles] | None = None
        self._certificate_read: Read[FileRead] | None = None

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
        self._context = replace(
            self._context, version=version, backend_pid=session.pgconn.backend_pid
        )
        asked = list(FIRST_TRIP)
        nothing: dict[str, Read[list[Row]]] = {}
        if session.pgconn.parameter_status(b"in_hot_standby") == b"off":
            # a primary, which says so at login (14 on), receives nothing
            asked.remove(RECEIVER)
            nothing = {RECEIVER.reader.value: []}
        server, *others = ((each.reader.value, each.statement(version)) for each in asked)
        # early, so that a poll that is cut off still tells whose server it was
        statements = dict((server, (_IDENTIFIER, SYSTEM_IDENTIFIER), *others))
        try:
            await session.fetch(statements)
        finally:
            self._rows = {**nothing, **dict(zip(statements, session.answered, strict=False))}
        await self._ask_further()

    async def _ask_further(self) -> None:
        """Ask what the first answers give reason to ask, if anything."""
        missing = Unread(FailureReason.INTERNAL, "not asked")
        if isinstance(self._learn_server(missing), Unread):
            return
        # first the files: they complete the context that the others are interpreted in
        statements = {
            **self._file_statements(missing),
            **self._expression_statements(missing),
            **self._membership_statements(missing),
        }
        if statements:
            try:
                await self._session.fetch(statements)
            finally:
                self._rows.update(zip(statements, self._session.answered, strict=False))
            # a large file, of a hostile server above all, must not hold up other targets
            await asyncio.to_thread(self._parse_files)

    def _expression_statements(self, missing: Unread) -> dict[str, Statement]:
        if self._context.version < regular_expressions.EXPRESSIONS_EXIST:
            self._expressions = ()
            return {}
        asked = regular_expressions.questions(
            self._take(HBA_RULES, missing),
            self._take(IDENT_MAPPINGS, missing),
            self._take(WAL_SENDERS, missing),
        )
        if isinstance(asked, Unread):
            self._expressions = asked
        elif not asked:
            self._expressions = ()
        else:
            return {REGULAR_EXPRESSIONS.reader.value: regular_expressions.statement(asked)}
        return {}

    def _membership_statements(self, missing: Unread) -> dict[str, Statement]:
        if self._take(DIRECT_MEMBERSHIPS, missing) is not None:
            return {}
        return {_FOLLOWED: FOLLOWED_MEMBERSHIPS.statement(self._context.version)}

    def _file_statements(self, missing: Unread) -> dict[str, Statement]:
        statements = {}
        file_times = self._learn_files(missing)
        if isinstance(file_times, Unread):
            if file_times.reason is FailureReason.NOT_INSTALLED:
                return {}
            if file_times.reason in _OF_ONE_FILE:
                statements[FILE_TIMES.reader.value] = FILE_TIMES_ONE_BY_ONE.statement(
                    self._context.version
                )
        if hba_lines.known(self._context) is None:
            statements[HBA_LINES.reader.value] = HBA_LINES.statement(self._context.version)
        if tls_files.known(self._context) is None:
            statements[TLS_FILES.reader.value] = TLS_FILES.statement(self._context.version)
        found = self._take(RECEIVER, missing)
        if isinstance(found, Receiver) and receiver.known(found, self._context) is None:
            statements[_RECEIVER_CERTIFICATE] = RECEIVER_CERTIFICATE.statement(
                self._context.version
            )
        return statements

    def _take(self, reading: Reading[T], missing: Unread) -> Read[T]:
        """Interpret what was read, once in a poll as long as neither it nor the context changes."""
        name = reading.reader.value
        rows = self._rows.get(name, missing)
        of_rows, of_context, taken = self._taken.get(name, _NOTHING_TAKEN)
        if of_rows is not rows or of_context is not self._context:
            taken = reading.take(rows, self._context)
            self._taken[name] = (rows, self._context, taken)
        return cast("Read[T]", taken)

    def _learn_server(self, missing: Unread) -> Read[Server]:
        """Interpret what tells what all the rest is interpreted by."""
        if self._server is None:
            read = self._take(SERVER, missing)
            if isinstance(read, Unread):
                return read
            self._server, self._context = read
        return self._server

    def _learn_files(self, missing: Unread) -> Read[tuple[FileTimes, ...]]:
        file_times = self._take(FILE_TIMES, missing)
        if not isinstance(file_times, Unread) and file_times != self._context.file_times:
            self._context = _with_files(self._context, file_times)
        return file_times

    def _regular_expressions(self, missing: Unread) -> Read[tuple[RegularExpressionResult, ...]]:
        return (
            self._take(REGULAR_EXPRESSIONS, missing)
            if self._expressions is None
            else self._expressions
        )

    def _parse_files(self) -> None:
        missing = Unread(FailureReason.INTERNAL, "not asked")
        if TLS_FILES.reader.value in self._rows:
            self._tls_files_read = tls_files.of_this_release(self._take(TLS_FILES, missing))
        rows = self._rows.get(_RECEIVER_CERTIFICATE)
        if rows is not None:
            self._certificate_read = tls_files.of_this_release(
                RECEIVER_CERTIFICATE.take(rows, self._context)
            )

    def _tls_files(self, missing: Unread) -> Read[TlsFiles]:
        kept = tls_files.known(self._context)
        if kept is not None:
            return kept
        return missing if self._tls_files_read is None else self._tls_files_read

    def _hba_lines(self, missing: Unread) -> Read[tuple[LineTraits, ...]]:
        known = hba_lines.known(self._context)
        return self._take(HBA_LINES, missing) if known is None else known

    def _role_memberships(
        self, wal_senders: Read[tuple[WalSender, ...]], missing: Unread
    ) -> Read[Memberships]:
        direct = self._take(DIRECT_MEMBERSHIPS, missing)
        if direct is None:
            return FOLLOWED_MEMBERSHIPS.take(self._rows.get(_FOLLOWED, missing), self._context)
        if isinstance(direct, Unread):
            return direct
        seen = () if isinstance(wal_senders, Unread) else wal_senders
        return follow(direct, {each.role for each in seen})

    def _receiver(self, missing: Unread, file_missing: Unread) -> Read[Receiver | None]:
        found = self._take(RECEIVER, missing)
        if not isinstance(found, Receiver):
            return found
        read = file_missing if self._certificate_read is None else self._certificate_read
        return receiver.known(found, self._context) or receiver.with_file(found, read)

    def observation(
        self, missing: Unread, *, at: datetime, duration_seconds: float
    ) -> Observation | Unread:
        """Return what was read; ``missing`` stands for everything that was not."""
        server = self._learn_server(missing)
        if isinstance(server, Unread):
            return server
        file_times = self._learn_files(missing)
        files_missing = file_times if isinstance(file_times, Unread) else missing
        wal_senders = self._take(WAL_SENDERS, missing)
        return Observation(
            target=self._target.name,
            at=at,
            duration_seconds=duration_seconds,
            server=with_identifier(server, self._rows.get(_IDENTIFIER, missing)),
            wal_senders=wal_senders,
            hba=self._take(HBA_RULES, missing),
            hba_lines=self._hba_lines(files_missing),
            hba_lines_of=hba_lines.read_of(self._context),
            ident=self._take(IDENT_MAPPINGS, missing),
            file_times=file_times,
            role_memberships=self._role_memberships(wal_senders, missing),
            regular_expressions=self._regular_expressions(missing),
            tls_files=self._tls_files(files_missing),
            receiver=self._receiver(missing, files_missing),
        )


def _with_files(context: Context, file_times: tuple[FileTimes, ...]) -> Context:
    """Add the times, and before 16 the names: the views do not tell them, the shipped SQL does."""
    context = replace(context, file_times=file_times)
    if context.version >= FILE_NAMES_ARE_TOLD:
        return context
    paths = {times.setting: times.path for times in file_times}
    return replace(
        context,
        hba_file=paths.get(ServerFile.HBA, context.hba_file),
        ident_file=paths.get(ServerFile.IDENT, context.ident_file),
    )
