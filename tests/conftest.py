"""What holds for all tests."""

from pathlib import Path

import pytest
from hypothesis import settings

# a machine that is busy with servers makes no test of behaviour fail
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_HERE = Path(__file__).resolve().parent
_LONG = ("live/alerting", "live/differential", "live/certificates", "program", "bundle")
"""Folders whose tests take long, one by one: first, so that no process is left alone with them."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take long in front; the order is otherwise left as it is."""
    items.sort(key=lambda item: not item.path.relative_to(_HERE).as_posix().startswith(_LONG))
