"""Names: what a certificate's name is, and which names a line of pg_ident.conf accepts."""

from dataclasses import replace

import pytest

from exporter.assess.rules.identity import (
    binds,
    certificate_name,
    distinguished_name,
    gives,
    proves,
)
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.wal_sender import SlashName
from tests.unit.assess.facts import mapping

YES, NO, MAY = Truth.YES, Truth.NO, Truth.MAY
V16 = Surroundings(
    server_version_number=160000,
    member_of=frozenset({"replica", "staff"}),
    regular_expressions={("/^rep", "replica"): True, ("/^x", "replica"): False},
)
V15 = replace(V16, server_version_number=159999)


# --- the name of a certificate


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("/CN=replica", "replica"),
        ("/C=XX/O=Lab/CN=replica", "replica"),
        ("/CN=replica/O=Lab", "replica"),
        ("/CN=", ""),
        ("/O=Lab", None),
        ("/O=x/CN=boss/CN=replica", None),
        ("/OU=CN/CN=a=b", "a=b"),
        ("/CN=db1/replica", "db1/replica"),
        ("/CN=Zürich", "Zürich"),
        (r"/CN=Comma\, Inc", "Comma, Inc"),
        (r"/CN=a\\b\+c", r"a\b+c"),
        (r"/CN=a\0Db", "a\rb"),
        (r"/CN=a\7Fb", "a\x7fb"),
        ("", None),
    ],
)
def test_the_common_name_is_reported_where_there_is_exactly_one(
    shown: str, name: str | None
) -> None:
    assert certificate_name(SlashName(shown, may_be_cut=False)) == name


@pytest.mark.parametrize(
    ("shown", "name"),
    [("/CN=replica/O=Lab", "replica"), ("/O=Lab/CN=repl", None), ("/O=Lab", None)],
)
def test_a_common_name_at_the_end_of_what_may_be_cut_is_not_reported(
    shown: str, name: str | None
) -> None:
    assert certificate_name(SlashName(shown, may_be_cut=True)) == name


def test_an_empty_subject_has_no_name() -> None:
    assert certificate_name(None) is None
    assert distinguished_name(None) is None


@pytest.mark.parametrize(
    ("shown", "cut", "name"),
    [
        ("/O=Lab/OU=Databases/CN=replica", False, "CN=replica,OU=Databases,O=Lab"),
        (r"/O=Comma\, Inc/CN=replica", False, r"CN=replica,O=Comma\, Inc"),
        ("/O=Lab/CN=repl", True, None),
        ("/O=Zürich/CN=replica", False, None),
    ],
)
def test_the_distinguished_name_reads_from_the_last_attribute(
    shown: str, name: str | None, *, cut: bool
) -> None:
    assert distinguished_name(SlashName(shown, may_be_cut=cut)) == name


# --- the role that a line accepts a name as


@pytest.mark.parametrize(
    ("system_name", "given", "since_16", "before"),
    [
        ("alice", "replica", YES, YES),
        ("alice", "other", NO, NO),
        ("alice", "all", YES, NO),
        ("alice", "+staff", YES, NO),
        ("alice", "+other", NO, NO),
        ("alice", "/^rep", YES, NO),
        ("alice", "/^x", NO, NO),
        ("alice", "/new", MAY, NO),
        ("alice", r"\1", NO, NO),
        ("/^(.*)@lab$", r"\1", YES, YES),
        ("/^(.*)@lab$", r"rep\1", YES, YES),
        ("/^(.*)@lab$", r"\1ca", YES, YES),
        ("/^(.*)@lab$", r"rep\1ca", YES, YES),
        ("/^(.*)@lab$", r"replic\1plica", NO, NO),
        ("/^(.*)@lab$", r"x\1", NO, NO),
        ("/^(.*)@lab$", r"\1x", NO, NO),
        ("/^(.*)@lab$", "replica", YES, YES),
        ("/^(.*)@lab$", "other", NO, NO),
    ],
)
def test_a_line_accepts_a_client_as_the_role_that_it_gives(
    system_name: str, given: str, since_16: Truth, before: Truth
) -> None:
    line = mapping(system_name, given)
    assert (gives(line, "replica", V16), gives(line, "replica", V15)) == (since_16, before)


def test_before_16_what_has_a_meaning_since_is_a_role_of_that_name() -> None:
    for name in ("all", "+staff", "/^rep"):
        assert gives(mapping("alice", name), name, V15) is YES


def test_only_the_first_back_reference_of_a_line_is_replaced() -> None:
    line = mapping("/^(.*)$", r"\1\1")
    assert gives(line, r"a\1", V16) is YES
    assert gives(line, "aa", V16) is NO


def test_a_group_whose_members_could_not_be_read_may_hold_the_role() -> None:
    blind = replace(V16, member_of=None)
    assert gives(mapping("alice", "+staff"), "replica", blind) is MAY


# --- whether that is one name only


@pytest.mark.parametrize(
    ("system_name", "given", "expected"),
    [
        ("alice", "replica", True),
        ("alice", "all", False),
        ("alice", "+staff", False),
        ("alice", "/^replica$", False),
        ("/^alice$", "replica", True),
        (r"/^alice@example\.com$", "replica", True),
        (r"/^CN=alice,O=Lab \(Test\)$", "replica", True),
        ("/^alice@example.com$", "replica", False),
        ("/alice$", "replica", False),
        ("/^alice", "replica", False),
        ("/^a|b$", "replica", False),
        ("/^alice$", "other", False),
        ("/^(.*)$", r"\1", True),
        (r"/^(.*)@example\.com$", r"\1", True),
        (r"/^CN=(.+),O=Lab$", r"\1", True),
        ("/^([^@]*)@lab$", r"\1", True),
        ("/^([^@]+)@lab$", r"rep\1", True),
        ("/^(.*)@example.com$", r"\1", False),
        ("/^(.*)@.*$", r"\1", False),
        ("/^(.*)(x)$", r"\1", False),
        ("/(.*)@lab$", r"\1", False),
        ("/^(.*)@lab", r"\1", False),
        ("/^(.)@lab$", r"\1", False),
        ("/^(.*)$", "replica", False),
        ("/^(.*)$", r"+\1", False),
        ("/^(.*)$", r"/\1", False),
        ("/^lab$", r"\1", False),
    ],
)
def test_a_line_binds_a_role_to_one_name_or_it_does_not(
    system_name: str, given: str, *, expected: bool
) -> None:
    assert binds(mapping(system_name, given), "replica") is expected


@pytest.mark.parametrize(
    ("system_name", "given", "expected"),
    [
        ("alice", "/^/re$", True),
        ("/^alice$", "/^/re$", True),
        ("alice", "/^/re", False),
        ("alice", "/^/other$", False),
        ("/^a", "/^/re$", False),
    ],
)
def test_a_role_that_begins_with_a_slash_is_written_as_an_expression(
    system_name: str, given: str, *, expected: bool
) -> None:
    line = mapping(system_name, given)
    assert binds(line, "/re") is expected
    assert proves(line, "alice", "/re") is expected
    # also where the server was not asked what it matches
    assert (gives(line, "/re", V16) is Truth.YES) is (given == "/^/re$")


@pytest.mark.parametrize(
    ("system_name", "given", "name", "expected"),
    [
        ("alice", "replica", "alice", True),
        ("alice", "replica", "Alice", False),
        ("alice", "replica", "replica", False),
        ("alice", "all", "alice", False),
        ("/^alice$", "replica", "alice", True),
        ("/^alice$", "replica", "alice2", False),
        (r"/^alice@example\.com$", "replica", "alice@exampleXcom", False),
        (r"/^(.*)@lab$", r"\1", "replica@lab", True),
        (r"/^(.*)@lab$", r"\1", "other@lab", False),
        (r"/^(.*)@lab$", r"\1", "replica", False),
        (r"/^(.*)@lab$", r"rep\1", "lica@lab", True),
        (r"/^(.*)$", r"\1\1", r"replica", False),
        (r"/^(.*)$", r"\1", "a\nb", False),
    ],
)
def test_the_one_name_that_a_line_binds_proves_the_role(
    system_name: str, given: str, name: str, *, expected: bool
) -> None:
    assert proves(mapping(system_name, given), name, "replica") is expected


def test_a_name_with_a_line_break_is_matched_whole() -> None:
    assert proves(mapping("/^(.*)@lab$", r"\1"), "a\nb@lab", "a\nb")


def test_a_second_back_reference_stays_as_it_is_written() -> None:
    assert proves(mapping("/^(.*)$", r"\1\1"), "a", r"a\1")
