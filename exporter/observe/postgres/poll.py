"""One poll of one server: a fresh connection, everything in one pipelined round trip, the end.

A second round trip follows only if pg_hba.conf or pg_ident.conf contain regular expressions for
roles or databases (16 on), if files are not those that an earlier poll read, if the server is
not permitted to stat one of them, if there are many roles, or if EXECUTE on pg_control_system() was
revoked.
"""

import asyncio
from collections.abc import Callable, Generator
from datetime import datetime
from functools import partial

from psycopg.pq.abc import PGconn

from exporter.model.failure import FailureReason, Unread
from exporter.model.kept import Kept
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.observe.addresses import LOOKING_UP, endpoints, overdue
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.session import parameters as door
from exporter.observe.postgres.session.connection import Session
from exporter.observe.postgres.session.failures import PollFailed
from exporter.observe.postgres.session.statement import Context

OLDEST_SERVER = 130000

_NOTHING_KEPT = Kept()


async def observe(
    target: Target, *, now: Callable[[], datetime], kept: Kept = _NOTHING_KEPT
) -> Observation | Unread:
    """Poll one server once; ends within ``target.timeout_seconds`` whatever the server does.

    Args:
        target: where and how to log in.
        now: the clock, for the time the poll ended.
        kept: of the poll before, so that files which are as they were are not read again.

    Returns:
        What was read, with a reason for each thing that was not; or why nothing was read.
        When the poll is cut off, what had been read until then is kept.
    """
    clock = asyncio.get_running_loop().time
    started = clock()
    deadline = started + target.timeout_seconds
    password = await door.password_of(target, deadline)
    if isinstance(password, Unread):
        return password
    with Session(target.name, secrets=(password,)) as session:
        poll = _Poll(session, kept)
        try:
            async with asyncio.timeout_at(deadline):
                await poll.run(door.connection_parameters(target, password), deadline)
        except TimeoutError:
            failure = poll.overdue(target)
        except PollFailed as failed:
            failure = failed.failure
        else:
            failure = Unread(FailureReason.INTERNAL, "a statement was not sent")
        duration = clock() - started
        if poll.collection is None:
            return failure
        observation = partial(
            poll.collection.observation, target.name, failure, at=now(), duration_seconds=duration
        )
        # the rows of a poll that was cut off are interpreted only here
        return await asyncio.to_thread(observation) if poll.is_cut_off else observation()


class _Poll:
    """A poll under way.

    Attributes:
        collection: what has arrived; None before the login.
        is_cut_off: it did not end by itself.
    """

    def __init__(self, session: Session, kept: Kept) -> None:
        self.collection: Collection | None = None
        self.is_cut_off = False
        self._session = session
        self._kept = kept

    def overdue(self, target: Target) -> Unread:
        """Return the failure of a poll whose deadline passed now."""
        if self._session.stage == LOOKING_UP:
            return overdue(target.parameters.get("host", ""), target.timeout_seconds)
        return self._session.overdue(target.timeout_seconds)

    async def run(self, parameters: dict[str, str], deadline: float) -> None:
        """Log in and read everything.

        Args:
            parameters: libpq's.
            deadline: by the event loop's clock.

        Raises:
            PollFailed: not everything was read.
        """
        where = await endpoints(
            parameters.pop("host", ""),
            parameters.pop("hostaddr", ""),
            parameters.pop("port", ""),
        )
        if isinstance(where, Unread):
            raise PollFailed(where)
        try:
            await self._session.run(where, parameters, deadline, self._read)
        except BaseException:
            self.is_cut_off = True
            if self.collection is not None:
                # the thread may run on for a short time
                self.collection = self.collection.so_far()
            raise

    def _read(self, pgconn: PGconn) -> Generator[bool, None, None]:
        version = pgconn.server_version
        if version < OLDEST_SERVER:
            raise PollFailed(
                Unread(
                    FailureReason.UNSUPPORTED_SERVER,
                    f"server_version_num is {version}; 13 is the oldest that is supported",
                )
            )
        context = Context(
            version,
            pgconn.backend_pid,
            kept=self._kept,
            # it says at login (14 on) whether it is a standby
            may_receive=pgconn.parameter_status(b"in_hot_standby") != b"off",
        )
        collection = self.collection = Collection(context)
        statements = collection.first_statements()
        while statements:
            yield from self._session.fetch(pgconn, statements, collection.add)
            statements = collection.further_statements()
        collection.finish()
