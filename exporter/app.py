"""The composition: configuration, pollers, board and web server, and the clock they share."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exporter import descriptors, early_signals, logs
from exporter.board import Board
from exporter.config.faults import ConfigurationError, Fault
from exporter.config.loading import load_in_time
from exporter.config.settings import Settings
from exporter.daemon_threads import all_ended, call, start
from exporter.inventory_loop import log_changes, read_inventory_for_ever
from exporter.judging import Inputs, none_under_way
from exporter.model.inventory import InventorySource
from exporter.model.record import TargetRecord
from exporter.model.target import Target
from exporter.observe.certificates.files.inventory import InventoryReader
from exporter.observe.postgres.session.offload import Offload
from exporter.poller import Look, judge, look, poll_for_ever
from exporter.publish.http.connections import most_connections, warn_if_scarce
from exporter.publish.http.protocol import Limits
from exporter.publish.http.web import create_app, serving
from exporter.publish.metrics.catalog_exporter import ExporterState

_LOG = logging.getLogger(__name__)

AT_ONCE = 50
"""How many targets ``check`` polls at the same time."""

INVENTORY_SECONDS = 60.0
"""For all files of the inventory, in a command: many times what 10,000 take."""

_LAST_STEPS_SECONDS = 0.2
"""At the end of the program. A step whose socket was cut off ends well before this limit."""


def clock() -> datetime:
    """Return the present time. Nothing else reads the wall clock for judgement."""
    return datetime.now(UTC)


def program_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("pg-replication-cert-exporter")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Polled:
    """One target that was polled once.

    Attributes:
        inputs, judged_at: the inputs and the time of the judgement, enough to judge it again.
    """

    record: TargetRecord
    inputs: Inputs
    judged_at: datetime


def poll_all_once(
    targets: Sequence[Target], inventory: Sequence[InventorySource] = ()
) -> tuple[Polled, ...]:
    """Poll every target once, concurrently, and return the outcomes in the same order.

    All targets are read before any is judged, because the certificate that a standby will send to
    its primary is known from the poll of the standby.
    """
    board = Board(targets)
    if inventory:
        reading = start(partial(InventoryReader(inventory).read, clock()))
        wait([reading], INVENTORY_SECONDS)
        # the commands log errors only, and have no metric that reports the faults of files
        if reading.done():
            found = reading.result()
            log_changes(None, found, logging.ERROR)
            board.certificates.inventory = found
        else:
            _LOG.error("the inventory was not read within %g s: it is left out", INVENTORY_SECONDS)
    places = asyncio.Semaphore(AT_ONCE)

    descriptors.raise_limit()

    async def one(target: Target) -> Look:
        async with places:
            return await look(target, board, now=clock)

    async def everything() -> list[Look]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(target)) for target in targets]
        return [task.result() for task in tasks]

    def judged(looked: Look) -> Polled:
        judged_at = clock()
        inputs = judge(looked, board, now=lambda: judged_at)
        return Polled(board.record(looked.target.name), inputs, judged_at)

    return tuple([judged(looked) for looked in asyncio.run(everything())])


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
        self._reload_wanted = asyncio.Event()
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
        app = create_app(
            self._board.snapshot,
            lambda: replace(self._state, inventory=self._board.certificates.inventory),
            clock,
        )
        limits = Limits(most_connections=lambda: most_connections(len(self._targets)))
        async with serving(app, host, port, limits) as url, asyncio.TaskGroup() as group:
            # not before: listening may take long where the host is a name
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stopping.set)
            loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
            if early_signals.hangup_seen():
                self._reload_wanted.set()
            _LOG.info("listening on %s, polling %d targets", url, len(self._targets))
            _log_warnings(self._warnings)
            reloading = group.create_task(self._reload_for_ever(group), name="reload")
            self._start_reading_inventory(group)
            self._start_missing(group)
            await stopping.wait()
            for task in (*self._tasks.values(), self._reading_inventory, reloading):
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
        """Begin to read the configured files, instead of those configured before."""
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

    async def _reload_for_ever(self, group: asyncio.TaskGroup) -> None:
        """Load the configuration on each request; one with faults changes nothing.

        Requests that arrive during a reload lead to one further reload.
        """
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                settings = await call(partial(load_in_time, self._config_file))
            except ConfigurationError as error:
                for fault in error.faults:
                    _LOG.error("configuration not reloaded: %s", fault)
                self._state = ExporterState(
                    version=self._state.version,
                    config_reload_successful=False,
                    config_reloaded_at=self._state.config_reloaded_at,
                )
                continue
            before = {t.name: t for t in self._targets}
            # unchanged targets continue: their tasks and records refer to the old object
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
    """Return ``code``, or end the process with it immediately if a thread does not end.

    A login step, or a call that reads certificates, may compute inside of OpenSSL and cannot be
    interrupted. In a normal exit, OpenSSL's exit handler would free the memory that it uses, and
    the process would end with a segmentation fault.
    """
    ended = Offload.all_ended(_LAST_STEPS_SECONDS) and all_ended(_LAST_STEPS_SECONDS)
    if not (ended and none_under_way()):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    return code


def run(config_file: Path, settings: Settings, host: str, port: int) -> None:
    """Run the exporter until SIGTERM or SIGINT.

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

        try:
            asyncio.run(main())
        finally:
            # asyncio has restored the default handlers, which a second signal would reach
            early_signals.serve()
