"""What the differential tests found wrong once, each as small as it gets."""

import pytest

from tests.live.differential.arena import Arena
from tests.live.differential.clients import Client
from tests.live.differential.comparison import Tally, compare
from tests.live.differential.rule_files import MAIN, RuleFiles

pytestmark = pytest.mark.live


def _compare(server: Arena, client: Client, files: dict[str, str], *, decided: bool) -> None:
    """Compare; every rule in ``files`` is ``trust``, so that they are their own twin."""
    tally = Tally()
    compare(server, RuleFiles(files, files, plain=decided), [client], tally)
    assert tally.undecided == (0 if decided else 1)


@pytest.mark.parametrize("spelling", ["parts/../parts/quoted.conf", "./parts//quoted.conf"])
def test_a_quote_counts_however_the_path_of_its_file_is_spelled(
    server: Arena, spelling: str
) -> None:
    _compare(
        server,
        Client("app", database=None, source="127.0.0.5"),
        {
            MAIN: f"include {spelling}\nhost replication all all trust\n",
            "parts/quoted.conf": 'host "replication" all all trust\n',
        },
        decided=True,
    )


def test_a_word_from_a_list_may_be_quoted_there(server: Arena) -> None:
    _compare(
        server,
        Client("app", database="app", source="127.0.0.5"),
        {
            MAIN: "host @parts/names.list all all trust\nhost all all all trust\n",
            "parts/names.list": '"all"\n',
        },
        decided=False,
    )


@pytest.mark.parametrize(
    "expression", ["/^.{6}$", "/^.{7}$", "/^z.rich$", "/^z..rich$", "/^z[ü]rich$", "/(?i)^ZÜRICH$"]
)
def test_a_regular_expression_takes_each_byte_for_a_character(
    server: Arena, expression: str
) -> None:
    _compare(
        server,
        Client("zürich", database="zürich", source="127.0.0.5"),
        {MAIN: f"host {expression} all all trust\nhost all {expression} all trust\n"},
        decided=True,
    )
