"""What to do, as data: steps in order, with the edits of files that they consist of."""

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a step of a remedy is done."""

    SERVER = "on the server"
    CLIENT = "on the standby or client"
    EXPORTER = "for the exporter"


class ExporterCommand(StrEnum):
    """A line that calls the exporter itself; who publishes it knows how that is to be typed."""

    EXPLAIN = "pg-replication-cert-exporter explain TARGET"
    INSTALL = "pg-replication-cert-exporter sql --role=ROLE | psql -d DATABASE"


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A change of one configuration file of the server, exact enough for a program.

    Attributes:
        line_number: of a line in the file as it is after the steps before; 1 where the file has
            no line to name.
        replaces: the new lines take the place of that line, and of those that continue it (14 and
            up: it ends with a backslash); else they go directly before it.
    """

    file_name: str
    line_number: int
    replaces: bool
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a remedy, to be done in order.

    Attributes:
        action: what to do, in the imperative.
        lines: exact lines to write, run, or look for; may be empty. Of an edit, a line to remove
            begins with ``- ``, one to add with ``+ ``.
        edit: the change of a file, where it is known completely.
    """

    place: Place
    action: str
    lines: tuple[str, ...] = ()
    edit: FileEdit | None = None
