"""Loads config.yml and the files it names: returns settings, or raises all faults."""

import os
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from exporter.config.checking import check
from exporter.config.document import Document, read_document
from exporter.config.faults import ConfigurationError, Fault, KeyPath
from exporter.config.inventory import read_inventory
from exporter.config.login import LoginReader
from exporter.config.models import same_named
from exporter.config.policies import policy, repeated_exemptions
from exporter.config.served_certificates import served_certificate
from exporter.config.settings import Settings
from exporter.config.shapes import (
    ConfigurationShape,
    DefaultsShape,
    PolicyShape,
    TargetsFileShape,
    TargetShape,
)
from exporter.config.target_files import find_target_files
from exporter.config.unverified import unverified_server
from exporter.daemon_threads import start
from exporter.model.target import Target

STEP_SECONDS = 30.0
"""For one file, or for the files of one target."""

ALL_SECONDS = 300.0
"""For all files of a configuration: 40,000 targets take a tenth of it."""

MOST_BLOCKED = 4
"""Readings that may be blocked by a file system at the same time."""

_blocked: list[Future[Settings]] = []


def load_in_time(
    path: Path, *, step_seconds: float = STEP_SECONDS, all_seconds: float = ALL_SECONDS
) -> Settings:
    """Read the configuration as load() does, but wait for no file longer than a while.

    A file system that does not answer blocks a thread, not the program.

    Raises:
        ConfigurationError: with every fault of every file, or with what was not read in time.
    """
    _blocked[:] = [reading for reading in _blocked if not reading.done()]
    if len(_blocked) >= MOST_BLOCKED:
        message = f"is not read: {MOST_BLOCKED} earlier readings of it have not ended yet"
        raise ConfigurationError((Fault(path, 0, message),))
    loading = _Loading(os.environ, path)
    reading = start(partial(_load, loading))
    ends_at = monotonic() + all_seconds
    while True:
        current, began = loading.current, monotonic()
        try:
            return reading.result(min(step_seconds, ends_at - began))
        except TimeoutError:
            if reading.done():
                return reading.result()
            if loading.current is current or monotonic() >= ends_at:
                _blocked.append(reading)
                fault = loading.overdue(monotonic() - began)
                raise ConfigurationError((fault,)) from None


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration in ``path`` and everything that it names.

    Secrets are read to check that they can be, and are not kept. Only their places are kept,
    except for a password that is written in clear text.

    Args:
        path: of the main file; what it names is relative to its folder.
        environment: where the variables of ``password_env`` are looked up.

    Raises:
        ConfigurationError: with every fault of every file.
    """
    return _load(_Loading(environment, path))


def _load(loading: "_Loading") -> Settings:
    settings = loading.main_file()
    if loading.faults or settings is None:
        raise ConfigurationError(loading.sorted_faults())
    return settings


@dataclass(slots=True)
class _Loading:
    """One reading of all files.

    Attributes:
        path: of the main file.
        current: the file that is being read or checked; and, for files that are named in
            a file that was read, where they are named.
    """

    environment: Mapping[str, str]
    path: Path
    current: Path | tuple[Document, KeyPath] = field(init=False)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    sources: list[Path] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def sorted_faults(self) -> tuple[Fault, ...]:
        """Return each fault once, by file in reading order, then by line."""
        order = {file: position for position, file in enumerate(self.sources)}
        return tuple(
            sorted(dict.fromkeys(self.faults), key=lambda fault: (order[fault.file], fault.line))
        )

    def __post_init__(self) -> None:
        self.current = self.path

    def overdue(self, seconds: float) -> Fault:
        """Return the fault of what was still being read after ``seconds``."""
        match self.current:
            case (document, path):
                message = (
                    f"names a file or directory that was not read within {round(seconds, 1):g} s"
                )
                return document.fault(path, message)
            case file:
                return Fault(file, 0, f"was not read within {round(seconds, 1):g} s")

    def main_file(self) -> Settings | None:
        """Return the settings in the main file and the files it names; valid only if faultless."""
        document = self._read(self.path)
        if document is None:
            return None
        shape, failed = check(ConfigurationShape, document, (), document.value, self.faults)
        defaults = self._defaults(document, shape.defaults)
        targets = self._targets(document, shape.targets, defaults)
        before = len(self.faults)
        self.current = document, ("targets_from",)
        for file in find_target_files(document, shape.targets_from, self.faults):
            targets += self._targets_file(file, defaults)
        # A file that cannot be read, or a list that is none, may hold the targets.
        all_read = len(self.faults) == before and not failed & {"targets", "targets_from"}
        if not targets and all_read:
            self.faults.append(
                document.fault(("targets",), "no target is configured: write at least one")
            )
        self.current = document, ("inventory",)
        return Settings(
            targets=tuple(targets),
            sources=tuple(self.sources),
            inventory=read_inventory(document, shape.inventory, self.environment, self.faults),
            inventory_interval_seconds=shape.inventory_interval,
            warnings=tuple(self.warnings),
        )

    def _targets_file(self, file: Path, defaults: DefaultsShape) -> list[Target]:
        document = self._read(file)
        if document is None:
            return []
        shape, _ = check(TargetsFileShape, document, (), document.value, self.faults)
        return self._targets(document, shape.targets, defaults)

    def _read(self, file: Path) -> Document | None:
        self.sources.append(file)
        self.current = file
        document, faults = read_document(file)
        self.faults += faults
        return document

    def _defaults(self, document: Document, value: object) -> DefaultsShape:
        at: KeyPath = ("defaults",)
        self.current = document, at
        shape, failed = check(DefaultsShape, document, at, value, self.faults)
        self._check_times(document, at, shape, shape, failed)
        self.faults += repeated_exemptions(document, (*at, "policy"), shape.policy, PolicyShape())
        return shape

    def _targets(
        self, document: Document, entries: list[object], defaults: DefaultsShape
    ) -> list[Target]:
        return [
            self._target(document, ("targets", position), entry, defaults)
            for position, entry in enumerate(entries)
        ]

    def _target(
        self, document: Document, path: KeyPath, entry: object, defaults: DefaultsShape
    ) -> Target:
        self.current = document, path
        shape, failed = check(TargetShape, document, path, entry, self.faults)
        if shape.name:
            self._unique_name(document, path, shape.name)
        merged = shape.over(defaults)
        self._check_times(document, path, shape, merged, failed)
        reader = LoginReader(document, path, shape, failed, self.environment)
        login = reader.read() if isinstance(entry, Mapping) else None
        self.faults += reader.faults
        # libpq is asked only about what it can read
        if login and not failed and not reader.faults:
            warning = unverified_server(document, path, shape, login)
            self.warnings += [warning] if warning else []
        self.faults += repeated_exemptions(
            document, (*path, "policy"), shape.policy, defaults.policy
        )
        parameters = login.parameters if login else {}
        return Target(
            parameters=parameters,
            password=login.password if login else None,
            policy=policy(merged.policy),
            served_certificate=served_certificate(merged.served_certificate, parameters),
            **same_named(merged, Target, "parameters", "password", "policy", "served_certificate"),
        )

    def _unique_name(self, document: Document, path: KeyPath, name: str) -> None:
        place = (*path, "name")
        if name in self.names:
            first = self.names[name]
            self.faults.append(
                document.fault(place, f"is taken by {first}: every target needs its own name")
            )
            return
        line = document.fault(place, "").line
        at = ".".join(str(key) for key in path)
        self.names[name] = f"{at} in {document.file}:{line}"

    def _check_times(
        self,
        document: Document,
        path: KeyPath,
        own: DefaultsShape,
        merged: DefaultsShape,
        failed: frozenset[str],
    ) -> None:
        """Check that a poll ends before the next one starts; report the key that was written."""
        keys = own.model_fields_set & {"interval", "timeout"}
        if not keys or failed & {"interval", "timeout"} or merged.timeout <= merged.interval:
            return
        if "timeout" in keys:
            key = "timeout"
            message = f"must not be longer than the interval, which is {merged.interval:g}s"
        else:
            key = "interval"
            message = (
                f"must not be shorter than the timeout, which is {merged.timeout:g}s: write both"
            )
        self.faults.append(document.fault((*path, key), message))
