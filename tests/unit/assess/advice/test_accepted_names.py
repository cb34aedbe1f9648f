"""Which names of certificates a rule accepts for a role, to be written into a remedy."""

from dataclasses import replace

import pytest

from exporter.assess.advice.accepted_names import AcceptedNames, accepted_names, accepts, of_role
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.hba import HbaRule, IdentContent, IdentMapping
from tests.unit.assess.facts import CERT, mapping, maps
from tests.unit.assess.remedies import MAPPED

AROUND = Surroundings(170000, frozenset({"replica", "staff"}), {("/^rep", "replica"): True})
WHOLE = "CN=machine-7,O=Lab"


def names(
    *contents: IdentContent,
    rule: HbaRule = MAPPED,
    whole: bool | None = False,
    around: Surroundings = AROUND,
) -> AcceptedNames:
    return accepted_names(rule, "replica", contents, around, whole=whole)


def test_without_a_map_the_name_is_the_role_s() -> None:
    for rule in (CERT, replace(CERT, options=("map=", "clientcert=verify-full"))):
        assert (
            names(rule=rule) == of_role("replica") == AcceptedNames(whole=False, names=("replica",))
        )
        assert names(rule=rule, whole=None) == AcceptedNames(whole=None, names=("replica",))


def test_without_a_map_no_whole_name_is_that_of_a_role_unless_it_is_one() -> None:
    assert names(rule=CERT, whole=True) == AcceptedNames(whole=True, names=(), is_nobody=True)
    found = accepted_names(CERT, WHOLE, (), AROUND, whole=True)
    assert found == AcceptedNames(whole=True, names=(WHOLE,))


@pytest.mark.parametrize(
    ("system_name", "given", "found", "patterns"),
    [
        ("machine-7", "replica", ("machine-7",), ()),
        ("machine-7", "all", ("machine-7",), ()),
        ("machine-7", "+staff", ("machine-7",), ()),
        ("machine-7", "/^rep", ("machine-7",), ()),
        (r"/^(.*)\.example\.com$", r"\1", ("replica.example.com",), ()),
        ("/^machine-7$", "replica", ("machine-7",), ()),
        ("/^machine-.*$", "replica", (), ("/^machine-.*$",)),
        ("/^machine-.*$", "all", (), ("/^machine-.*$",)),
    ],
)
def test_a_map_says_which_names_are_accepted(
    system_name: str, given: str, found: tuple[str, ...], patterns: tuple[str, ...]
) -> None:
    assert names(maps(mapping(system_name, given))) == AcceptedNames(
        whole=False, names=found, patterns=patterns, map_name="m"
    )


@pytest.mark.parametrize("line", [mapping("x", "bob"), mapping("x", "replica", "n")])
def test_lines_of_other_roles_and_maps_accept_no_client(line: IdentMapping) -> None:
    assert names(maps(line)) == AcceptedNames(
        whole=False, names=(), patterns=(), map_name="m", is_nobody=True
    )


def test_what_may_be_accepted_is_not() -> None:
    unread = replace(AROUND, member_of=None)
    line = mapping("x", "+staff")
    assert names(maps(line), around=unread).names == ()
    assert names(maps(line, mapping("y", "replica")), around=unread).names == ("y",)


def test_names_and_patterns_are_in_the_order_of_the_map_each_once() -> None:
    lines = ("b", "a", "/z.*", "b", "/y.*", "/z.*")
    found = names(maps(*(mapping(name, "replica") for name in lines)))
    assert found == AcceptedNames(
        whole=False, names=("b", "a"), patterns=("/z.*", "/y.*"), map_name="m"
    )


def test_only_what_every_content_accepts_is_accepted() -> None:
    one = maps(mapping("a", "replica"), mapping("b", "replica"), mapping("/x.*", "replica"))
    other = maps(mapping("/y.*", "replica"), mapping("b", "replica"), mapping("c", "replica"))
    assert names(one, other) == AcceptedNames(
        whole=False, names=("b",), patterns=("/x.*", "/y.*"), map_name="m"
    )
    # somebody is accepted, whichever is in force
    assert not names(maps(mapping("a", "replica")), maps(mapping("b", "replica"))).is_nobody
    assert not names(maps(mapping("a", "replica")), maps()).is_nobody
    assert names(maps(), maps()).is_nobody


def test_where_no_map_is_known_nothing_is() -> None:
    assert names() == AcceptedNames(whole=False, names=(), patterns=(), map_name="m")


def test_a_name_without_attributes_is_no_whole_one() -> None:
    content = maps(mapping("machine-7", "replica"), mapping(WHOLE, "replica"))
    assert names(content, whole=True).names == (WHOLE,)
    for whole in (False, None):
        assert names(content, whole=whole) == AcceptedNames(
            whole=whole, names=("machine-7", WHOLE), patterns=(), map_name="m"
        )
    assert names(maps(mapping("machine-7", "replica")), whole=True).is_nobody


@pytest.mark.parametrize(
    ("name", "can_be"),
    [
        ("CN=a", True),
        ("CN=a b,O=x+OU=y,1.2.3=z", True),
        (r"CN=\#1,O=a\,b", True),
        (r"CN=\C3\BC", True),
        ("CN=", True),
        (r"O=x\ ,CN=a", True),
        # OpenSSL escapes these (RFC 2253)
        ("CN=#1", False),
        ("CN= a", False),
        ("CN=a ", False),
        ("CN=a,b", False),
        ('CN=a"b', False),
        ("CN=ü", False),
        ("a", False),
    ],
)
def test_a_whole_name_is_one_that_a_certificate_can_have(name: str, *, can_be: bool) -> None:
    found = names(maps(mapping(name, "replica")), whole=True)
    assert (found.names, found.is_nobody) == ((name,) if can_be else (), not can_be)


def test_an_empty_name_is_never_accepted() -> None:
    for empty in ("", "/^$"):
        assert names(maps(mapping(empty, "replica"))).is_nobody


def test_a_name_that_is_not_known_is_not_accepted() -> None:
    found = of_role("replica")
    assert found.accepts("replica")
    assert not found.accepts("other")
    assert not found.accepts(None)


# --- one name under one rule


@pytest.mark.parametrize(
    ("system_name", "given", "expected"),
    [
        ("machine-7", "replica", True),
        ("machine-7", "all", True),
        ("machine-8", "replica", False),
        ("machine-7", "bob", False),
        ("/^machine-.*$", "replica", True),
        ("/^x", "replica", False),
        # it may be
        ("/[[:alpha:]]", "replica", False),
        ("machine-7", "/new", False),
    ],
)
def test_a_name_is_accepted_where_a_line_certainly_matches_it(
    system_name: str, given: str, *, expected: bool
) -> None:
    content = maps(mapping("other", "replica"), mapping(system_name, given))
    assert accepts(MAPPED, "machine-7", "replica", (content,), AROUND) is expected
    elsewhere = maps(mapping(system_name, given, "n"))
    assert not accepts(MAPPED, "machine-7", "replica", (elsewhere,), AROUND)


def test_a_name_is_accepted_only_by_every_content() -> None:
    one, other = maps(mapping("machine-7", "replica")), maps(mapping("machine-8", "replica"))
    assert accepts(MAPPED, "machine-7", "replica", (one, one), AROUND)
    assert not accepts(MAPPED, "machine-7", "replica", (one, other), AROUND)
    assert not accepts(MAPPED, "machine-7", "replica", (), AROUND)


def test_without_a_map_the_role_s_name_is_accepted() -> None:
    assert accepts(CERT, "replica", "replica", (), AROUND)
    assert not accepts(CERT, "machine-7", "replica", (), AROUND)
