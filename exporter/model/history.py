"""What earlier polls of a target showed of the rules in force, and their judgements.

A value: handed to the judgement and handed back changed. A restart of the exporter only loses
sharpness.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from exporter.model.hba import HbaContent, IdentContent
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.report import Connection, TargetReport

ContentT = TypeVar("ContentT", bound=HbaContent | IdentContent)


@dataclass(frozen=True, slots=True)
class FileHistory(Generic[ContentT]):
    """Of one configuration file.

    Attributes:
        confirmed: the content last known to be in force; None if never.
        confirmed_since: the earliest load time at which it is known to have been in force.
        seen_since: other loadable contents seen since then, oldest first: one of them may have
            been loaded meanwhile.
        superseded: the load time moved since the confirmation while another loadable content
            was on disk, so that ``confirmed`` need not be in force any more.
        complete: ``confirmed`` or one of ``seen_since`` is in force; False before the first
            confirmation, once ``seen_since`` had to be cut, and once something was loaded whose
            lines could not be read, unlike those of ``confirmed``.
        latest, latest_load: what the poll before saw; None before the first poll.
        newer_than: the load time under which another content was seen before the latest one, so
            that the latest was written after that load; None if no other was seen before.
        confirmed_lines: the rows of ``confirmed`` with the lines that they had when those were last
            read, where those of ``confirmed`` were not: it may hold quotes as these did.
        before_unread: the history before a load after which the lines of the same rows could not
            be read; the poll that reads the same lines again continues from it.
    """

    confirmed: ContentT | None = None
    confirmed_since: datetime | None = None
    seen_since: tuple[ContentT, ...] = ()
    superseded: bool = False
    complete: bool = False
    latest: ContentT | None = None
    latest_load: datetime | None = None
    newer_than: datetime | None = None
    confirmed_lines: ContentT | None = None
    before_unread: "FileHistory[ContentT] | None" = None


@dataclass(frozen=True, slots=True)
class Judgements:
    """Connections as the previous poll judged them, reused while their inputs are unchanged.

    Attributes:
        basis: what they were judged by, in addition to the walsender and the time; only compared.
        steps: how much work each of them was.
    """

    basis: object = None
    connections: tuple[Connection, ...] = ()
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A report and its inputs, except the files' history, which it did not change.

    Attributes:
        judged_at: when.
        until: the first time since then at which the clock alone may change it.
    """

    report: TargetReport
    observation: Observation
    knowledge: Knowledge
    judged_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class RulesHistory:
    """Of pg_hba.conf and pg_ident.conf of one target, and of what was judged by them.

    Attributes:
        last: the report of the poll before; None if the same again might give another one.
    """

    hba: FileHistory[HbaContent] = FileHistory()
    ident: FileHistory[IdentContent] = FileHistory()
    judged: Judgements = Judgements()
    last: Remembered | None = None
