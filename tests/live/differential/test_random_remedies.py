"""Remedies of random clients, followed literally: they work, and harm no other client."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from psycopg import sql

from lab.source_address import SourceAddresses
from tests.live.differential.remedy_cases import (
    DATABASES,
    GROUP,
    MEMBERS,
    PASSWORD,
    ROLES,
    SOURCES,
    random_case,
)
from tests.live.differential.remedy_ring import NOTHING_TO_DO, SECURED, Ring
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
        with server.connect() as connection:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(GROUP)))
            for role in ROLES:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN REPLICATION PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(PASSWORD)
                    )
                )
            for role in MEMBERS:
                connection.execute(
                    sql.SQL("GRANT {} TO {}").format(sql.Identifier(GROUP), sql.Identifier(role))
                )
            for database in DATABASES:
                if database != "postgres":
                    connection.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
                    )
        with SourceAddresses(server.port, SOURCES) as sources:
            yield Ring(on, sources)


def test_a_remedy_secures_its_client_and_harms_no_other(
    ring: Ring, say: Callable[[str], None]
) -> None:
    major = ring.on.primary.server.major
    say(f"PostgreSQL {major}, remedies, seed {SEED}")
    number = followed = 0
    while followed < _REMEDIES:
        number += 1
        random = Random(f"{SEED} remedies {major} {number}")
        case = random_case(random, major)
        try:
            ring.try_case(case, random)
        except BaseException as error:
            error.add_note(f"PGREPL_DIFFERENTIAL_SEED={SEED}, PostgreSQL {major}, case {number}")
            raise
        followed = number - ring.tally[NOTHING_TO_DO]
    counts = ", ".join(f"{what} {count}" for what, count in sorted(ring.tally.items()))
    say(f"PostgreSQL {major}: {number} cases: {counts}")
    assert ring.tally[SECURED] > followed / 2
