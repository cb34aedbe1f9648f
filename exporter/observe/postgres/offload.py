"""Steps of a login that may compute for long, away from the event loop.

In SCRAM the server chooses how often the password is hashed, and libpq sets no limit (4096 is
usual and takes some milliseconds; 2**31, which a hostile server may ask for, takes half an hour).
In TLS up to 1.2 it chooses the group of Diffie-Hellman; one of 10,000 bits takes seconds.
Such a step runs in a thread of its own, outside of Python's lock. It cannot be interrupted: after
the deadline it is left alone, and until it ends its target is not logged into again, so that one
server can occupy one thread and no more. Nor may the process end in the usual way meanwhile:
OpenSSL's own exit handler would free what the step works with (all_ended()).

Source: fe-auth-scram.c, read_server_first_message() and scram_SaltedPassword().
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic
from typing import ClassVar, TypeVar

T = TypeVar("T")


class Offload:
    """One uninterruptible step at a time of one login."""

    _abandoned: ClassVar[set[str]] = set()
    """Targets with a step that outlived its poll: of the process, as the threads are."""
    _threads: ClassVar[set[Thread]] = set()
    """Of all steps, as far as they may still run."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._lock = Lock()
        self._running = False
        self._left = False

    @property
    def occupied(self) -> bool:
        """Whether a step of an earlier poll of the target has not ended yet."""
        return self._target in self._abandoned

    async def run(self, step: Callable[[], T], afterwards: Callable[[], None]) -> T:
        """Run ``step`` in a thread and return its result.

        Args:
            step: must not raise.
            afterwards: run in the thread, after the step, if nobody waits for it any more.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def deliver(result: T) -> None:
            if not answer.done():
                answer.set_result(result)

        def work() -> None:
            result = step()
            with self._lock:
                self._running = False
                left = self._left
            if left:
                self._abandoned.discard(self._target)
                afterwards()
            else:
                with suppress(RuntimeError):  # the loop was closed meanwhile
                    loop.call_soon_threadsafe(deliver, result)

        self._running = True
        thread = Thread(target=work, name=f"login {self._target}", daemon=True)
        self._threads.difference_update([t for t in self._threads if not t.is_alive()])
        self._threads.add(thread)
        thread.start()
        return await answer

    @classmethod
    def all_ended(cls, within_seconds: float) -> bool:
        """Wait for the steps of all targets that still run; return whether all have ended."""
        ends_at = monotonic() + within_seconds
        for thread in cls._threads:
            thread.join(max(0.0, ends_at - monotonic()))
        return not any(thread.is_alive() for thread in cls._threads)

    def leave(self) -> bool:
        """Stop waiting; return whether a step still runs, which will then clean up by itself."""
        with self._lock:
            self._left = self._running
            if self._left:
                self._abandoned.add(self._target)
            return self._left
