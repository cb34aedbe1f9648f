"""Finds the files that the paths of an inventory source name, without opening them.

A folder is searched recursively and links to folders are followed; each folder is searched once, so
that a loop ends. Names that begin with two dots are skipped: Kubernetes keeps the versions of a
mounted secret under such names, and links to them from the names that are meant.
"""

import glob
import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

from exporter.model.inventory import InventoryFault
from exporter.observe.certificates.files.file_reading import (
    FileFault,
    FileState,
    Refused,
    fault_of,
    file_state,
)

MOST_ENTRIES = 100_000
"""Files and folders that are checked for one source."""
DEEPEST = 16
"""Folders within folders."""

_ANY_DEPTH = "**"
_VERSIONS = ".."
_LOOP = FileFault(InventoryFault.LOOP, "leads back to a folder above it")
_TOO_DEEP = FileFault(InventoryFault.TOO_MANY, f"lies below {DEEPEST} folders")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file.

    Attributes:
        named: by a path without wildcards.
    """

    state: FileState
    named: bool


@dataclass(slots=True)
class Found:
    """What was found for one source.

    Attributes:
        files: by path.
        faults: by path.
    """

    files: dict[str, FoundFile] = field(default_factory=dict)
    faults: dict[str, FileFault] = field(default_factory=dict)


class _Exhausted(Exception):  # noqa: N818  it ends a search and is not an error
    """One source has more files and folders than are checked."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What a folder holds, in order of names.

    Attributes:
        cut: there is more, and the search ends with it.
    """

    path: str
    entries: tuple[os.DirEntry[str], ...] = ()
    cut: bool = False


def find(paths: Iterable[str]) -> Found:
    """Return what ``paths`` name.

    Args:
        paths: absolute: files, folders, and patterns with ``*``, ``?``, ``[...]`` and, for any
            number of folders, ``**``.
    """
    search = _Search()
    for path in paths:
        try:
            search.look(path)
        except _Exhausted:
            # files that are named are read all the same
            search.found.faults[path] = FileFault(
                InventoryFault.TOO_MANY, f"more than {MOST_ENTRIES} files and folders"
            )
    return search.found


class _Search:
    """One search; one limit for all paths."""

    def __init__(self) -> None:
        self.found = Found()
        self._left = MOST_ENTRIES

    def look(self, path: str) -> None:
        """Add what ``path`` names.

        Raises:
            _Exhausted: the limit is reached.
        """
        parts = Path(path).parts
        fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        try:
            status = Path(*parts[:fixed]).stat()
        except (OSError, ValueError) as error:
            self.found.faults[path] = fault_of(error)
            return
        if fixed < len(parts):
            self._pattern(str(Path(*parts[:fixed])), _pattern_parts(parts[fixed:]))
        elif stat.S_ISDIR(status.st_mode):
            self._folder(path)
        else:
            self._file(path, status, named=True)

    def _folder(self, path: str) -> None:
        for folder in self._folders(path):
            for entry in folder.entries:
                if not _is_folder(entry):
                    self._entry(entry)

    def _pattern(self, folder: str, parts: Sequence[str]) -> None:
        if parts[0] == _ANY_DEPTH:
            for below in self._folders(folder, dotted=False):
                self._pattern_in(below, parts[1:])
        else:
            self._pattern_in(self._listed(folder), parts)

    def _pattern_in(self, folder: _Folder, parts: Sequence[str]) -> None:
        head, *rest = parts
        for entry in folder.entries:
            if _matches(head, entry.name):
                if not _is_folder(entry):
                    if not rest:
                        self._entry(entry)
                elif rest:
                    self._pattern(entry.path, rest)
        if folder.cut:
            raise _Exhausted

    def _folders(self, top: str, *, dotted: bool = True) -> Iterator[_Folder]:
        """Return ``top`` and all folders below it.

        Args:
            top: where to begin.
            dotted: whether those below with a dot before their name are meant.
        """
        seen: set[tuple[int, int]] = set()

        def descend(path: str, above: tuple[tuple[int, int], ...]) -> Iterator[_Folder]:
            try:
                status = Path(path).stat()
            except OSError as error:
                self.found.faults[path] = fault_of(error)
                return
            identity = status.st_dev, status.st_ino
            if identity in above:
                self.found.faults[path] = _LOOP
            elif len(above) > DEEPEST:
                self.found.faults[path] = _TOO_DEEP
            elif identity not in seen:
                seen.add(identity)
                folder = self._listed(path)
                yield folder
                if folder.cut:
                    raise _Exhausted
                for entry in folder.entries:
                    if _is_folder(entry) and (dotted or not entry.name.startswith(".")):
                        yield from descend(entry.path, (*above, identity))

        return descend(top, ())

    def _listed(self, path: str) -> _Folder:
        try:
            with os.scandir(path) as entries:
                some = list(itertools.islice(entries, self._left + 1))
        except OSError as error:
            self.found.faults[path] = fault_of(error)
            return _Folder(path)
        cut = len(some) > self._left
        self._left = max(self._left - len(some), 0)
        kept = (entry for entry in some if not entry.name.startswith(_VERSIONS))
        return _Folder(path, tuple(sorted(kept, key=lambda entry: entry.name)), cut)

    def _entry(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat()
        except FileNotFoundError as error:
            # it is not a dangling link, so it was removed meanwhile: not a fault
            if entry.is_symlink():
                self.found.faults[entry.path] = fault_of(error)
        except OSError as error:
            self.found.faults[entry.path] = fault_of(error)
        else:
            self._file(entry.path, status, named=False)

    def _file(self, path: str, status: os.stat_result, *, named: bool) -> None:
        try:
            state = file_state(status)
        except Refused as refused:
            self.found.faults[path] = refused.fault
            return
        if named or path not in self.found.files:
            self.found.files[path] = FoundFile(state, named)


def _pattern_parts(parts: Iterable[str]) -> list[str]:
    # several ** in a row mean what one does; one at the end means files too
    kept: list[str] = []
    for part in parts:
        if part != _ANY_DEPTH or kept[-1:] != [_ANY_DEPTH]:
            kept.append(part)
    return [*kept, "*"] if kept[-1] == _ANY_DEPTH else kept


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _matches(pattern: str, name: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
