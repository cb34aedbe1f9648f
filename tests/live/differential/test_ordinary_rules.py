"""Rule files as people have them: next to nothing may be left undecided, and nothing be wrong."""

from collections.abc import Callable
from random import Random

import pytest

from tests.live.differential.arena import Arena
from tests.live.differential.comparison import Tally, compare
from tests.live.differential.ordinary_files import MAPS, ordinary_client, ordinary_files
from tests.live.differential.seed import SEED

pytestmark = pytest.mark.live

_FILES = 30
_CLIENTS_PER_FILE = 14
_MOST_UNDECIDED = 0.02


def test_ordinary_rules_are_decided_and_never_wrongly(
    server: Arena, say: Callable[[str], None]
) -> None:
    major = server.server.major
    say(f"PostgreSQL {server.server.installation.version}, ordinary files, seed {SEED}")
    files = ordinary_files()
    assert len(files) == _FILES
    tally = Tally()
    server.server.write_ident(MAPS)
    for name, each in files.items():
        random = Random(f"{SEED} {name}")
        clients = [ordinary_client(random) for _ in range(_CLIENTS_PER_FILE)]
        try:
            compare(server, each, clients, tally)
        except BaseException as error:
            error.add_note(f"PGREPL_DIFFERENTIAL_SEED={SEED}, PostgreSQL {major}, {name}")
            raise
    server.server.write_ident("")
    say(f"PostgreSQL {major}, {_FILES} ordinary files: {tally}")
    assert tally.cases == _FILES * _CLIENTS_PER_FILE
    assert tally.by_truth["a rule"] > tally.cases / 4
    assert tally.undecided <= tally.cases * _MOST_UNDECIDED
