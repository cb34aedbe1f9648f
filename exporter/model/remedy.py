"""The steps of a remedy, as data: in order, each with its kind and the edit that it consists of."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.client_steps import ClientStepKind
from exporter.model.server_steps import ServerStepKind


class Place(StrEnum):
    """Where a step of a remedy is done."""

    SERVER = "on the server"
    CLIENT = "on the standby or client"
    EXPORTER = "for the exporter"


class ServerFile(StrEnum):
    """A file of the server that contains rules or user name maps."""

    HBA = "pg_hba.conf"
    IDENT = "pg_ident.conf"


class Obstacle(StrEnum):
    """Why a program must not apply an edit as it is."""

    MANAGED = "managed"
    """Patroni writes the file and undoes edits by hand."""
    CHANGED = "changed"
    """The file on disk may differ from the content in force, whose line number this is."""
    MASKED = "masked"
    """The old line has secrets, which the exporter never keeps: the new one has asterisks."""
    INCOMPLETE = "incomplete"
    """Lines for other clients have to be added, or a name has to be filled in."""
    NO_RULES = "no_rules"
    """The file has no rule, so that there is no line to name."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A change of pg_hba.conf or pg_ident.conf.

    Attributes:
        file: which of the two.
        file_name: of the file that holds the line, which may be an included one; empty where
            there is no line to name.
        line_number: of a line in the file as it is after the steps before; None where there is
            no line to name.
        old: the line that is replaced, as far as the server's view shows it, with those that
            continue it (14 and up: it ends with a backslash); None where nothing is replaced and
            ``new`` goes directly before the line.
        new: the lines to write; empty where the line is only removed.
        below: where nothing is replaced: the line that ``new`` goes directly before.
        obstacles: why it cannot be applied as it is; empty for an edit that is exact enough
            for a program.
    """

    file: ServerFile
    file_name: str
    line_number: int | None
    old: str | None
    new: tuple[str, ...]
    below: str | None = None
    obstacles: frozenset[Obstacle] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Whether a program can apply it as it is."""
        return not self.obstacles


class SettingPlace(StrEnum):
    """Where parameters are set."""

    POSTGRESQL_CONF = "postgresql.conf"
    PRIMARY_CONNINFO = "primary_conninfo"
    SUBSCRIPTION = "subscription"
    PROGRAM = "program"
    """The connection string of a program, such as one that takes backups."""


@dataclass(frozen=True, slots=True)
class ParameterEdit:
    """Parameters to set: of the server's configuration, or of a client's connection string.

    The names of files among the values (``root.crt``) stand for the files of the reader.

    Attributes:
        place: where they are set; parameters that are not listed keep their values.
        parameters: names and values, neither quoted.
        is_managed: Patroni writes postgresql.conf on this server.
    """

    place: SettingPlace
    parameters: tuple[tuple[str, str], ...]
    is_managed: bool = False


Edit = FileEdit | ParameterEdit


StepKind = ServerStepKind | ClientStepKind


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a remedy, to be done in order.

    Attributes:
        place: where it is done.
        kind: what there is to do, with what has to be known to do it.
        edit: the change of a file or of parameters; None for a step that changes neither, or
            whose change cannot be written down.
    """

    place: Place
    kind: StepKind
    edit: Edit | None = None
