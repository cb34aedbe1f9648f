"""When the files of the inventory are read, and what is logged of it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from exporter.certificate_store import CertificateStore
from exporter.daemon_threads import call
from exporter.model.inventory import Inventory, InventorySource
from exporter.observe.certificates.files.inventory import InventoryReader

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
            inventory = await call(lambda: reader.read(now()))
        except Exception:  # noqa: BLE001  a fault in the exporter must not end the loop
            _LOG.exception("the inventory could not be read because of a fault in the exporter")
        else:
            log_changes(store.inventory, inventory)
            store.inventory = inventory
        await asyncio.sleep(max(0.0, due - loop.time()))


def log_changes(
    before: Inventory | None, inventory: Inventory, level: int = logging.WARNING
) -> None:
    """Log what differs from the previous reading; a lasting state is shown by metrics.

    Args:
        before: the previous reading; None if there is none.
        inventory: what was read now.
        level: for files that could not be read completely.
    """
    known = set() if before is None else set(before.errors)
    for error in inventory.errors:
        if error not in known:
            detail = f" ({error.detail})" if error.detail else ""
            _LOG.log(
                level,
                "inventory=%s %s could not be read completely: %s%s",
                error.source,
                error.path,
                error.reason.value,
                detail,
            )
    if before is None:
        _LOG.info("the inventory holds %d certificates", len(inventory.certificates))
