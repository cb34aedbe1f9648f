"""What is wrong with the configuration: every fault with its file, line and what to write."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from exporter.config.vocabulary import shown_key

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys of mappings and positions in lists, from the top of the file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one file, or a setting in it that is usable but dangerous: a warning.

    Attributes:
        file: as the user wrote it, or as it was found by ``targets_from``.
        line: from 1; 0 when the fault is of the file as a whole.
        message: one line that says what to write instead; it never holds a configured value.
    """

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        """Render as ``config.yml:4: targets.0.interval: must be ...``."""
        file = str(self.file).encode("unicode_escape").decode("ascii")
        if str(self.file).isprintable():
            file = str(self.file)
        return f"{file}:{self.line}: {self.message}" if self.line else f"{file}: {self.message}"


class ConfigurationError(Exception):
    """The configuration has faults; its text has one line for each of them.

    Attributes:
        faults: all of them, in reading order of the files, each named once.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        """Render one fault per line."""
        return "\n".join(str(fault) for fault in self.faults)


def located(path: KeyPath, message: str) -> str:
    """Return ``message`` behind the dotted form of ``path``.

    A key that may be a secret is hidden. The path below a ``password`` is left out: it
    exists because a secret was written without quotes and was read as a mapping.
    """
    if "password" in path:
        path = path[: path.index("password") + 1]
    above: KeyPath = ("", *path)
    keys = ".".join(shown_key(key, parent) for parent, key in zip(above, path, strict=False))
    return f"{keys}: {message}" if path else message
