"""Commands of the exporter itself, as they can be copied into a shell."""

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.model.target import Target

PROGRAM = "pg-replication-cert-exporter"
_PLAIN_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class ExporterCommand(StrEnum):
    """A line of a step that calls the exporter itself, before it is written for a target."""

    EXPLAIN = "pg-replication-cert-exporter explain TARGET"
    INSTALL = "pg-replication-cert-exporter sql --role=ROLE | psql -d DATABASE"


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """The command line that the exporter was started with, as words of a shell.

    Attributes:
        program: what starts it.
        options: those that select its configuration; empty for the default places.
    """

    program: str = PROGRAM
    options: str = ""

    def line(self, line: str, target: Target) -> str:
        """Return ``line``, and for a command of the exporter what to type for ``target``."""
        match line:
            case ExporterCommand.EXPLAIN:
                name = shlex.quote(target.name)
                # a name that begins with a dash would be taken for an option
                name = f"-- {name}" if name.startswith("-") else name
                return " ".join(filter(None, (self.program, self.options, "explain", name)))
            case ExporterCommand.INSTALL:
                return self.install(target)
            case _:
                return line

    def install(self, target: Target) -> str:
        """Return what gives the role of ``target`` its rights; run by a superuser on its server."""
        role = shlex.quote(target.parameters.get("user", "") or "ROLE")
        database = shlex.quote(target.parameters.get("dbname", "") or "DATABASE")
        return f"{self.program} sql --role={role} | psql -d {database}"


DEFAULT_COMMAND: Final = OwnCommand()
"""For texts outside a run of the program, such as the page."""


def identifier(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    if name == "ROLE" or _PLAIN_IDENTIFIER.fullmatch(name):
        return name
    return '"' + name.replace('"', '""') + '"'
