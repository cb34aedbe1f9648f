"""Runs the steps of a login in threads, outside of the event loop.

In SCRAM the server chooses how often the password is hashed, and libpq sets no limit (4096 is
usual and takes some milliseconds; 2**31, which a hostile server may ask for, takes half an hour).
In TLS up to 1.2 it chooses the group of Diffie-Hellman; one of 10,000 bits takes seconds. And files
with certificates may be on a slow disk.
Such a step runs in a thread, outside of Python's lock. It cannot be interrupted: after the deadline
it is abandoned, and until it ends there is no further login at its target, so that one server can
occupy one thread and no more. Nor may the process exit normally meanwhile: OpenSSL's exit handler
would free the memory that the step uses (all_ended()).
A few threads are kept for the next login, as a new one costs more than most steps, above all within
OpenSSL, which gives each its own source of random numbers.

Source: fe-auth-scram.c, read_server_first_message() and scram_SaltedPassword().
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from exporter.daemon_threads import Threads

T = TypeVar("T")

_LOOKING_AGAIN_SECONDS = 0.01


Steps: TypeAlias = Callable[[Callable[[], bool]], T]
"""Called with a function that returns whether a caller still waits for them."""


class _Job(Generic[T]):
    """Steps on their way through a thread.

    Attributes:
        answer: what they return, or the exception that they raise.
    """

    def __init__(self, target: str, steps: Steps[T], afterwards: Callable[[], None]) -> None:
        self.target = target
        self._steps = steps
        self._afterwards = afterwards
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T | Exception] = self._loop.create_future()
        self._lock = Lock()
        self._running = True
        self.abandoned = False

    def work(self) -> None:
        """Take the steps, in the thread."""
        try:
            result: T | Exception = self._steps(lambda: not self.abandoned)
        except Exception as error:  # noqa: BLE001  raised again in the waiting coroutine
            result = error
        with self._lock:
            self._running = False
        if self.abandoned:
            self._afterwards()
        else:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._deliver, result)

    def _deliver(self, result: T | Exception) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def abandon(self) -> bool:
        """Return whether they still run, and have the thread clean up by itself if so."""
        with self._lock:
            self.abandoned = self._running
        return self.abandoned


class Offload:
    """The steps of one login in threads, some at a time."""

    _threads: ClassVar[Threads] = Threads("login")
    _under_way: ClassVar[set[_Job[Any]]] = set()
    """The steps of all targets that may still run; shared by the process, as the threads are."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._job: _Job[Any] | None = None

    @property
    def occupied(self) -> bool:
        """Whether a step of the target outlived its login and has not ended yet."""
        return any(job.abandoned and job.target == self._target for job in self._under_way.copy())

    @property
    def at_work(self) -> int:
        """How many threads are at work, for this login and all others."""
        return len(self._under_way)

    async def is_free(self, within_seconds: float) -> bool:
        """Wait for the steps of earlier logins of the target; return whether they have ended."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_seconds
        while self.occupied and loop.time() < ends_at:  # noqa: ASYNC110  the thread notifies no loop
            await asyncio.sleep(_LOOKING_AGAIN_SECONDS)
        return not self.occupied

    async def run(self, steps: Steps[T], afterwards: Callable[[], None]) -> T:
        """Take ``steps`` in a thread and return what they return; raises what they raise.

        Args:
            steps: one after the other.
            afterwards: called in the thread, after them, if nothing waits for them any more.
        """
        job: _Job[T] = _Job(self._target, steps, afterwards)
        self._job = job
        self._under_way.add(job)

        def work() -> None:
            try:
                job.work()
            finally:
                self._under_way.discard(job)

        try:
            self._threads.do(work)
        except RuntimeError:  # no thread to be had
            self._under_way.discard(job)
            self._job = None
            raise
        result = await job.answer
        if isinstance(result, Exception):
            raise result
        return result

    @classmethod
    def all_ended(cls, within_seconds: float) -> bool:
        """Wait for the steps of all targets that still run; return whether all have ended."""
        ends_at = monotonic() + within_seconds
        while cls._under_way and monotonic() < ends_at:
            sleep(_LOOKING_AGAIN_SECONDS)
        return not cls._under_way

    def leave(self) -> bool:
        """Stop waiting; return whether a step still runs, which will then clean up by itself."""
        return self._job is not None and self._job.abandon()
