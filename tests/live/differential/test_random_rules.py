"""Random rule files and random clients: no answer may be wrong."""

from collections.abc import Callable
from random import Random

import pytest

from tests.live.differential.arena import Arena
from tests.live.differential.clients import random_client
from tests.live.differential.comparison import Tally, compare
from tests.live.differential.conftest import MAJORS
from tests.live.differential.rule_files import random_rule_files
from tests.live.differential.seed import CASES, SEED

pytestmark = pytest.mark.live

_CLIENTS_PER_FILE = 15
_WITHOUT_TLS = 0.05
"""Share of files under which the server has ``ssl = off``."""


def test_the_server_never_matches_another_rule_than_the_exporter_says(
    server: Arena, say: Callable[[str], None]
) -> None:
    major = server.server.major
    say(f"PostgreSQL {server.server.installation.version}, seed {SEED}")
    tally = Tally()
    number = 0
    while tally.cases < CASES // len(MAJORS):
        number += 1
        random = Random(f"{SEED} {major} {number}")
        files = random_rule_files(random)
        tls = random.random() >= _WITHOUT_TLS
        clients = [random_client(random, tls=tls) for _ in range(_CLIENTS_PER_FILE)]
        try:
            compare(server, files, clients, tally, tls=tls)
        except BaseException as error:
            error.add_note(f"PGREPL_DIFFERENTIAL_SEED={SEED}, PostgreSQL {major}, file {number}")
            raise
    say(f"PostgreSQL {major}: {tally}")
    # Something was tried: about half of the files leave nothing open, and rules do match.
    assert tally.plain_cases > tally.cases / 4
    assert tally.plain_governed > tally.plain_cases / 5
    # Where nothing depends on what the server's view does not carry, everything is decided.
    assert tally.plain_undecided == 0
