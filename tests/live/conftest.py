"""Servers that the live tests share: one primary of each major, started when first asked for."""

from collections.abc import Iterator

import pytest

from lab.account import workspace
from lab.pki import Authority
from tests.live.primaries import MAJORS, Primaries, Primary
from tests.live.seen import leave_notes


def pytest_sessionfinish() -> None:
    """Leave what was seen of the closed lists to the test that runs last."""
    leave_notes()


@pytest.fixture(scope="session")
def primaries() -> Iterator[Primaries]:
    with workspace() as directory:
        started = Primaries(directory, Authority.create(directory))
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture(params=MAJORS)
def primary(request: pytest.FixtureRequest, primaries: Primaries) -> Primary:
    """A shared primary of each major; tests leave its files and settings as they are."""
    return primaries[request.param]


@pytest.fixture(params=MAJORS)
def own_primary(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Primary]:
    """A primary of each major whose files, settings and grants the test may change.

    They are put back afterwards; roles that a test makes stay.
    """
    own = primaries.changeable(request.param)
    try:
        yield own
    finally:
        own.reset()
