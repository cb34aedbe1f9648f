"""Steps of a session that has to wait for its socket before each of them.

They run in a thread, which waits for the socket as long as the server answers quickly: a server
nearby has answered everything by then. Longer waits happen in the event loop, which costs more each
time, but needs no thread.
"""

import asyncio
import select
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from exporter.observe.postgres.session.offload import Offload

T = TypeVar("T")

_PATIENCE_MS = 50
"""How long a thread waits for one step."""

_PATIENT = 16
"""With more threads than this at work, they do not wait at all."""


@dataclass(frozen=True, slots=True)
class _Ended(Generic[T]):
    result: T


@dataclass(frozen=True, slots=True)
class Session:
    """The session that the steps belong to.

    Attributes:
        descriptor: returns the number of its socket.
        before: called with that number before a step, when the socket is ready for it.
        abandoned: called in the thread, after the step there, if nothing waits for it any more.
    """

    descriptor: Callable[[], int]
    before: Callable[[int], None]
    abandoned: Callable[[], None]


async def take(offload: Offload, session: Session, steps: Generator[bool, None, T]) -> T:
    """Take all steps and return what the last one returns; raises what a step raises.

    Args:
        offload: the threads.
        session: whose steps.
        steps: yield whether the socket must be writable for the next one.
    """
    ready = False
    while True:
        came = await offload.run(
            partial(_advance, offload, session, steps, ready), session.abandoned
        )
        if isinstance(came, _Ended):
            return came.result
        await _ready(session.descriptor(), write=came)
        ready = True


def _advance(
    offload: Offload,
    session: Session,
    steps: Generator[bool, None, T],
    ready: bool,  # noqa: FBT001  bound by partial()
    is_wanted: Callable[[], bool],
) -> _Ended[T] | bool:
    """Take steps as long as the socket is ready for the next one, or soon is.

    Returns:
        What the last step returns; or, if it has to be waited for, what the next one yielded.
    """
    patience = _PATIENCE_MS if offload.at_work <= _PATIENT else 0
    if ready:
        session.before(session.descriptor())
    try:
        while True:
            write = next(steps)
            descriptor = session.descriptor()
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN | (select.POLLOUT if write else 0))
            # what was received before the shutdown of a socket can still be read, at length
            if not waiting.poll(patience) or not is_wanted():
                return write
            session.before(descriptor)
    except StopIteration as end:
        return _Ended(end.value)


async def _ready(descriptor: int, *, write: bool) -> None:
    """Wait until the socket can be read, or also written when ``write``."""
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
