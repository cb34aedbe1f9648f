"""What a client may meet under every content of the rules that may be in force."""

from dataclasses import replace
from ipaddress import ip_address

from exporter.assess.rules.match import Client
from exporter.assess.rules.outcome import InForce, Outcomes, outcomes
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.doubt import (
    ConnectionHidden,
    MayBeQuoted,
    NetworkInterfaces,
    RuleInDoubt,
    RulesNotKnown,
    SeveralVersions,
)
from exporter.model.hba import HbaContent, HbaRule
from exporter.model.judgement import Demand, HbaState
from exporter.model.report import Governs, NoRule, Undecided
from exporter.model.wal_sender import ReplicationKind
from tests.unit.assess.facts import CERT, SCRAM, TRUST, at, line, mapping, maps, rules

CLIENT = Client(
    kind=ReplicationKind.PHYSICAL,
    role="replica",
    database=None,
    address=ip_address("10.0.0.5"),
    tls=True,
    gss_encrypted=False,
)
AROUND = Surroundings(
    server_version_number=170005,
    member_of=frozenset({"replica"}),
    regular_expressions={},
)
NEAR = replace(TRUST, address="samenet", netmask=None)
NEAR_IN_DOUBT = RuleInDoubt(NEAR.location, (NetworkInterfaces("samenet"),))


def met(*contents: tuple[HbaRule, ...]) -> Outcomes:
    in_force = InForce(tuple(rules(*written) for written in contents), (maps(),))
    return outcomes(CLIENT, in_force, AROUND, unknown=ConnectionHidden())


def test_under_one_content_the_governing_rule_is_reported_with_its_requirement() -> None:
    assert met((CERT,)) == Outcomes(
        match=Governs(CERT), agreed=True, possible=((CERT, frozenset({Demand.CERTIFICATE})),)
    )


def test_no_rule_refuses() -> None:
    assert met(()) == Outcomes(
        match=NoRule(), agreed=True, possible=((None, frozenset({Demand.REFUSES})),)
    )


def test_every_rule_that_may_govern_is_possible() -> None:
    near = at(1, NEAR)
    why = (NEAR_IN_DOUBT,)
    assert met((NEAR, SCRAM)) == Outcomes(
        match=Undecided((near, at(2, SCRAM)), may_match_none=False, why=why),
        agreed=True,
        possible=((near, frozenset({Demand.NOTHING})), (at(2, SCRAM), frozenset({Demand.NOTHING}))),
    )
    alone = met((NEAR,))
    assert alone.match == Undecided((near,), may_match_none=True, why=why)
    assert alone.possible == (
        (near, frozenset({Demand.NOTHING})),
        (None, frozenset({Demand.REFUSES})),
    )
    assert alone.demanded == {Demand.NOTHING, Demand.REFUSES}
    assert alone.rules == (near,)


def test_what_is_required_also_depends_on_the_map() -> None:
    mapped = replace(CERT, options=("map=m", "clientcert=verify-full"))
    in_force = InForce((rules(mapped),), (maps(mapping("alice", "replica")),))
    assert outcomes(CLIENT, in_force, AROUND).demanded == {Demand.CERTIFICATE}
    unmapped = InForce((rules(mapped),), (maps(),))
    assert outcomes(CLIENT, unmapped, AROUND).demanded == {Demand.REFUSES}


def test_contents_that_give_the_same_match_agree() -> None:
    found = met((CERT,), (CERT, SCRAM))
    assert (found.match, found.agreed) == (Governs(CERT), True)


def test_contents_that_do_not_agree_leave_it_undecided_with_all_their_rules() -> None:
    assert met((CERT,), (TRUST,)) == Outcomes(
        match=Undecided(
            (CERT, TRUST),
            may_match_none=False,
            why=(SeveralVersions(),),
        ),
        agreed=False,
        possible=(
            (CERT, frozenset({Demand.CERTIFICATE})),
            (TRUST, frozenset({Demand.NOTHING})),
        ),
    )


def test_one_content_without_a_match_is_enough_that_none_may_match() -> None:
    for contents in (((CERT,), ()), ((), (CERT,)), ((CERT,), (), (CERT,))):
        assert met(*contents).match == Undecided(
            (CERT,), may_match_none=True, why=(SeveralVersions(),)
        )


def test_each_content_is_matched_with_what_its_own_lines_hold() -> None:
    rule = replace(CERT, databases=("replication",))
    quoted = rules(rule).with_lines((line(rule.location, quote=True),))
    found = outcomes(CLIENT, InForce((rules(rule), quoted), (maps(),)), AROUND)
    doubt = RuleInDoubt(rule.location, (MayBeQuoted("replication", is_address=False),))
    assert found.match == Undecided(
        (rule,),
        may_match_none=True,
        why=(SeveralVersions(), doubt),
    )
    assert not found.agreed
    assert found.quotes_unknown(rule)
    alone = outcomes(CLIENT, InForce((rules(rule),), (maps(),)), AROUND)
    assert alone.match == Governs(rule)
    assert not alone.quotes_unknown(rule)


def test_whether_a_rule_has_clientname_is_asked_of_each_content_that_it_may_govern_in() -> None:
    whole = line(CERT.location, clientname="DN")
    here = rules(CERT).with_lines((whole,))
    plain = rules(CERT, TRUST).with_lines(())
    common = rules(CERT).with_lines((line(CERT.location, clientname="CN"),))
    # by the function of an older exporter, which does not say which it is
    unsaid = rules(CERT).with_lines((replace(whole, clientname=None),))
    unread = rules(CERT, SCRAM)
    # the same place, and not the same rule
    other = rules(TRUST).with_lines((whole,))
    expected: tuple[tuple[tuple[HbaContent, ...], set[bool | None]], ...] = (
        ((here,), {True}),
        ((plain, other), {False}),
        ((common,), {False}),
        ((unsaid,), {None}),
        ((here, plain), {True, False}),
        ((here, unread, other), {True, None}),
    )
    for contents, reported in expected:
        found = outcomes(CLIENT, InForce(contents, (maps(),)), AROUND)
        assert found.clientname(CERT) == reported


def test_the_doubts_of_several_contents_are_reported_once_each() -> None:
    near, cert = at(1, NEAR), at(2, CERT)
    assert met((CERT,), (NEAR, SCRAM), (NEAR, CERT)).match == Undecided(
        (CERT, near, at(2, SCRAM), cert),
        may_match_none=False,
        why=(SeveralVersions(), NEAR_IN_DOUBT),
    )


def test_without_any_content_it_is_undecided_for_the_reason_given() -> None:
    assert met() == Outcomes(
        match=Undecided((), may_match_none=True, why=(ConnectionHidden(),)),
        agreed=False,
        possible=(),
    )
    assert met().demanded == frozenset()
    unsaid = outcomes(CLIENT, InForce((), ()), AROUND)
    assert unsaid.match == Undecided(
        (), may_match_none=True, why=(RulesNotKnown(HbaState.UNREADABLE),)
    )
