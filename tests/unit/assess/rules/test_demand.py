"""What a rule requires of a client: by method, clientcert= and the map."""

from dataclasses import replace

import pytest

from exporter.assess.rules.demand import demands, map_name
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.hba import HbaRule, IdentMapping
from exporter.model.judgement import Demand
from tests.unit.assess.facts import CERT, REJECT, SCRAM, TRUST, mapping, maps

V17 = Surroundings(
    server_version_number=170005,
    member_of=frozenset({"replica", "staff"}),
    regular_expressions={("/^rep", "replica"): True, ("/^x", "replica"): False},
)
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))


def required(rule: HbaRule | None, *lines: IdentMapping) -> set[Demand]:
    return set(demands(rule, "replica", (maps(*lines),), V17))


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "password", "trust", "ldap", "gss"])
@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ((), Demand.NOTHING),
        (("clientcert=verify-ca",), Demand.CHAIN),
        (("clientcert=verify-full",), Demand.CERTIFICATE),
    ],
)
def test_clientcert_is_checked_under_every_method(
    method: str, option: tuple[str, ...], expected: Demand
) -> None:
    assert required(replace(SCRAM, auth_method=method, options=option)) == {expected}


def test_cert_requires_the_role_s_certificate_whatever_its_options() -> None:
    assert required(CERT) == {Demand.CERTIFICATE}
    assert required(replace(CERT, options=())) == {Demand.CERTIFICATE}


def test_a_client_that_is_rejected_or_matched_by_no_rule_is_refused() -> None:
    assert required(None) == {Demand.REFUSES}
    assert required(REJECT) == {Demand.REFUSES}
    assert required(replace(REJECT, options=("clientcert=verify-ca",))) == {Demand.REFUSES}


def test_only_a_map_with_a_name_is_one() -> None:
    assert map_name(MAPPED) == "m"
    assert map_name(replace(CERT, options=("map=",))) is None
    assert map_name(CERT) is None
    assert map_name(replace(CERT, options=("bitmap=m",))) is None


def test_a_map_says_nothing_where_no_name_is_compared() -> None:
    assert required(replace(TRUST, options=("map=m",))) == {Demand.NOTHING}
    chain = replace(SCRAM, options=("map=m", "clientcert=verify-ca"))
    assert required(chain) == {Demand.CHAIN}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("alice", "replica")], Demand.CERTIFICATE),
        ([("alice", "replica"), ("bob", "replica")], Demand.CERTIFICATE),
        ([("alice", "replica"), ("/.*", "other")], Demand.CERTIFICATE),
        ([("/^(.*)@lab$", r"\1")], Demand.CERTIFICATE),
        ([("/.*", "replica")], Demand.CHAIN_BY_MAP),
        ([("alice", "replica"), ("/.*", "replica")], Demand.CHAIN_BY_MAP),
        ([("/.*", "all")], Demand.CHAIN_BY_MAP),
        ([("/.*", "+staff")], Demand.CHAIN_BY_MAP),
        ([("/.*", "/^rep")], Demand.CHAIN_BY_MAP),
        ([("/.*", "/new")], Demand.UNKNOWN),
        ([("alice", "replica"), ("/.*", "/new")], Demand.UNKNOWN),
        ([("/.*", "/new"), ("/.*", "replica")], Demand.CHAIN_BY_MAP),
        ([("/.*", "/^x")], Demand.REFUSES),
        ([("alice", "other")], Demand.REFUSES),
        ([], Demand.REFUSES),
    ],
)
def test_a_map_binds_the_role_to_one_name_to_several_or_to_none(
    lines: list[tuple[str, str]], expected: Demand
) -> None:
    assert required(MAPPED, *(mapping(*line) for line in lines)) == {expected}


def test_lines_of_another_map_do_not_count() -> None:
    assert required(MAPPED, mapping("/.*", "replica", "n")) == {Demand.REFUSES}


def test_without_any_known_content_a_map_is_unknown() -> None:
    assert demands(MAPPED, "replica", (), V17) == {Demand.UNKNOWN}


def test_each_content_of_pg_ident_that_may_be_in_force_answers() -> None:
    contents = (maps(mapping("alice", "replica")), maps(mapping("/.*", "replica")), maps())
    assert demands(MAPPED, "replica", contents, V17) == {
        Demand.CERTIFICATE,
        Demand.CHAIN_BY_MAP,
        Demand.REFUSES,
    }
