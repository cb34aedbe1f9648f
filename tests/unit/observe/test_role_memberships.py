"""Memberships that are followed here."""

import pytest

from exporter.observe.postgres.role_memberships import DIRECT_MEMBERSHIPS, follow
from exporter.observe.postgres.statement import Context, Row

DIRECT = {
    "a": frozenset({"b", "c"}),
    "b": frozenset({"d"}),
    "d": frozenset({"e"}),
    "other": frozenset({"z"}),
    # which no server has
    "round": frozenset({"trip"}),
    "trip": frozenset({"round"}),
}


@pytest.mark.parametrize(
    ("role", "member_of"),
    [
        ("a", {"a", "b", "c", "d", "e"}),
        ("d", {"d", "e"}),
        ("e", {"e"}),
        ("nobody", {"nobody"}),
        ("round", {"round", "trip"}),
    ],
)
def test_a_role_is_a_member_of_itself_and_all_behind_its_own(
    role: str, member_of: set[str]
) -> None:
    assert follow(DIRECT, [role]) == {role: member_of}


def test_only_the_roles_that_are_asked_for_are_told() -> None:
    assert set(follow(DIRECT, ["b", "other"])) == {"b", "other"}


@pytest.mark.parametrize("number", [0, 200, 201])
def test_a_crowd_is_left_to_the_server(number: int) -> None:
    rows: list[Row] = [(b"member%d" % n, b"group") for n in range(number)]
    read = DIRECT_MEMBERSHIPS.take(rows, Context(180000, 1))
    if number > 200:
        assert read is None
    else:
        assert read == {f"member{n}": frozenset({"group"}) for n in range(number)}
