"""What /metrics exposes about one connection and about pg_hba.conf, poll by poll."""

from typing import NamedTuple

from lab.wait import until
from tests.live.scenarios.stage import Stage, now
from tests.unit.publish.metrics.scrape import scraped, values

STANDBY = "standby"

_TICK_SECONDS = 0.02
"""The kernel takes file times from a clock that is behind by up to one timer tick (10 ms)."""


class Moment(NamedTuple):
    """One poll, as its metrics show it; ``None`` where there is no such series."""

    hba_state: str
    posture: str
    verdict: str
    predates: bool | None
    reasons: frozenset[str] = frozenset()


def moment(staged: Stage, application_name: str = STANDBY) -> Moment:
    """Poll, and return what a scrape shows afterwards."""
    staged.poll()
    series = scraped(staged.board.record(staged.target.name))
    (state,) = [s for (s,), held in values(series, "pgrepl_hba_state", "state").items() if held]
    (how,) = [
        (posture, verdict)
        for name, posture, verdict in values(
            series, "pgrepl_connections", "application_name", "posture", "verdict"
        )
        if name == application_name
    ]
    predates = values(series, "pgrepl_connection_predates_rules", "application_name")
    reasons = values(series, "pgrepl_connection_reason", "application_name", "reason")
    return Moment(
        state,
        *how,
        predates=bool(predates[application_name,]) if (application_name,) in predates else None,
        reasons=frozenset(reason for name, reason in reasons if name == application_name),
    )


def after_the_second_of_the_load(staged: Stage) -> None:
    """Wait until a file that is written now shows another second than that of the last load.

    File times have whole seconds: a write in the second of a load cannot be ordered with it.
    """
    loaded = staged.primary.server.load_time().timestamp() // 1
    until(lambda: now().timestamp() > loaded + 1 + _TICK_SECONDS, within=5, what="the next second")
