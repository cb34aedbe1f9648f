"""Edits of the server's configuration files, as steps: exact lines, and where they go.

Each edit of a remedy shifts the lines below it, so that the line numbers of later ones are those of
the file as it is then. They are those of the content in force: a file that was changed since it was
loaded may have other lines there, and no edit of it is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from exporter.model.hba import RuleLocation
from exporter.model.remedy import FileEdit, Place, Step

_PATRONI = (
    "Patroni writes {file} on this server (the header of pg_hba.conf says so): do not edit it by "
    "hand, as Patroni undoes that. Make this change in Patroni's configuration, in the key {key} "
    "(patronictl edit-config, unless the configuration file of a node sets the key, which then "
    "takes precedence). The list in that key replaces the whole file: it must contain every line "
    "that is to stay"
)

_CHANGED = (
    "The line numbers are those of the content in force; {file} on disk may have been changed "
    "since, so look for the line itself"
)


class Written(Enum):
    """Which of the server's files; the value is the key of Patroni's configuration for it."""

    HBA = "postgresql.pg_hba"
    IDENT = "postgresql.pg_ident"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an edit is for.

    Attributes:
        what: in the imperative.
        check: sentences on what has to be checked first, or what follows; may be empty.
    """

    what: str
    check: str = ""

    def sentences(self, edit: str) -> str:
        """Return the purpose with the words of the edit."""
        return f"{self.what}: {edit}" + (f". {self.check}" if self.check else "")


@dataclass(slots=True)
class Edits:
    """The edits of one remedy so far.

    Attributes:
        is_under_patroni: Patroni writes the files, so that no edit by hand lasts.
        changed: files whose content on disk need not be the one in force.
    """

    is_under_patroni: bool
    changed: frozenset[Written] = frozenset()
    _shifts: list[tuple[RuleLocation, int]] = field(default_factory=list)

    def replace(
        self,
        location: RuleLocation,
        old: str,
        new: Sequence[str],
        purpose: Purpose,
        file: Written = Written.HBA,
    ) -> Step:
        """Return the step that writes ``new`` in place of a line.

        Args:
            location: of the line, in the file as it was read.
            old: the line, as far as the server's view shows it.
            new: the lines in its place.
            purpose: of the edit.
            file: which of the server's files it is.
        """
        number = self._number(location, len(new) - 1)
        edit = FileEdit(location.file_name, number, replaces=True, new=tuple(new))
        lines = (f"- {old}", *(f"+ {each}" for each in new))
        where = f"replace line {number} of {location.file_name}"
        if file is Written.IDENT:
            # of pg_ident.conf it is not known which lines are continued
            where += " (and the lines that continue it, if it ends with a backslash)"
        return self._step(purpose.sentences(where), lines, edit, file)

    def insert(
        self, location: RuleLocation, below: str, new: Sequence[str], purpose: Purpose
    ) -> Step:
        """Return the step that inserts ``new`` directly before a line of pg_hba.conf.

        Args:
            location: of the line, in the file as it was read.
            below: the line, as far as the server's view shows it.
            new: the lines to insert.
            purpose: of the edit.
        """
        number = self._number(location, len(new))
        edit = FileEdit(location.file_name, number, replaces=False, new=tuple(new))
        lines = (*(f"+ {each}" for each in new), f"  {below}")
        where = f"insert directly before line {number} of {location.file_name}"
        return self._step(purpose.sentences(where), lines, edit, Written.HBA)

    def begin(self, new: Sequence[str], purpose: Purpose) -> Step:
        """Return the step that writes the first rules of a pg_hba.conf that has none."""
        lines = tuple(f"+ {each}" for each in new)
        action = purpose.sentences("write as the first rules of pg_hba.conf")
        return self._step(action, lines, None, Written.HBA)

    def _number(self, location: RuleLocation, shift: int) -> int:
        """Return the number that a line has by now, and note how the edit shifts those below."""
        number = location.line_number + sum(
            by
            for at, by in self._shifts
            if at.file_name == location.file_name and at.line_number <= location.line_number
        )
        self._shifts.append((location, shift))
        return number

    def _step(
        self, action: str, lines: tuple[str, ...], edit: FileEdit | None, file: Written
    ) -> Step:
        name = "pg_hba.conf" if file is Written.HBA else "pg_ident.conf"
        if self.is_under_patroni:
            told = f"{action}. {_PATRONI.format(file=name, key=file.value)}"
            return Step(Place.SERVER, told, lines)
        if edit is not None and file in self.changed:
            return Step(Place.SERVER, f"{action}. {_CHANGED.format(file=name)}", lines)
        return Step(Place.SERVER, action, lines, edit)
