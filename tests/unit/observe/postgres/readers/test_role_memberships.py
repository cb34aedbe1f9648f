"""Memberships that are followed here."""

import pytest

from exporter.observe.postgres.readers.role_memberships import (
    DIRECT_MEMBERSHIPS,
    FOLLOWED_MEMBERSHIPS,
    follow,
    of_followed,
)
from exporter.observe.postgres.session.statement import Context, Row

CONTEXT = Context(180000, 1)
ROWS: list[Row] = [
    (b"1", b"2", b"b"),
    (b"1", b"3", b"c"),
    (b"2", b"4", b"d"),
    (b"4", b"5", b"e"),
    (b"9", b"10", b"z"),
    # which no server has
    (b"6", b"7", b"trip"),
    (b"7", b"6", b"round"),
]


@pytest.mark.parametrize(
    ("name", "oid", "member_of"),
    [
        ("a", b"1", {"a", "b", "c", "d", "e"}),
        ("d", b"4", {"d", "e"}),
        ("e", b"5", {"e"}),
        ("nobody", b"11", {"nobody"}),
        ("round", b"6", {"round", "trip"}),
        # renamed since
        ("formerly", b"4", {"formerly", "e"}),
    ],
)
def test_a_role_is_a_member_of_itself_and_all_behind_its_own(
    name: str, oid: bytes, member_of: set[str]
) -> None:
    direct = DIRECT_MEMBERSHIPS.take(ROWS, CONTEXT)
    assert isinstance(direct, dict)
    assert follow(direct, {name: oid}) == {name: member_of}
    assert follow(direct, {name: oid, "d": b"4"}) == {name: member_of, "d": {"d", "e"}}


@pytest.mark.parametrize("number", [0, 200, 201])
def test_a_crowd_is_left_to_the_server(number: int) -> None:
    rows: list[Row] = [(b"%d" % n, b"1", b"group") for n in range(number)]
    read = DIRECT_MEMBERSHIPS.take(rows, CONTEXT)
    assert (read is None) is (number > 200)


def test_nothing_is_known_of_a_role_that_the_server_does_not_show() -> None:
    followed = FOLLOWED_MEMBERSHIPS.take([(b"1", b"1", b"a"), (b"1", b"2", b"b")], CONTEXT)
    assert isinstance(followed, dict)
    assert of_followed(followed, {"a": b"1", "dropped": b"3"}) == {"a": {"a", "b"}}
