"""Rules and names written out so that pg_hba.conf is read as they are meant."""

from dataclasses import replace

import pytest

from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.rule_text import address_text, is_plain, literal, quoted, role_text, rule_text
from tests.unit.assess.facts import CERT, SCRAM, TRUST


@pytest.mark.parametrize(
    ("token", "written"),
    [
        ("replica", "replica"),
        ("a b", '"a b"'),
        ("a,b", '"a,b"'),
        ("a#b", '"a#b"'),
        ('a"b', '"a""b"'),
        ("", '""'),
        ("a\\", '"a\\"'),
        ("a\\b", "a\\b"),
        ("all", "all"),
    ],
)
def test_a_token_is_quoted_where_it_would_be_read_as_something_else(
    token: str, written: str
) -> None:
    assert quoted(token) == written


def test_plain_names_have_no_meaning_of_their_own() -> None:
    keywords = ("all", "sameuser", "samerole", "samegroup", "replication", "+x", "@x", "/x")
    assert [name for name in (*keywords, "replica", "x+") if is_plain(name)] == ["replica", "x+"]


@pytest.mark.parametrize(
    ("name", "before_16", "since"),
    [
        ("replica", "replica", "replica"),
        ("all", '"all"', '"all"'),
        ("+x", '"+x"', '"+x"'),
        ("a b", '"a b"', '"a b"'),
        ("/x", '"/x"', "/^/x$"),
        ("/x y", '"/x y"', '"/^/x y$"'),
        ("/a.b*", '"/a.b*"', r"/^/a\.b\*$"),
        ("a\nb", r"/^a\nb$", r"/^a\nb$"),
        ("a\rb", r"/^a\rb$", r"/^a\rb$"),
    ],
)
def test_a_name_is_written_so_that_it_stands_for_itself(
    name: str, before_16: str, since: str
) -> None:
    assert (literal(name, 159999), literal(name, 160000)) == (before_16, since)


@pytest.mark.parametrize(
    ("address", "netmask", "written"),
    [
        ("10.0.0.0", "255.0.0.0", "10.0.0.0/8"),
        ("10.0.0.5", "255.255.255.255", "10.0.0.5/32"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0/0"),
        ("10.0.0.0", "255.0.255.0", "10.0.0.0 255.0.255.0"),
        ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1/128"),
        ("samenet", None, "samenet"),
        (None, None, ""),
    ],
)
def test_an_address_is_written_with_its_prefix_or_its_mask(
    address: str | None, netmask: str | None, written: str
) -> None:
    assert address_text(replace(CERT, address=address, netmask=netmask)) == written


def test_a_group_s_plus_stands_outside_of_the_quotes() -> None:
    assert [role_text(t) for t in ("staff", "+staff", "+my staff", "my staff")] == [
        "staff",
        "+staff",
        '+"my staff"',
        '"my staff"',
    ]


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        (CERT, "hostssl replication replica 10.0.0.0/8 cert"),
        (
            replace(CERT, options=("map=m", "clientcert=verify-full")),
            "hostssl replication replica 10.0.0.0/8 cert map=m",
        ),
        (
            replace(SCRAM, options=("clientcert=verify-full",)),
            "host replication replica 10.0.0.0/8 scram-sha-256 clientcert=verify-full",
        ),
        (
            replace(TRUST, databases=("a", "b c"), roles=("+x", "all")),
            'host a,"b c" +x,all 10.0.0.0/8 trust',
        ),
        (
            replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None),
            "local replication replica trust",
        ),
    ],
)
def test_a_rule_is_one_line_without_what_the_view_adds(rule: HbaRule, written: str) -> None:
    assert rule_text(rule) == written


def test_an_option_is_found_by_its_whole_name() -> None:
    rule = replace(CERT, options=("bitmap=x", "map=m=n", "map=o"))
    assert (rule.option("map"), rule.option("ap"), rule.option("clientcert")) == (
        "m=n",
        None,
        None,
    )
