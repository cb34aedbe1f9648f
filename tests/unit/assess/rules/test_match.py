"""Which rule governs: type, role, database, address, and what the server's view leaves out."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.rules.match import Client, governing_rule, rule_matches
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.doubt import (
    AddressNotShown,
    Doubt,
    HostNameLookup,
    MayBeQuoted,
    MembershipUnread,
    NetworkInterfaces,
    NotEvaluated,
    RuleInDoubt,
)
from exporter.model.hba import (
    NO_QUOTES,
    UNKNOWN_QUOTES,
    ConnectionType,
    HbaContent,
    HbaRule,
    Quoting,
    RuleLocation,
)
from exporter.model.report import Governs, NoRule, Undecided
from exporter.model.wal_sender import ReplicationKind
from tests.unit.assess.facts import CERT, HBA, REJECT, SCRAM, TRUST, at, line

YES, NO, MAY = Truth.YES, Truth.NO, Truth.MAY
ANYBODY = replace(TRUST, databases=("replication",), roles=("all",), address="all", netmask=None)
PHYSICAL = Client(
    kind=ReplicationKind.PHYSICAL,
    role="replica",
    database=None,
    address=ip_address("10.0.0.5"),
    tls=True,
    gss_encrypted=False,
)
LOGICAL = replace(PHYSICAL, kind=ReplicationKind.LOGICAL, database="shop")
SOCKET = replace(PHYSICAL, address=None, tls=False)
PLAINTEXT = replace(PHYSICAL, tls=False)
GSS = replace(PLAINTEXT, gss_encrypted=True)
AROUND = Surroundings(
    server_version_number=180000,
    member_of=frozenset({"replica", "staff"}),
    regular_expressions={
        ("/^rep", "replica"): True,
        ("/^x", "replica"): False,
        ("/shop", "shop"): True,
    },
)
V15 = replace(AROUND, server_version_number=159999)


def of(*written: HbaRule) -> HbaContent:
    return HbaContent(written, (), digest="")


def doubted(
    rule: HbaRule,
    client: Client = PHYSICAL,
    around: Surroundings = AROUND,
    *,
    quoting: Quoting = NO_QUOTES,
) -> tuple[Truth, tuple[Doubt, ...]]:
    return rule_matches(rule, client, around, quoting=quoting)


def matches(
    rule: HbaRule,
    client: Client = PHYSICAL,
    around: Surroundings = AROUND,
    *,
    quoting: Quoting = NO_QUOTES,
) -> Truth:
    return doubted(rule, client, around, quoting=quoting)[0]


# --- type


@pytest.mark.parametrize(
    ("connection_type", "socket", "plaintext", "tls", "gss"),
    [
        (ConnectionType.LOCAL, YES, NO, NO, NO),
        (ConnectionType.HOST, NO, YES, YES, YES),
        (ConnectionType.HOSTSSL, NO, NO, YES, NO),
        (ConnectionType.HOSTNOSSL, NO, YES, NO, YES),
        (ConnectionType.HOSTGSSENC, NO, NO, NO, YES),
        (ConnectionType.HOSTNOGSSENC, NO, YES, YES, NO),
    ],
)
def test_the_type_of_a_rule_is_matched_against_how_the_client_connects(
    connection_type: ConnectionType, socket: Truth, plaintext: Truth, tls: Truth, gss: Truth
) -> None:
    rule = replace(ANYBODY, connection_type=connection_type)
    reported = [matches(rule, client) for client in (SOCKET, PLAINTEXT, PHYSICAL, GSS)]
    assert reported == [socket, plaintext, tls, gss]


def test_what_does_not_match_by_its_type_leaves_no_doubt() -> None:
    rule = replace(ANYBODY, connection_type=ConnectionType.LOCAL, address="samenet")
    assert doubted(rule, PHYSICAL, AROUND) == (NO, ())
    assert doubted(replace(rule, connection_type=ConnectionType.HOST), PHYSICAL, AROUND) == (
        MAY,
        (NetworkInterfaces("samenet"),),
    )
    other = replace(rule, connection_type=ConnectionType.HOST, roles=("other",))
    assert doubted(other, PHYSICAL, AROUND) == (NO, ())


def test_a_client_over_tls_is_not_encrypted_by_gssapi() -> None:
    for client in (PLAINTEXT, GSS, PHYSICAL):
        assert client.over_tls() == PHYSICAL


# --- role


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("replica", YES),
        ("Replica", NO),
        ("other", NO),
        ("all", YES),
        ("+staff", YES),
        ("+replica", YES),
        ("+other", NO),
        ("staff", NO),
        ("/^rep", YES),
        ("/^x", NO),
        ("replication", NO),
    ],
)
def test_a_role_is_given_by_name_group_expression_or_all(token: str, expected: Truth) -> None:
    assert matches(replace(ANYBODY, roles=(token,))) is expected


def test_any_token_of_a_field_is_enough() -> None:
    assert matches(replace(ANYBODY, roles=("other", "replica"))) is YES
    assert matches(replace(ANYBODY, databases=("shop", "replication"))) is YES


def test_all_fields_have_to_match() -> None:
    assert matches(replace(ANYBODY, roles=("other",))) is NO
    assert matches(replace(ANYBODY, databases=("other",))) is NO
    assert matches(replace(ANYBODY, address="10.0.0.6", netmask="255.255.255.255")) is NO


def test_membership_that_could_not_be_read_is_a_doubt() -> None:
    blind = replace(AROUND, member_of=None)
    doubts = doubted(replace(ANYBODY, roles=("+staff",)), PHYSICAL, blind)
    assert doubts == (MAY, (MembershipUnread("staff"),))
    assert matches(replace(ANYBODY, roles=("+staff", "replica")), around=blind) is YES


def test_an_expression_without_an_answer_is_a_doubt() -> None:
    doubts = doubted(replace(ANYBODY, roles=("/new",)), PHYSICAL, AROUND)
    assert doubts == (MAY, (NotEvaluated("/new"),))


def test_before_16_a_leading_slash_is_part_of_a_name() -> None:
    assert matches(replace(ANYBODY, roles=("/^rep",)), around=V15) is NO
    assert matches(replace(ANYBODY, roles=("/x",)), replace(PHYSICAL, role="/x"), V15) is YES
    at_16 = replace(V15, server_version_number=160000)
    assert matches(replace(ANYBODY, roles=("/^rep",)), around=at_16) is YES


# --- database


@pytest.mark.parametrize(
    ("token", "physical", "logical"),
    [
        ("replication", YES, NO),
        ("all", NO, YES),
        ("shop", NO, YES),
        ("other", NO, NO),
        ("sameuser", NO, NO),
        ("samerole", NO, NO),
        ("/shop", NO, YES),
    ],
)
def test_replication_is_for_physical_walsenders_and_all_the_rest_for_logical_ones(
    token: str, physical: Truth, logical: Truth
) -> None:
    rule = replace(ANYBODY, databases=(token,))
    assert (matches(rule), matches(rule, LOGICAL)) == (physical, logical)


@pytest.mark.parametrize(
    ("token", "database", "expected"),
    [
        ("sameuser", "replica", YES),
        ("sameuser", "staff", NO),
        ("samerole", "staff", YES),
        ("samegroup", "staff", YES),
        ("samerole", "other", NO),
        ("replication", "replication", NO),
    ],
)
def test_keywords_of_the_database_field(token: str, database: str, expected: Truth) -> None:
    assert matches(replace(ANYBODY, databases=(token,)), replace(LOGICAL, database=database)) is (
        expected
    )


# --- address


@pytest.mark.parametrize(
    ("address", "netmask", "client", "expected"),
    [
        ("10.0.0.0", "255.0.0.0", "10.9.9.9", YES),
        ("10.0.0.0", "255.0.0.0", "11.0.0.1", NO),
        ("127.0.0.9", "255.0.0.0", "127.0.0.1", YES),
        ("10.0.0.5", "255.0.0.255", "10.9.9.5", YES),
        ("10.0.0.5", "255.0.0.255", "10.9.9.6", NO),
        ("0.0.0.0", "0.0.0.0", "10.0.0.5", YES),
        ("0.0.0.0", "0.0.0.0", "::1", NO),
        ("::", "::", "10.0.0.5", NO),
        ("::", "::", "::1", YES),
        ("::ffff:127.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "127.0.0.1", NO),
        ("all", None, "10.0.0.5", YES),
        ("all", None, "::1", YES),
    ],
)
def test_an_address_is_masked_on_both_sides_within_its_family(
    address: str, netmask: str | None, client: str, expected: Truth
) -> None:
    rule = replace(ANYBODY, address=address, netmask=netmask)
    assert matches(rule, replace(PHYSICAL, address=ip_address(client))) is expected


@pytest.mark.parametrize(
    ("address", "doubt"),
    [
        ("samehost", NetworkInterfaces("samehost")),
        ("samenet", NetworkInterfaces("samenet")),
        ("db.example", HostNameLookup("db.example")),
        (".example", HostNameLookup(".example")),
        (None, AddressNotShown()),
    ],
)
def test_an_address_that_only_the_server_can_determine_is_a_doubt(
    address: str | None, doubt: Doubt
) -> None:
    assert doubted(replace(ANYBODY, address=address), PHYSICAL, AROUND) == (MAY, (doubt,))


def test_a_unix_socket_has_no_address_to_match() -> None:
    local = replace(ANYBODY, connection_type=ConnectionType.LOCAL, address=None)
    assert doubted(local, SOCKET, AROUND) == (YES, ())


# --- quotes


@pytest.mark.parametrize(
    ("token", "role", "expected"),
    [
        ("all", "replica", MAY),
        ("all", "all", YES),
        ("+staff", "replica", MAY),
        ("+staff", "other", MAY),
        ("+none", "replica", NO),
        ("replica", "replica", YES),
        ("/^rep", "replica", YES),
    ],
)
def test_in_a_line_with_quotes_a_keyword_may_be_a_name(
    token: str, role: str, expected: Truth
) -> None:
    rule = replace(
        ANYBODY, roles=(token,), databases=("shop",), address="0.0.0.0", netmask="0.0.0.0"
    )
    assert matches(rule, replace(LOGICAL, role=role), quoting=UNKNOWN_QUOTES) is expected


@pytest.mark.parametrize(
    ("token", "database", "expected"),
    [
        ("replication", None, MAY),
        ("replication", "replication", MAY),
        ("replication", "shop", NO),
        ("all", "shop", MAY),
        ("all", "all", YES),
        ("sameuser", "replica", MAY),
        ("sameuser", "shop", NO),
        ("samerole", "staff", MAY),
        ("samerole", "samerole", MAY),
        ("shop", "shop", YES),
        ("/shop", "shop", YES),
    ],
)
def test_in_a_line_with_quotes_a_keyword_may_be_a_database(
    token: str, database: str | None, expected: Truth
) -> None:
    rule = replace(
        ANYBODY, roles=("replica",), databases=(token,), address="0.0.0.0", netmask="0.0.0.0"
    )
    client = PHYSICAL if database is None else replace(LOGICAL, database=database)
    assert matches(rule, client, quoting=UNKNOWN_QUOTES) is expected


def test_a_quoted_all_in_the_address_field_is_a_host_name() -> None:
    rule = replace(ANYBODY, roles=("replica",), databases=("shop",))
    assert doubted(rule, LOGICAL, quoting=UNKNOWN_QUOTES) == (
        MAY,
        (MayBeQuoted("all", is_address=True),),
    )


def test_doubts_of_one_rule_are_reported_together() -> None:
    rule = replace(ANYBODY, roles=("+staff", "/new"), address="samenet")
    blind = replace(AROUND, member_of=None)
    result, doubts = doubted(rule, PHYSICAL, blind, quoting=UNKNOWN_QUOTES)
    assert result is MAY
    assert doubts == (
        MayBeQuoted("+staff", is_address=False),
        NotEvaluated("/new"),
        MayBeQuoted("replication", is_address=False),
        NetworkInterfaces("samenet"),
    )


def test_where_quotes_could_not_be_read_tokens_are_keywords() -> None:
    file = of(ANYBODY)
    assert governing_rule(file, PHYSICAL, AROUND) == Governs(ANYBODY)
    elsewhere = (
        line(RuleLocation(HBA, 2), quote=True),
        line(RuleLocation("/etc/other.conf", 1), quote=True),
    )
    quoted = file.with_lines(elsewhere)
    assert governing_rule(quoted, PHYSICAL, AROUND) == Governs(ANYBODY)
    quoted = file.with_lines((*elsewhere, line(ANYBODY.location, quote=True)))
    assert isinstance(governing_rule(quoted, PHYSICAL, AROUND), Undecided)


# --- the first that matches


def test_the_first_rule_that_matches_governs() -> None:
    file = of(at(1, replace(CERT, roles=("other",))), at(2, CERT), at(3, TRUST))
    assert governing_rule(file, PHYSICAL, AROUND) == Governs(at(2, CERT))


def test_no_rule_governs_a_client_that_none_matches() -> None:
    assert governing_rule(of(), PHYSICAL, AROUND) == NoRule()
    assert governing_rule(of(CERT), PLAINTEXT, AROUND) == NoRule()


def test_after_a_rule_that_may_match_the_first_that_does_ends_the_search() -> None:
    near, far = at(1, replace(TRUST, address="samenet", netmask=None)), at(2, SCRAM)
    assert governing_rule(of(near, far, at(3, REJECT)), PHYSICAL, AROUND) == Undecided(
        (near, far),
        may_match_none=False,
        why=(RuleInDoubt(near.location, (NetworkInterfaces("samenet"),)),),
    )


def test_where_no_rule_surely_matches_none_may_govern() -> None:
    near = at(1, replace(TRUST, address="samenet", netmask=None))
    named = at(3, replace(SCRAM, address="db.example", netmask=None))
    other = at(2, replace(SCRAM, roles=("other",)))
    assert governing_rule(of(near, other, named), PHYSICAL, AROUND) == Undecided(
        (near, named),
        may_match_none=True,
        why=(
            RuleInDoubt(near.location, (NetworkInterfaces("samenet"),)),
            RuleInDoubt(named.location, (HostNameLookup("db.example"),)),
        ),
    )
