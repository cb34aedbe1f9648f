"""Steps of a session that has to wait for its socket before each of them.

They are taken in the callback of the socket, not in the task that waits for the last one: there is
a step for each answer, and two switches of tasks would cost more than most of them.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")

_NOTHING = -1


class Steps(Generic[T]):
    """Steps under way.

    Args:
        steps: yield whether the socket must be writable for the next one.
        descriptor: tells the socket's number.
        before: called with the number before a step, when the socket is ready for it.
    """

    def __init__(
        self,
        steps: Generator[bool, None, T],
        descriptor: Callable[[], int],
        before: Callable[[int], None],
    ) -> None:
        self._steps = steps
        self._descriptor = descriptor
        self._before = before
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[T] = self._loop.create_future()
        self._watched = _NOTHING
        self._writing = False

    async def take(self) -> T:
        """Take all steps and return what the last one returns; raises what a step raises."""
        try:
            self._step()
            return await self._ended
        finally:
            self._forget()

    def _step(self) -> None:
        if self._ended.done():
            return
        try:
            if self._watched != _NOTHING:
                self._before(self._watched)
            self._watch(write=next(self._steps))
        except StopIteration as end:
            self._forget()
            self._ended.set_result(end.value)
        except Exception as error:  # noqa: BLE001  raised again in the task that waits
            # at once: libpq may have closed the socket, whose number is anybody's by then
            self._forget()
            self._ended.set_exception(error)

    def _watch(self, *, write: bool) -> None:
        if self._watched == _NOTHING:
            self._watched = self._descriptor()
            self._loop.add_reader(self._watched, self._step)
        if write == self._writing:
            return
        self._writing = write
        if write:
            self._loop.add_writer(self._watched, self._step)
        else:
            self._loop.remove_writer(self._watched)

    def _forget(self) -> None:
        if self._watched == _NOTHING:
            return
        self._loop.remove_reader(self._watched)
        if self._writing:
            self._loop.remove_writer(self._watched)
        self._watched, self._writing = _NOTHING, False
