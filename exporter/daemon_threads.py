"""Calls that may block for ever, in threads that nothing has to wait for.

A read from a file system that does not answer, a getaddrinfo() whose name server is silent and a
login that computes cannot be interrupted. They run in daemon threads: the caller stops waiting at
its deadline, and the end of the program waits for none of them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")

Job: TypeAlias = Callable[[], None]
"""Must not raise."""

_Jobs: TypeAlias = "SimpleQueue[Job]"

_MOST_IDLE = 8


class Threads:
    """Threads, of which a few are kept for the next job; each does one at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[_Jobs] = []
        self._lock = Lock()

    def do(self, job: Job) -> None:
        """Have a thread call ``job``.

        Raises:
            RuntimeError: no thread can be started.
        """
        try:
            jobs = self._idle.pop()
        except IndexError:
            jobs = SimpleQueue()
            Thread(target=self._serve, args=(jobs,), name=self._name, daemon=True).start()
        jobs.put(job)

    def _serve(self, jobs: _Jobs) -> None:
        while True:
            jobs.get()()
            with self._lock:
                if len(self._idle) >= _MOST_IDLE:
                    return
                self._idle.append(jobs)


class BoundedThreads:
    """A limited number of threads; jobs beyond it wait for their turn."""

    def __init__(self, name: str, most: int) -> None:
        self._threads = Threads(name)
        self._most = most
        self._busy = 0
        self._waiting: deque[Job] = deque()
        self._lock = Lock()

    def do(self, job: Job) -> None:
        """Have a thread call ``job``, now or when one is free.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._lock:
            if self._busy >= self._most:
                self._waiting.append(job)
                return
            self._threads.do(lambda: self._work(job))
            self._busy += 1

    def _work(self, job: Job) -> None:
        while True:
            job()
            with self._lock:
                if not self._waiting:
                    self._busy -= 1
                    return
                job = self._waiting.popleft()


_THREADS = Threads("call")
_under_way: set[Future[Any]] = set()


def start(step: Callable[[], T], threads: Threads | BoundedThreads = _THREADS) -> Future[T]:
    """Call ``step`` in a daemon thread; its result or exception comes with the future.

    Raises:
        RuntimeError: no thread can be started.
    """
    answer: Future[T] = Future()
    # from now on it cannot be cancelled: a caller that stops waiting does not stop the thread
    answer.set_running_or_notify_cancel()

    def work() -> None:
        try:
            result = step()
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            answer.set_exception(error)
        else:
            answer.set_result(result)
        finally:
            _under_way.discard(answer)

    _under_way.add(answer)
    try:
        threads.do(work)
    except RuntimeError:
        _under_way.discard(answer)
        raise
    return answer


def all_ended(within_seconds: float) -> bool:
    """Wait for the calls that are under way or wait for a thread; return whether all have ended."""
    return not wait(tuple(_under_way), within_seconds).not_done


async def call(step: Callable[[], T]) -> T:
    """Call ``step`` in a daemon thread and wait for it; the wait can be cancelled, the call not."""
    return await asyncio.wrap_future(start(step))


class SharedCalls(Generic[T]):
    """Calls in daemon threads, of which at most one is under way for each key.

    Callers that ask during the call wait for the same answer. So a call that blocks holds one
    thread, however often it is asked for.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Future[T]] = {}
        self._lock = Lock()

    async def call(
        self,
        key: Hashable,
        step: Callable[[], T],
        threads: Threads | BoundedThreads = _THREADS,
    ) -> T:
        """Return what ``step`` returns, or the call of the same key that is under way."""

        def work() -> T:
            try:
                return step()
            finally:
                with self._lock:
                    del self._under_way[key]

        with self._lock:
            answer = self._under_way.get(key)
            if answer is None:
                answer = self._under_way[key] = start(work, threads)
        return await asyncio.wrap_future(answer)
