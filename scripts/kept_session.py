"""Plugin of pytest for mutmut: the tests are collected once, not once for each mutant.

mutmut's fork server collects all tests before the first mutant (``--collect-only``), and then calls
pytest anew in a fork for each mutant, with the names of the tests that reach it. Those are taken
from what was collected, which costs a twentieth of a second where finding them again costs two; and
the tests that noticed other mutants of the same function or module go first.
"""

import gc
import os
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest

_kept: dict[str, pytest.Item] = {}
"""By name; filled in the fork server and inherited by its children."""
_NOTICED = Path("noticed.txt")
"""In mutmut's folder: function and test, one line for each mutant noticed so far."""


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
    function = os.environ["MUTANT_UNDER_TEST"].rpartition("__mutmut_")[0]
    items = [_kept[name] for name in _likely_first(config.args, function)]
    for item, following in zip_longest(items, items[1:]):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            with _NOTICED.open("a", encoding="utf-8") as noticed:
                noticed.write(f"{function}\t{item.nodeid}\n")
            return pytest.ExitCode.TESTS_FAILED
    return pytest.ExitCode.OK


def _likely_first(names: list[str], function: str) -> list[str]:
    module = function.rpartition(".")[0]
    weights: Counter[str] = Counter()
    lines = _NOTICED.read_text("utf-8").splitlines() if _NOTICED.exists() else []
    for other, _, name in (line.partition("\t") for line in lines):
        if other == function:
            weights[name] += 1000
        elif other.rpartition(".")[0] == module:
            weights[name] += 1
    return sorted(names, key=lambda name: -weights[name])
