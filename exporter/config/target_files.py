"""``targets_from``: patterns of further files with targets."""

import glob
import os
from pathlib import Path

from exporter.config.document import Document
from exporter.config.faults import Fault
from exporter.config.files import directory_fault

_SIGNS = frozenset("*?[")


def find_target_files(
    document: Document, patterns: tuple[str, ...], faults: list[Fault]
) -> tuple[Path, ...]:
    """Return the files that ``patterns`` name, in the order of their names, each once.

    Files whose names begin with a dot are left out, as a shell does: editors keep their copies
    under such names, and Kubernetes its older versions.
    """
    found: dict[Path, None] = {}
    for position, pattern in enumerate(patterns):
        try:
            files = _files(document.file, pattern)
        except _Unusable as error:
            # One pattern instead of a list has no such position: the fault names the key.
            faults.append(document.fault(_path(document, position), str(error)))
            continue
        found |= dict.fromkeys(files)
    return tuple(found)


class _Unusable(Exception):  # noqa: N818  it is a finding, not an error of the program
    """A pattern cannot be followed; the text says why."""


def _files(main: Path, pattern: str) -> list[Path]:
    parts = Path(pattern).parts
    if "**" in pattern:
        raise _Unusable('"**" is not supported: name each folder')
    fixed = next((i for i, part in enumerate(parts) if _SIGNS & set(part)), len(parts))
    if fixed == len(parts):
        return [_one_file(main, pattern)]
    folder = main.parent / Path(*parts[:fixed])
    if fault := directory_fault(folder):
        raise _Unusable(f"its folder {fault}")
    rest = str(Path(*parts[fixed:]))
    names = glob.glob(rest, root_dir=folder)  # noqa: PTH207  Path.glob takes dot files too
    # A dangling link is kept: its missing targets are a fault of their own.
    files = sorted(folder / name for name in names if not _is_folder(folder / name))
    if any(_same(file, main) for file in files):
        raise _Unusable("names this file too: keep the files with targets in a folder of their own")
    return files


def _one_file(main: Path, name: str) -> Path:
    file = main.parent / name
    if _is_folder(file):
        raise _Unusable('is a folder: write a pattern, such as "conf.d/*.yml"')
    if _same(file, main):
        raise _Unusable("names this file itself")
    return file


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  Path's raises when the name is too long


def _path(document: Document, position: int) -> tuple[str | int, ...]:
    value = document.value
    listed = isinstance(value, dict) and isinstance(value.get("targets_from"), list)
    return ("targets_from", position) if listed else ("targets_from",)


def _same(file: Path, main: Path) -> bool:
    return os.path.exists(file) and file.samefile(main)  # noqa: PTH110  as above
