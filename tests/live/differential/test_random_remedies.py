"""Remedies of random clients, followed literally: they work, and lock nobody out."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from lab.cluster import quoted
from lab.source_address import SourceAddresses
from tests.live.differential.remedy_cases import (
    DATABASES,
    GROUPS,
    PASSWORD,
    ROLES,
    SOURCES,
    random_case,
)
from tests.live.differential.remedy_follower import SEEN, Ring, WrongRemedyError, try_case
from tests.live.differential.seed import CASES, SEED
from tests.live.primaries import Primaries
from tests.live.scenarios.stage import stage

pytestmark = pytest.mark.live

MAJORS = (13, 15, 18)
_REMEDIES = CASES // 24 // len(MAJORS)


@pytest.fixture(scope="module", params=MAJORS)
def ring(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Ring]:
    with stage(primaries, request.param, "") as on:
        server = on.primary.server
        for group in GROUPS:
            server.sql(f'CREATE ROLE "{group}"')
        for number, role in enumerate(ROLES):
            name = '"' + role.replace('"', '""') + '"'
            member = "IN ROLE staff" if number % 2 == 0 else ""
            server.sql(f"CREATE ROLE {name} LOGIN REPLICATION {member} PASSWORD {quoted(PASSWORD)}")
        for database in DATABASES:
            if database != "postgres":
                server.sql(f'CREATE DATABASE "{database}"')
        with SourceAddresses(server.port, SOURCES) as sources:
            yield Ring(on, sources)


def test_a_remedy_secures_its_client_and_harms_no_other(
    ring: Ring, say: Callable[[str], None]
) -> None:
    major = ring.on.primary.server.major
    say(f"PostgreSQL {major}, remedies, seed {SEED}")
    counted: Counter[str] = Counter()
    wrongs: list[str] = []
    number = 0
    while sum(counted.values()) < _REMEDIES:
        number += 1
        random = Random(f"{SEED} remedies {major} {number}")
        case = random_case(random, major)
        try:
            ended = try_case(ring, case, random.choice)
        except WrongRemedyError as wrong:
            notes = "\n".join(wrong.__notes__)
            wrongs.append(f"PostgreSQL {major}, case {number}: {wrong}\n{notes}")
            ended = "wrong"
        if ended != "nobody is insecure":
            counted[ended] += 1
    told = ", ".join(f"{what} {count}" for what, count in sorted(counted.items()))
    say(f"PostgreSQL {major}: {number} cases, of which {told}")
    say(str(dict(SEEN)))
    SEEN.clear()
    assert not wrongs, "\n\n".join([f"PGREPL_DIFFERENTIAL_SEED={SEED}", *wrongs])
    assert counted["secured"] > _REMEDIES // 3
