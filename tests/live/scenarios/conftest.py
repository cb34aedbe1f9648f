"""The comparison of all live tests with the closed lists runs last, and only if all of them ran."""

import os
from pathlib import Path

import pytest

from tests.live.seen import folder

_LIVE = Path(__file__).resolve().parents[1]
_LAST = Path(__file__).resolve().with_name("test_every_value.py")


@pytest.fixture
def with_root_tests(request: pytest.FixtureRequest) -> bool:
    """Whether the tests that need root are part of this run."""
    if folder() is not None:
        return os.geteuid() == 0
    return any(item.get_closest_marker("root") for item in _live(request.session.items))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Move the tests of test_every_value.py to the end, or leave them out of a partial run.

    A run is whole when a test of every file is in it and none was picked by name. Where several
    processes share the work, these tests have a run of their own after it (make tests).
    """
    last = [item for item in items if item.path == _LAST]
    others = [item for item in items if item.path != _LAST]
    files = {item.path for item in _live(others)}
    needing_root = {path for path in _files() if path.name == "test_kerberos.py"}
    whole = (
        files | {_LAST} >= _files() - needing_root
        and not config.option.keyword
        and not any("::" in argument for argument in config.args)
    )
    if folder() is not None:
        whole = not others
    items[:] = [*others, *last] if whole else others
    if last and not whole:
        config.hook.pytest_deselected(items=last)


def _live(items: list[pytest.Item]) -> list[pytest.Item]:
    return [item for item in items if _LIVE in item.path.parents]


def _files() -> set[Path]:
    return set(_LIVE.rglob("test_*.py"))
