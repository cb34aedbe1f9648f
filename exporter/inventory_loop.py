"""When the files of the inventory are read, and what is logged of it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Thread
from typing import TypeVar

from exporter.certificate_store import CertificateStore
from exporter.model.inventory import Inventory, InventorySource
from exporter.observe.certificates.inventory import InventoryReader

T = TypeVar("T")

_LOG = logging.getLogger(__name__)


async def read_inventory_for_ever(
    sources: Sequence[InventorySource],
    store: CertificateStore,
    *,
    now: Callable[[], datetime],
    interval_seconds: float,
) -> None:
    """Read ``sources`` at their interval, in a thread, until cancelled.

    A file system that hangs holds up this loop alone.
    """
    loop = asyncio.get_running_loop()
    reader = InventoryReader(sources)
    while True:
        due = loop.time() + interval_seconds
        try:
            inventory = await _in_thread(lambda: reader.read(now()))
        except Exception:  # noqa: BLE001  a fault of ours must not end the reading
            _LOG.exception("the inventory could not be read by a fault in the exporter")
        else:
            tell_changes(store.inventory, inventory)
            store.inventory = inventory
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _in_thread(step: Callable[[], T]) -> T:
    """Run ``step`` in a thread that the end of the program does not wait for.

    A read on a file system that hangs cannot be interrupted.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(settle: Callable[[], None]) -> None:
        if not answer.done():
            settle()

    def work() -> None:
        settle: Callable[[], None]
        try:
            result = step()
        except Exception as error:  # noqa: BLE001  it is raised where it is waited for
            settle = partial(answer.set_exception, error)
        else:
            settle = partial(answer.set_result, result)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(deliver, settle)

    Thread(target=work, name="inventory", daemon=True).start()
    return await answer


def tell_changes(
    before: Inventory | None, inventory: Inventory, level: int = logging.WARNING
) -> None:
    """Log what is different from the reading before; a state that lasts is a metric.

    Args:
        before: what was read before; None if nothing was.
        inventory: what was read now.
        level: of what tells nothing, or not all.
    """
    known = set() if before is None else set(before.errors)
    for error in inventory.errors:
        if error not in known:
            detail = f" ({error.detail})" if error.detail else ""
            _LOG.log(
                level,
                "inventory=%s %s tells nothing, or not all: %s%s",
                error.source,
                error.path,
                error.reason.value,
                detail,
            )
    if before is None:
        _LOG.info("the inventory holds %d certificates", len(inventory.certificates))
