"""The composition: configuration, pollers, board and web server, and the clock they share."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exporter import descriptors, logs
from exporter.board import Board
from exporter.config.faults import ConfigurationError, Fault
from exporter.config.loading import load
from exporter.config.settings import Settings
from exporter.inventory_loop import read_inventory_for_ever, tell_changes
from exporter.judging import none_under_way
from exporter.model.inventory import InventorySource
from exporter.model.record import TargetRecord
from exporter.model.target import Target
from exporter.observe.certificates.inventory import InventoryReader
from exporter.observe.postgres.offload import Offload
from exporter.poller import Look, judge, look, poll_for_ever
from exporter.publish.catalog_exporter import ExporterState
from exporter.publish.connections import most_connections, warn_if_scarce
from exporter.publish.protocol import Limits
from exporter.publish.web import create_app, serving

_LOG = logging.getLogger(__name__)

AT_ONCE = 50
"""How many targets ``check`` polls at the same time."""

_LAST_STEPS_SECONDS = 0.2
"""At the end: a step that waits for its socket, which was cut off, ends well before."""


def clock() -> datetime:
    """Return the present moment: the only place that reads the wall clock for judgement."""
    return datetime.now(UTC)


def program_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("pg-replication-cert-exporter")
    except PackageNotFoundError:
        return "unknown"


def poll_all_once(
    targets: Sequence[Target], inventory: Sequence[InventorySource] = ()
) -> tuple[TargetRecord, ...]:
    """Poll every target once, side by side, and return the records.

    All are read before any is judged: what a standby will show is known from the standby.
    """
    board = Board(targets)
    if inventory:
        found = InventoryReader(inventory).read(clock())
        # the commands log errors only, and have no metric that tells
        tell_changes(None, found, logging.ERROR)
        board.certificates.inventory = found
    places = asyncio.Semaphore(AT_ONCE)

    descriptors.raise_limit()

    async def one(target: Target) -> Look:
        async with places:
            return await look(target, board, now=clock)

    async def everything() -> list[Look]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(target)) for target in targets]
        return [task.result() for task in tasks]

    for looked in asyncio.run(everything()):
        judge(looked, board, now=clock)
    return board.snapshot()


class Exporter:
    """The long-running program."""

    def __init__(self, config_file: Path, settings: Settings) -> None:
        self._config_file = config_file
        self._targets = settings.targets
        self._warnings = settings.warnings
        self._inventory = settings.inventory
        self._inventory_interval_seconds = settings.inventory_interval_seconds
        self._reading_inventory: asyncio.Task[None] | None = None
        self._board = Board(settings.targets)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reloading = asyncio.Lock()
        self._state = ExporterState(
            version=program_version(), config_reload_successful=True, config_reloaded_at=clock()
        )

    async def run(self, host: str, port: int) -> None:
        """Poll and serve until SIGTERM or SIGINT; SIGHUP reloads the configuration.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        app = create_app(
            self._board.snapshot,
            lambda: replace(self._state, inventory=self._board.certificates.inventory),
            clock,
        )
        limits = Limits(most_connections=lambda: most_connections(len(self._targets)))
        async with serving(app, host, port, limits) as url, asyncio.TaskGroup() as group:
            _LOG.info("listening on %s, polling %d targets", url, len(self._targets))
            _log_warnings(self._warnings)
            loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(self._reload(group)))
            self._start_reading_inventory(group)
            self._start_missing(group)
            await stopping.wait()
            loop.remove_signal_handler(signal.SIGHUP)
            for task in (*self._tasks.values(), self._reading_inventory):
                if task is not None:
                    task.cancel()
            _LOG.info("stopped")

    def _start_missing(self, group: asyncio.TaskGroup) -> None:
        for target in self._targets:
            if target.name not in self._tasks:
                self._tasks[target.name] = group.create_task(
                    poll_for_ever(target, self._board, now=clock, fleet=len(self._targets)),
                    name=f"poll {target.name}",
                )

    def _start_reading_inventory(self, group: asyncio.TaskGroup) -> None:
        """Begin to read the configured files, in place of those configured before."""
        if self._reading_inventory is not None:
            self._reading_inventory.cancel()
            self._reading_inventory = None
            self._board.certificates.inventory = None
        if self._inventory:
            self._reading_inventory = group.create_task(
                read_inventory_for_ever(
                    self._inventory,
                    self._board.certificates,
                    now=clock,
                    interval_seconds=self._inventory_interval_seconds,
                ),
                name="read the inventory",
            )

    async def _reload(self, group: asyncio.TaskGroup) -> None:
        """Take over the configuration as it is on disk now; a faulty one changes nothing."""
        async with self._reloading:
            try:
                settings = await asyncio.to_thread(load, self._config_file)
            except ConfigurationError as error:
                for fault in error.faults:
                    _LOG.error("configuration not reloaded: %s", fault)
                self._state = ExporterState(
                    version=self._state.version,
                    config_reload_successful=False,
                    config_reloaded_at=self._state.config_reloaded_at,
                )
                return
            before = {t.name: t for t in self._targets}
            # what did not change goes on undisturbed, under the object that it is known by
            self._targets = tuple(
                before[t.name] if before.get(t.name) == t else t for t in settings.targets
            )
            kept = {t.name for t in self._targets if before.get(t.name) is t}
            for name in [n for n in self._tasks if n not in kept]:
                self._tasks.pop(name).cancel()
            self._board.configure(self._targets)
            inventory = (settings.inventory, settings.inventory_interval_seconds)
            if inventory != (self._inventory, self._inventory_interval_seconds):
                self._inventory, self._inventory_interval_seconds = inventory
                self._start_reading_inventory(group)
            self._start_missing(group)
            self._state = ExporterState(
                version=self._state.version,
                config_reload_successful=True,
                config_reloaded_at=clock(),
            )
            _LOG.info("configuration reloaded: %d targets", len(self._targets))
            _log_warnings(settings.warnings)


def _log_warnings(warnings: Sequence[Fault]) -> None:
    for warning in warnings:
        _LOG.warning("configuration: %s", warning)


def leave(code: int) -> int:
    """Return ``code``, or end the process with it at once where a login step does not end.

    Such a step computes inside of OpenSSL, beyond anybody's reach. In the usual way out, OpenSSL's
    exit handler would free what it works with, and the process end by a segmentation fault.
    """
    if not (Offload.all_ended(_LAST_STEPS_SECONDS) and none_under_way()):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    return code


def run(config_file: Path, settings: Settings, host: str, port: int) -> None:
    """Run the exporter until it is told to stop.

    Raises:
        OSError: the address cannot be listened on.
    """
    descriptors.raise_limit()
    warn_if_scarce(len(settings.targets))
    with ThreadPoolExecutor(thread_name_prefix="exporter") as threads:

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(threads)
            loop.set_exception_handler(logs.log_loop_fault)
            await Exporter(config_file, settings).run(host, port)

        asyncio.run(main())
