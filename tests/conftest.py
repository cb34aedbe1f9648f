"""What holds for all tests."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from exporter import libpq_options

# a machine that is busy with servers makes no test of behaviour fail
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_HERE = Path(__file__).resolve().parent

# pytest in an editor finds the programs that make finds: those of .venv and .tools, and
# administrators' programs of the system
_BEFORE = (Path(sys.executable).parent, _HERE.parent / ".tools" / "debian" / "usr" / "bin")
os.environ["PATH"] = os.pathsep.join(
    [*map(str, _BEFORE), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
)
_LONG = ("live/alerting", "live/differential", "live/certificates", "program", "bundle")
"""Folders whose tests take long, one by one: first, so that no process is left alone with them."""


@pytest.fixture(autouse=True)
def own_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGSERVICE of one test is not that of the next, though a login keeps it for the process."""
    monkeypatch.setattr(libpq_options, "_service", {})


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take long in front; the order is otherwise left as it is."""
    items.sort(key=lambda item: not item.path.relative_to(_HERE).as_posix().startswith(_LONG))
