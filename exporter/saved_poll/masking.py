"""What of a judgement's inputs is written to a file, and what is left out because it is secret.

What the readers hand over is masked already: rule options with secrets
(``observe/postgres/readers/hba_rules.py``) and the texts of failures (``observe/detail.py``). Two
things are not, because they never left the process before: how the exporter logs in, and digests
of configuration files, from which a short password could be guessed.
"""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from exporter.judging import Inputs
from exporter.model.failure import Unread
from exporter.model.hba import HbaContent, IdentContent
from exporter.model.history import FileHistory
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.saved_poll.document import SavedPoll

WRITTEN_PARAMETERS = frozenset(
    {"host", "hostaddr", "port", "user", "dbname", "sslmode", "sslnegotiation"}
)
"""libpq parameters that are written; no other is, those of later versions of libpq included."""

ContentT = TypeVar("ContentT", bound=HbaContent | IdentContent)


def masked(target: Target) -> Target:
    """Return ``target`` without its password, and with the public parameters only."""
    parameters = {k: v for k, v in target.parameters.items() if k in WRITTEN_PARAMETERS}
    return replace(target, password=None, parameters=parameters)


def saved_poll(inputs: Inputs, judged_at: datetime) -> SavedPoll:
    """Return what a file holds of one poll.

    Args:
        inputs: of the judgement.
        judged_at: the time of the judgement.
    """
    digests = _Digests()
    observation, knowledge = inputs.observation, inputs.knowledge
    return SavedPoll(
        target=masked(inputs.target),
        judged_at=judged_at,
        duration_seconds=inputs.duration_seconds,
        hba=digests.replaced_in_history(inputs.history.hba),
        ident=digests.replaced_in_history(inputs.history.ident),
        observation=(
            observation
            if isinstance(observation, Unread)
            else digests.replaced_in_observation(observation)
        ),
        served=knowledge.served,
        standbys=knowledge.standbys,
        seen=knowledge.seen,
    )


class _Digests:
    """Replaces digests by numbers: equal contents keep equal digests, and nothing else is left."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def replaced_in_observation(self, observation: Observation) -> Observation:
        hba, ident = observation.hba, observation.ident
        return replace(
            observation,
            hba=hba if isinstance(hba, Unread) else self._replaced(hba),
            ident=ident if isinstance(ident, Unread) else self._replaced(ident),
        )

    def replaced_in_history(self, history: FileHistory[ContentT]) -> FileHistory[ContentT]:
        before = history.before_unread
        return replace(
            history,
            confirmed=self._replaced_if_any(history.confirmed),
            seen_since=tuple(self._replaced(content) for content in history.seen_since),
            latest=self._replaced_if_any(history.latest),
            confirmed_lines=self._replaced_if_any(history.confirmed_lines),
            before_unread=None if before is None else self.replaced_in_history(before),
        )

    def _replaced_if_any(self, content: ContentT | None) -> ContentT | None:
        return None if content is None else self._replaced(content)

    def _replaced(self, content: ContentT) -> ContentT:
        number = self._numbers.setdefault(content.digest, str(len(self._numbers) + 1))
        if isinstance(content, HbaContent):
            return replace(content, digest=number, digest_as_read="")
        return replace(content, digest=number)
