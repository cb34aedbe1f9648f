"""One server of each major for all differential tests of a run."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import pytest

from lab.account import workspace
from tests.live.differential.arena import Arena, arena

MAJORS = (17, 18)
"""Those whose log shows file and line of the rule for every method."""


class Arenas:
    """Servers by major, started when first asked for."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._started: dict[int, Arena] = {}

    def __getitem__(self, major: int) -> Arena:
        if major not in self._started:
            directory = self._stack.enter_context(workspace("pgrepl-d-"))
            self._started[major] = self._stack.enter_context(arena(major, directory))
        return self._started[major]


@pytest.fixture(scope="session")
def arenas() -> Iterator[Arenas]:
    with contextlib.ExitStack() as stack:
        yield Arenas(stack)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Write a line that is seen whatever pytest captures."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")
            sys.stdout.flush()

    return write


@pytest.fixture(params=MAJORS)
def server(request: pytest.FixtureRequest, arenas: Arenas) -> Arena:
    return arenas[request.param]
