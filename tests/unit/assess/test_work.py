"""The limit of work: what counts for how much, and what a report is beyond the limit."""

from bisect import bisect_left
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.advice.length import length
from exporter.assess.certificates.connection import STEPS_OF_A_CHAIN, STEPS_OF_A_STANDBY
from exporter.assess.certificates.name import STEPS_OF_A_NAME, Namings
from exporter.assess.connection import CHARACTERS_OF_A_STEP, STEPS_OF_A_CONNECTION
from exporter.assess.report import STEPS_OF_A_LINE, assess
from exporter.assess.rules.demand import MAPPINGS_OF_A_STEP, demands
from exporter.assess.rules.identity import (
    CHARACTERS_COMPILED_IN_A_STEP,
    LONGEST_KEPT,
    STEPS_OF_A_MAPPING,
    STEPS_OF_A_PATTERN,
    gives,
)
from exporter.assess.rules.match import (
    STEPS_OF_A_CANDIDATE,
    STEPS_OF_A_RULE,
    STEPS_OF_INTERPRETING,
    TOKENS_OF_A_STEP,
    Client,
    governing_rule,
)
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.work import MOST_STEPS, TooMuchWorkError, Work, size_of
from exporter.model.certificates_report import NameFit
from exporter.model.doubt import RuleInDoubt, SeveralVersions
from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.finding import (
    MoreNotInUse,
    NoRuleMatches,
    NotDecided,
    RuleGoverns,
    RuleRequires,
)
from exporter.model.hba import ConnectionType, ErrorLine, HbaRule, IdentMapping, RuleLocation
from exporter.model.history import Judgements, RulesHistory
from exporter.model.inventory import Binding
from exporter.model.judgement import Demand, HbaState
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.policy import Exemption, Policy
from exporter.model.report import Connection, Governs
from exporter.model.target import Target
from exporter.model.wal_sender import OtherPeer, ReplicationKind, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    KNOWLEDGE,
    NOW,
    PLAIN,
    POLL,
    SCRAM,
    STANDBY,
    TARGET,
    at,
    connections,
    mapping,
    maps,
    rules,
    times,
)
from tests.unit.assess.with_certificates import (
    OWN,
    PRIMARY,
    SEEN,
    STANDBY_TARGET,
    certificate,
    inventory,
    known,
    name,
    of_standby,
    using,
)

PHYSICAL = Client(
    kind=ReplicationKind.PHYSICAL,
    role="replica",
    database=None,
    address=ip_address("10.0.0.5"),
    tls=True,
    gss_encrypted=False,
)
OTHERS = replace(SCRAM, roles=("other",))
"""A rule that does not match, which is seen at once."""
NEARBY = replace(SCRAM, address="samenet", netmask=None)
"""A rule that may match."""
MAPPED = replace(CERT, options=("clientcert=verify-full", "map=m"))
LATER = replace(PLAIN, pid=4712, peer=TcpPeer(ip_address("10.0.0.6"), 1))


def around(work: Work) -> Surroundings:
    return Surroundings(170000, frozenset({"replica"}), {}, work)


def rule_steps(*written: HbaRule) -> int:
    """Return how many steps it takes to find the rule that governs a client."""
    work = Work()
    governing_rule(rules(*written), PHYSICAL, around(work))
    return work.done


def mapping_steps(*lines: IdentMapping) -> int:
    work = Work()
    demands(MAPPED, "replica", (maps(*lines),), around(work))
    return work.done


def gives_steps(system_name: str) -> int:
    work = Work()
    gives(mapping(system_name, "replica"), "replica", around(work))
    return work.done


def least(
    poll: Observation,
    target: Target = TARGET,
    knowledge: Knowledge = KNOWLEDGE,
    history: RulesHistory | None = None,
) -> int:
    """Return the least limit under which a poll is judged."""

    def is_judged(most_steps: int) -> bool:
        report, _ = assess(
            poll,
            target,
            RulesHistory() if history is None else history,
            knowledge,
            now=NOW,
            most_steps=most_steps,
        )
        return report.failure is None

    return bisect_left(range(MOST_STEPS), True, key=is_judged)  # noqa: FBT003  positional only


def text_steps(connection: Connection) -> int:
    characters = size_of(connection.findings) + sum(map(length, connection.remedy))
    return characters // CHARACTERS_OF_A_STEP


def judged(
    poll: Observation, target: Target = TARGET, knowledge: Knowledge = KNOWLEDGE
) -> tuple[Connection, ...]:
    return connections(assess(poll, target, RulesHistory(), knowledge, now=NOW)[0])


def exceeded(poll: Observation, most_steps: int) -> Unread:
    report, _ = assess(poll, TARGET, RulesHistory(), KNOWLEDGE, now=NOW, most_steps=most_steps)
    assert report.failure is not None
    assert report.failure.reason is FailureReason.LIMIT_EXCEEDED
    assert report.connections == report.failure
    return report.failure


# --- the counter


def test_steps_are_counted_up_to_the_limit_and_not_beyond() -> None:
    work = Work(10)
    work.add(4)
    work.add(6)
    assert work.done == 10
    with pytest.raises(TooMuchWorkError):
        work.add(1)


def test_without_a_limit_of_its_own_it_has_that_of_a_judgement() -> None:
    assert Work().most == MOST_STEPS


def test_shared_work_has_the_same_limit_and_a_count_of_its_own() -> None:
    work = Work(10)
    work.shared.add(7)
    work.add(7)
    work.shared.add(3)
    assert (work.done, work.shared.done, work.shared.most) == (7, 10, 10)


# --- the size of findings

OTHER = 8
"""Characters of what is not text."""


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 0),
        ("twelve chars", 12),
        (Demand.CERTIFICATE, len("certificate")),
        (7, OTHER),
        (None, OTHER),
        (True, OTHER),
        (NOW, OTHER),
        (b"much longer than that", OTHER),
        (NameFit.ADMITTED, OTHER),
        ((), 0),
        (("ab", "cde", 1), 5 + OTHER),
        (("ab", ("cde", ())), 5),
        (NoRuleMatches(), OTHER),
        (MoreNotInUse(3), OTHER + OTHER),
        (RuleRequires(Demand.NOTHING, "md5"), OTHER + len("nothing") + 3),
        (NotDecided(SeveralVersions()), OTHER + OTHER),
        (NotDecided(RuleInDoubt(RuleLocation("ab", 1), ())), OTHER + OTHER + OTHER + 2 + OTHER),
        ((NoRuleMatches(), NoRuleMatches()), OTHER + OTHER),
    ],
)
def test_the_size_of_findings_is_that_of_their_texts_and_fields(value: object, size: int) -> None:
    assert size_of(value) == size


def test_the_size_of_a_rule_grows_with_its_tokens() -> None:
    one = size_of(RuleGoverns(CERT))
    longer = replace(CERT, roles=(*CERT.roles, "x" * 50), options=(*CERT.options, "y" * 30))
    assert size_of(RuleGoverns(longer)) == one + 80


# --- rules


def test_each_rule_up_to_the_one_that_governs_counts() -> None:
    one = rule_steps(OTHERS)
    assert one == STEPS_OF_A_RULE
    assert rule_steps(OTHERS, OTHERS, OTHERS) == 3 * one
    governing = rule_steps(SCRAM)
    assert rule_steps(OTHERS, SCRAM, OTHERS) == one + governing
    assert governing == one + STEPS_OF_INTERPRETING + 2


@pytest.mark.parametrize(
    "rule",
    [
        replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL),
        replace(SCRAM, connection_type=ConnectionType.LOCAL, address=None, netmask=None),
        replace(SCRAM, databases=("postgres", "all")),
        replace(SCRAM, roles=("other", "xreplica")),
        replace(SCRAM, address="11.0.0.0"),
        replace(SCRAM, address="::", netmask="::"),
    ],
)
def test_most_rules_that_do_not_match_are_seen_at_once(rule: HbaRule) -> None:
    assert rule_steps(rule) == STEPS_OF_A_RULE


@pytest.mark.parametrize(
    "rule",
    [
        replace(SCRAM, roles=("+other",)),
        replace(SCRAM, roles=("/^other",)),
        replace(SCRAM, roles=("other", "all"), address=None, netmask=None),
    ],
)
def test_what_takes_more_than_a_glance_counts_more(rule: HbaRule) -> None:
    assert rule_steps(rule) > STEPS_OF_A_RULE + STEPS_OF_INTERPRETING


def test_over_a_unix_socket_and_in_a_database_rules_are_interpreted() -> None:
    local = replace(SCRAM, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    for client, rule in (
        (replace(PHYSICAL, address=None, tls=False), local),
        (replace(PHYSICAL, database="postgres"), replace(SCRAM, databases=("all",))),
    ):
        work = Work()
        assert governing_rule(rules(rule), client, around(work)) == Governs(at(1, rule))
        assert work.done == STEPS_OF_A_RULE + STEPS_OF_INTERPRETING + 2


def test_many_tokens_count() -> None:
    roles = tuple(f"other{n}" for n in range(2 * TOKENS_OF_A_STEP - 1))
    assert rule_steps(replace(OTHERS, roles=roles)) == STEPS_OF_A_RULE + 2
    databases = ("replication",) * (2 * TOKENS_OF_A_STEP - 1)
    assert rule_steps(replace(OTHERS, databases=databases)) == STEPS_OF_A_RULE + 2


def test_tokens_that_are_interpreted_count_each() -> None:
    groups = replace(SCRAM, roles=("+staff", "+operators", "+guests"))
    assert rule_steps(groups) == STEPS_OF_A_RULE + 1 + STEPS_OF_INTERPRETING + 4


def test_a_rule_that_may_govern_counts_more() -> None:
    certain = rule_steps(SCRAM)
    assert rule_steps(NEARBY) == certain + STEPS_OF_A_CANDIDATE
    assert rule_steps(NEARBY, NEARBY, SCRAM) == 3 * (certain + STEPS_OF_A_CANDIDATE)


def test_rules_behind_the_one_that_governs_count_where_they_are_checked() -> None:
    # for one that would require a certificate
    poll = replace(POLL, wal_senders=(STANDBY,))
    few, many = (replace(poll, hba=rules(SCRAM, *[OTHERS] * n)) for n in (1, 101))
    assert least(many) - least(few) == 100 * STEPS_OF_A_RULE


# --- maps


def test_lines_of_a_map_count_as_much_as_it_takes_to_evaluate_them() -> None:
    assert gives_steps("replica") == STEPS_OF_A_MAPPING
    assert gives_steps("/^replica$") == STEPS_OF_A_PATTERN
    assert gives_steps("/" + "x" * (LONGEST_KEPT - 1)) == STEPS_OF_A_PATTERN
    longest = gives_steps("/" + "x" * LONGEST_KEPT)
    assert longest == (LONGEST_KEPT + 1) // CHARACTERS_COMPILED_IN_A_STEP


def test_lines_of_other_maps_count_less() -> None:
    others = [mapping("x", "y", map_name="other")] * (3 * MAPPINGS_OF_A_STEP)
    assert mapping_steps(*others) == 3
    own = [mapping("x", "y")] * MAPPINGS_OF_A_STEP
    assert mapping_steps(*own) == 1 + MAPPINGS_OF_A_STEP * STEPS_OF_A_MAPPING


def test_lines_of_all_contents_of_the_maps_count() -> None:
    work = Work()
    content = maps(*[mapping("x", "y", map_name="other")] * MAPPINGS_OF_A_STEP)
    demands(MAPPED, "replica", (content, content), around(work))
    assert work.done == 2


def test_names_that_are_compared_with_a_map_count_each_and_its_lines_once() -> None:
    work = Work()
    content = maps(*[mapping("x", "y", map_name="other")] * 5, mapping("a", "b"))
    namings = Namings("replica", (content, content), around(work), lambda _: frozenset({False}))
    namings.fit(MAPPED, certificate())
    lines = 2 * (6 + STEPS_OF_A_MAPPING)
    assert work.done == lines + STEPS_OF_A_NAME
    namings.fit(MAPPED, certificate())
    assert work.done == lines + 2 * STEPS_OF_A_NAME


# --- connections


@pytest.mark.parametrize("sender", [STANDBY, PLAIN, replace(PLAIN, peer=OtherPeer.HIDDEN)])
def test_a_connection_counts_with_the_length_of_its_texts(sender: WalSender) -> None:
    poll = replace(POLL, wal_senders=(sender,), hba=rules(OTHERS), hba_lines=())
    (connection,) = judged(poll)
    looked_through = least(replace(poll, hba=rules(OTHERS, OTHERS))) - least(poll)
    passes = looked_through // STEPS_OF_A_RULE
    assert least(poll) == (
        STEPS_OF_A_CONNECTION + text_steps(connection) + passes * STEPS_OF_A_RULE
    )


def test_exemptions_count() -> None:
    exemptions = tuple(
        Exemption(name=f"e{n}", reason="why", roles=frozenset({"other"}), until=None)
        for n in range(5)
    )
    policy = Policy(exempt_loopback=False, exemptions=exemptions)
    assert least(POLL, replace(TARGET, policy=policy)) == least(POLL) + 5


def test_connections_count_together() -> None:
    # a unix socket is no peer of others
    sender = replace(STANDBY, peer=OtherPeer.UNIX_SOCKET, tls=None)
    one = replace(POLL, wal_senders=(sender,))
    two = replace(POLL, wal_senders=(sender, replace(sender, pid=1)))
    assert least(two) == 2 * least(one)


def without_texts(knowledge: Knowledge) -> int:
    """Return the steps of a connection whose certificates are looked up, without its texts."""
    poll = replace(SEEN, wal_senders=(using(OWN),))
    (connection,) = judged(poll, PRIMARY, knowledge)
    return least(poll, PRIMARY, knowledge) - text_steps(connection)


def test_standbys_that_may_be_behind_a_connection_count() -> None:
    others = tuple(replace(STANDBY_TARGET, target=f"db{n}") for n in range(3, 6))
    one = without_texts(of_standby())
    assert one == without_texts(KNOWLEDGE) + STEPS_OF_A_STANDBY + STEPS_OF_A_CHAIN
    assert without_texts(of_standby(STANDBY_TARGET.receiver, *others)) == (
        one + 3 * STEPS_OF_A_STANDBY
    )


def test_chains_that_may_be_sent_count_each() -> None:
    several = [known(certificate(name(f"CN=replica,OU={n}"), serial=n)) for n in range(3)]
    bound = [replace(k, bindings=(Binding(frozenset({"replica"}), frozenset()),)) for k in several]
    empty = without_texts(replace(KNOWLEDGE, inventory=inventory()))
    found = without_texts(replace(KNOWLEDGE, inventory=inventory(*bound)))
    assert found == empty + 3 * STEPS_OF_A_CHAIN


def test_what_is_looked_up_once_for_several_connections_has_a_limit_of_its_own() -> None:
    owned = inventory(*(known(certificate(serial=n)) for n in range(900)))
    knowledge = replace(KNOWLEDGE, inventory=owned)
    # a pattern, so that every certificate's name is compared
    lines = maps(mapping("/^(.*)$", r"\1"))
    poll = replace(SEEN, hba=rules(MAPPED), ident=lines, wal_senders=(using(OWN),))
    again = replace(poll, wal_senders=(using(OWN), replace(using(OWN), pid=1)))
    compared = 900 * (STEPS_OF_A_NAME + STEPS_OF_A_PATTERN)
    assert compared <= least(poll, PRIMARY, knowledge) < compared + 100
    assert least(again, PRIMARY, knowledge) == least(poll, PRIMARY, knowledge)


# --- the report


def test_beyond_the_limit_the_failure_contains_the_numbers() -> None:
    poll = replace(POLL, wal_senders=(PLAIN, LATER), hba=rules(OTHERS, SCRAM, CERT))
    assert exceeded(poll, 99).detail == (
        "judging 2 connections by 3 rules of pg_hba.conf and 0 lines of pg_ident.conf takes more "
        "than 99 steps"
    )


def test_every_content_that_may_be_in_force_is_reported() -> None:
    first = replace(POLL, hba=rules(SCRAM), ident=maps(mapping("a", "b")))
    _, history = assess(first, TARGET, RulesHistory(), KNOWLEDGE, now=NOW)
    edited = times(hba=NOW, ident=NOW)
    second = replace(
        first, hba=rules(CERT, SCRAM), ident=maps(*[mapping("c", "d")] * 3), file_times=edited
    )
    report, _ = assess(second, TARGET, history, KNOWLEDGE, now=NOW, most_steps=1)
    assert report.failure is not None
    assert " by 1 + 2 rules of pg_hba.conf and 1 + 3 lines of pg_ident.conf " in (
        report.failure.detail
    )


def test_rules_that_are_not_known_are_reported_as_none() -> None:
    poll = replace(POLL, hba=Unread(FailureReason.PERMISSION), ident=Unread(FailureReason.TIMEOUT))
    assert " by 0 rules of pg_hba.conf and 0 lines " in exceeded(poll, 1).detail


def test_beyond_the_limit_all_else_is_reported() -> None:
    errors = (ErrorLine(RuleLocation(HBA, 9), "cert authentication is only", blocks_loading=True),)
    broken = replace(rules(SCRAM), errors=errors)
    poll = replace(POLL, hba=broken, file_times=times(hba=NOW))
    history = RulesHistory(judged=Judgements())
    report, after = assess(poll, TARGET, history, KNOWLEDGE, now=NOW, most_steps=1)
    assert report.server == POLL.server
    assert report.rules is not None
    assert report.rules.state is HbaState.PENDING
    assert report.rules.error_lines == errors
    assert report.exemptions == ()
    assert report.readers[Reader.WAL_SENDERS] is None
    assert after.judged == Judgements()


def test_steps_against_errors_count_for_each_connection() -> None:
    blocking = ErrorLine(RuleLocation(HBA, 9), "cert authentication is only", blocks_loading=True)
    harmless = replace(blocking, blocks_loading=False)

    def with_errors(*errors: ErrorLine) -> int:
        poll = replace(POLL, wal_senders=(PLAIN, LATER))
        return least(replace(poll, hba=replace(rules(SCRAM), errors=errors)))

    one = with_errors(blocking)
    assert with_errors(blocking, blocking) == one + 2 * STEPS_OF_A_LINE
    assert with_errors(harmless, blocking) == one


def test_walsenders_that_cannot_be_read_are_that_failure() -> None:
    unread: Read[tuple[WalSender, ...]] = Unread(FailureReason.PERMISSION)
    poll = replace(POLL, wal_senders=unread)
    report, _ = assess(poll, TARGET, RulesHistory(), KNOWLEDGE, now=NOW, most_steps=0)
    assert report.failure == unread


def test_a_remembered_connection_counts_as_one_that_is_judged() -> None:
    secured = replace(STANDBY, pid=1)
    first = replace(POLL, wal_senders=(STANDBY, secured))
    second = replace(POLL, wal_senders=(PLAIN, secured, LATER))
    _, history = assess(first, TARGET, RulesHistory(), KNOWLEDGE, now=NOW)
    forgetful = replace(history, judged=Judgements(), last=None)
    assert least(second, history=history) == least(second, history=forgetful)
    (_, before) = history.judged.connections
    report, after = assess(second, TARGET, history, KNOWLEDGE, now=NOW)
    assert any(each is before for each in connections(report))
    # and once more
    third = replace(second, wal_senders=(secured, PLAIN))
    assert least(third, history=after) == least(third, history=forgetful)
