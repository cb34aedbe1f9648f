"""Random pg_ident maps and certificates of many names: which name is accepted for which role."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest

from exporter.assess.rules.demand import demands
from exporter.assess.rules.identity import proves
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.failure import Unread
from exporter.model.hba import HbaRule, IdentContent, IdentMapping
from exporter.model.judgement import Demand
from exporter.model.observation import Observation
from tests.live.differential.arena import Arena
from tests.live.differential.clients import Client
from tests.live.differential.conftest import MAJORS
from tests.live.differential.maps import MAP, NAMES, ROLES, random_mappings
from tests.live.differential.rule_files import MAIN
from tests.live.differential.seed import CASES, SEED

pytestmark = pytest.mark.live

_MAPS = CASES // 30 // len(MAJORS)
_NAMES_PER_MAP = 9
_RULES = f"hostssl replication all all cert map={MAP}\n"


class WrongError(AssertionError):
    """The exporter was wrong."""


def _surroundings(observation: Observation, role: str) -> Surroundings:
    assert not isinstance(observation.role_memberships, Unread)
    assert not isinstance(observation.regular_expressions, Unread)
    return Surroundings(
        server_version_number=observation.server.version_number,
        member_of=observation.role_memberships[role],
        regular_expressions={(r.token, r.name): r.matches for r in observation.regular_expressions},
    )


def _demand(rule: HbaRule, role: str, maps: IdentContent, observation: Observation) -> Demand:
    (demand,) = demands(rule, role, [maps], _surroundings(observation, role))
    return demand


def test_a_map_accepts_the_clients_that_the_exporter_says(
    server: Arena, say: Callable[[str], None]
) -> None:
    major = server.server.major
    say(f"PostgreSQL {server.server.installation.version}, maps, seed {SEED}")
    counted: Counter[str] = Counter()
    for number in range(_MAPS):
        random = Random(f"{SEED} maps {major} {number}")
        role = random.choice(ROLES)
        text = random_mappings(random, role)
        names = [role, *random.sample(NAMES, _NAMES_PER_MAP)]
        server.server.write_ident(text)
        server.load({MAIN: _RULES})
        try:
            counted.update(_compare(server, role, names))
        except BaseException as error:
            error.add_note(f"{text}\nas {role}")
            error.add_note(f"PGREPL_DIFFERENTIAL_SEED={SEED}, PostgreSQL {major}, map {number}")
            raise
    server.server.write_ident("")
    counts = ", ".join(f"{what} {count}" for what, count in sorted(counted.items()))
    say(f"PostgreSQL {major}: {_MAPS} maps, {counts}")
    # Each answer was given, and those that accept no other client were proven.
    assert not counted[Demand.UNKNOWN.value]
    assert all(counted[d.value] for d in (Demand.CERTIFICATE, Demand.CHAIN_BY_MAP, Demand.REFUSES))
    assert counted["accepted by certificate"]
    assert counted["another name accepted by chain_by_map"]


def _compare(server: Arena, role: str, names: Sequence[str]) -> list[str]:
    observation = server.observe()
    assert not isinstance(observation.hba, Unread)
    assert not isinstance(observation.ident, Unread)
    assert observation.ident.loadable, observation.ident.errors
    rule = observation.hba.rules[-1]
    demand = _demand(rule, role, observation.ident, observation)
    admitted = {
        name
        for name in names
        if server.oracle.ask(
            Client(role, database=None, source="127.0.0.5", tls=True, certificate=name)
        ).admitted
    }
    lines = [m for m in observation.ident.mappings if m.map_name == MAP]
    proven = {name for name in names if any(proves(m, name, role) for m in lines)}
    summary = f"{demand}; accepted: {admitted}; proven: {proven}"
    counted = [demand.value]
    match demand:
        case Demand.REFUSES if admitted:
            raise WrongError(summary)
        case Demand.CERTIFICATE:
            # none but those that a line names, and no more of them than there are lines
            if not admitted <= proven or len(admitted) > len(lines):
                raise WrongError(summary)
            counted += ["accepted by certificate"] * len(admitted)
        case Demand.CHAIN_BY_MAP:
            counted += ["another name accepted by chain_by_map"] * len(admitted - {role})
        case _:
            pass
    if not _ends_at_an_error(lines) and not proven <= admitted:
        raise WrongError(summary)
    return counted


def _ends_at_an_error(lines: Sequence[IdentMapping]) -> bool:
    r"""Return whether a line refers to a group that it lacks: then the server reads no further."""
    return any(
        r"\1" in m.database_role and re.search(r"\((?!\?)", m.system_name) is None for m in lines
    )
