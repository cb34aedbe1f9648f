"""What earlier polls of a target taught about which rules are in force.

A value: handed to the judgement and handed back changed. A restart of the exporter only loses
sharpness.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from exporter.model.hba import HbaContent, IdentContent

ContentT = TypeVar("ContentT", HbaContent, IdentContent)


@dataclass(frozen=True, slots=True)
class FileHistory(Generic[ContentT]):
    """Of one configuration file.

    Attributes:
        confirmed: the content last known to be in force; None if never.
        confirmed_since: the earliest load time at which it is known to have been in force.
        seen_since: other loadable contents seen since then, oldest first: one of them may have
            been loaded meanwhile.
        complete: False once ``seen_since`` had to be cut, or a content that was never seen may
            have been loaded: then no candidate list is complete.
        latest_digest, latest_load: what the poll before saw; None before the first poll.
    """

    confirmed: ContentT | None = None
    confirmed_since: datetime | None = None
    seen_since: tuple[ContentT, ...] = ()
    complete: bool = False
    latest_digest: str | None = None
    latest_load: datetime | None = None


@dataclass(frozen=True, slots=True)
class RulesHistory:
    """Of pg_hba.conf and pg_ident.conf of one target."""

    hba: FileHistory[HbaContent] = FileHistory()
    ident: FileHistory[IdentContent] = FileHistory()
