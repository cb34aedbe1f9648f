"""Edits of the server's configuration files: exact lines, and where they go.

Each edit of a remedy shifts the lines below it, so that the line numbers of later ones are those of
the file as it is then. They are those of the content in force: a file that was changed since it was
loaded may have other lines there, and no edit of it is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from exporter.model.hba import RuleLocation
from exporter.model.remedy import FileEdit, Obstacle, ServerFile


@dataclass(slots=True)
class Edits:
    """The edits of one remedy so far.

    Attributes:
        is_under_patroni: Patroni writes the files, so that no edit by hand lasts.
        changed: files whose content on disk need not be the one in force.
    """

    is_under_patroni: bool
    changed: frozenset[ServerFile] = frozenset()
    _shifts: list[tuple[RuleLocation, int]] = field(default_factory=list)

    def replace(
        self,
        location: RuleLocation,
        old: str,
        new: Sequence[str],
        file: ServerFile = ServerFile.HBA,
    ) -> FileEdit:
        """Return the edit that writes ``new`` in place of a line.

        Args:
            location: of the line, in the file as it was read.
            old: the line, as far as the server's view shows it.
            new: the lines in its place.
            file: which of the server's files it is.
        """
        number = self._number(location, len(new) - 1)
        obstacles = self._obstacles(file)
        return FileEdit(file, location.file_name, number, old, tuple(new), obstacles=obstacles)

    def insert(self, location: RuleLocation, below: str, new: Sequence[str]) -> FileEdit:
        """Return the edit that inserts ``new`` directly before a line of pg_hba.conf.

        Args:
            location: of the line, in the file as it was read.
            below: the line, as far as the server's view shows it.
            new: the lines to insert.
        """
        number = self._number(location, len(new))
        return FileEdit(
            ServerFile.HBA,
            location.file_name,
            number,
            None,
            tuple(new),
            below=below,
            obstacles=self._obstacles(ServerFile.HBA),
        )

    def begin(self, new: Sequence[str]) -> FileEdit:
        """Return the edit that writes the first rules of a pg_hba.conf that has none."""
        # without a number there is nothing to doubt in a file that was changed
        obstacles = self._obstacles(ServerFile.HBA) - {Obstacle.CHANGED} | {Obstacle.NO_RULES}
        return FileEdit(ServerFile.HBA, "", None, None, tuple(new), obstacles=obstacles)

    def _number(self, location: RuleLocation, shift: int) -> int:
        """Return the number that a line has by now, and note how the edit shifts those below."""
        number = location.line_number + sum(
            by
            for at, by in self._shifts
            if at.file_name == location.file_name and at.line_number <= location.line_number
        )
        self._shifts.append((location, shift))
        return number

    def _obstacles(self, file: ServerFile) -> frozenset[Obstacle]:
        changed = {Obstacle.CHANGED} if file in self.changed else set[Obstacle]()
        managed = {Obstacle.MANAGED} if self.is_under_patroni else set[Obstacle]()
        return frozenset(changed | managed)


def inexact(edit: FileEdit, obstacle: Obstacle) -> FileEdit:
    """Return ``edit`` with one more reason why a program must not apply it."""
    return replace(edit, obstacles=edit.obstacles | {obstacle})
