"""Plugin of pytest for mutmut: the tests are collected once, not once for each mutant.

mutmut's fork server collects all tests before the first mutant (``--collect-only``), and then calls
pytest anew in a fork for each mutant, with the names of the tests that reach it. Those are taken
from what was collected: a hundred times as fast as finding them again.
"""

import gc
from itertools import zip_longest

import pytest

_kept: dict[str, pytest.Item] = {}
"""By name; filled in the fork server and inherited by its children."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what was collected without being run."""
    if session.config.option.collectonly:
        _kept.update((item.nodeid, item) for item in session.items)
        # a collection in a child would copy all of this
        gc.freeze()


def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | None:
    """Run the tests named until one fails; None where they were not kept: pytest finds them."""
    if not _kept or not _kept.keys() >= set(config.args):
        return None
    gc.disable()
    items = [_kept[name] for name in config.args]
    for item, following in zip_longest(items, items[1:]):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            return pytest.ExitCode.TESTS_FAILED
    return pytest.ExitCode.OK
