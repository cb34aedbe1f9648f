"""File times have whole seconds: what follows for a file written in the second of a load."""

from datetime import UTC, datetime, timedelta

import pytest

from exporter.assess.rules.load_state import follow
from exporter.model.hba import HbaContent
from exporter.model.history import FileHistory
from exporter.model.judgement import HbaState

SECOND = datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)
EARLIER = SECOND - timedelta(days=1)
OLD, NEW = HbaContent((), (), "old"), HbaContent((), (), "new")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("loaded", "state"),
    [
        (SECOND + timedelta(seconds=1), HbaState.LOADED),
        (SECOND + timedelta(seconds=1) - TICK, HbaState.LOADED),
        (SECOND, HbaState.LOADED),
        (SECOND - TICK, HbaState.PENDING),
    ],
)
@pytest.mark.parametrize("start", [EARLIER, SECOND])
def test_an_exporter_that_knows_nothing_takes_it_for_loaded(
    loaded: datetime, state: HbaState, start: datetime
) -> None:
    reported, _ = follow(FileHistory(), NEW, loaded_at=loaded, started_at=start, newest=SECOND)
    assert reported is state


def test_an_exporter_that_saw_the_load_with_other_rules_does_not() -> None:
    loaded = SECOND + timedelta(milliseconds=400)
    _, history = follow(FileHistory(), OLD, loaded_at=loaded, started_at=EARLIER, newest=EARLIER)
    state, _ = follow(history, NEW, loaded_at=loaded, started_at=EARLIER, newest=SECOND)
    assert state is HbaState.PENDING


def test_since_when_it_is_in_force_is_not_taken_from_a_start_in_that_second() -> None:
    start = SECOND + timedelta(milliseconds=400)
    loaded = SECOND + timedelta(days=1)
    _, history = follow(FileHistory(), NEW, loaded_at=loaded, started_at=start, newest=SECOND)
    assert history.confirmed_since == loaded
    _, history = follow(FileHistory(), NEW, loaded_at=loaded, started_at=start, newest=EARLIER)
    assert history.confirmed_since == start
