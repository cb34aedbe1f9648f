"""What holds for every file of rules and every client."""

from bisect import bisect_left
from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.assess.report import assess
from exporter.assess.rules.match import Client, governing_rule, rule_matches, rule_matches_in
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.work import MOST_STEPS
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ConnectionType, ErrorLine, HbaContent, HbaRule, RuleLocation
from exporter.model.history import RulesHistory
from exporter.model.judgement import Posture, Verdict
from exporter.model.observation import Observation, RegularExpressionResult
from exporter.model.report import Governs, NoRule, RuleMatch, TargetReport, Undecided
from exporter.model.wal_sender import Activity, OtherPeer, Peer, ReplicationKind, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    HBA,
    KNOWLEDGE,
    LOADED,
    NOW,
    POLL,
    SERVER,
    STANDBY,
    TARGET,
    TLS,
    at,
    connections,
    line,
    mapping,
    maps,
    report,
    rules,
    times,
)

NAMES = ["replica", "all", "replication", "sameuser", "/r", "+staff", "a b", 'x"y', "a\nb"]
ROLES = st.sampled_from(NAMES)
ADDRESSES = st.sampled_from(["10.0.0.5", "127.0.0.1", "::1"])
NETWORKS = st.sampled_from(
    [
        ("10.0.0.0", "255.0.0.0"),
        ("10.0.0.5", "255.255.255.255"),
        ("10.0.0.5", "255.0.0.255"),
        ("::", "::"),
        ("all", None),
        ("samenet", None),
        (".example", None),
        (None, None),
    ]
)
METHODS = st.sampled_from(
    [
        ("cert", ("clientcert=verify-full",)),
        ("cert", ("map=m", "clientcert=verify-full")),
        ("cert", ("map=", "clientcert=verify-full")),
        ("scram-sha-256", ()),
        ("scram-sha-256", ("clientcert=verify-ca",)),
        ("ldap", ("ldapserver=x", "clientcert=verify-ca")),
        ("trust", ()),
        ("reject", ()),
        ("gss", ()),
    ]
)


@st.composite
def hba_rules(draw: st.DrawFn) -> HbaRule:
    connection_type = draw(st.sampled_from(ConnectionType))
    address, netmask = draw(NETWORKS)
    local = connection_type is ConnectionType.LOCAL
    method, options = draw(METHODS)
    return HbaRule(
        location=RuleLocation(HBA, 1),
        connection_type=connection_type,
        databases=tuple(draw(st.lists(ROLES, min_size=1, max_size=2))),
        roles=tuple(draw(st.lists(ROLES, min_size=1, max_size=2))),
        address=None if local else address,
        netmask=None if local else netmask,
        auth_method=method,
        options=options,
    )


FILES = st.lists(hba_rules(), max_size=5).map(
    lambda found: tuple(at(i, rule) for i, rule in enumerate(found, start=1))
)


@st.composite
def clients(draw: st.DrawFn) -> Client:
    database = draw(st.none() | ROLES)
    address = draw(st.none() | ADDRESSES.map(ip_address))
    encryption = "" if address is None else draw(st.sampled_from(["", "tls", "gss"]))
    return Client(
        kind=ReplicationKind.PHYSICAL if database is None else ReplicationKind.LOGICAL,
        role=draw(ROLES),
        database=database,
        address=address,
        tls=encryption == "tls",
        gss_encrypted=encryption == "gss",
    )


KNOWING = st.builds(
    Surroundings,
    server_version_number=st.sampled_from([130000, 180000]),
    member_of=st.frozensets(st.sampled_from(["replica", "staff", "all"])),
    regular_expressions=st.fixed_dictionaries({("/r", n): st.booleans() for n in NAMES}),
)


def rows(*file: HbaRule) -> HbaContent:
    return HbaContent(file, (), digest="")


def possible(match: RuleMatch) -> set[HbaRule | None]:
    match match:
        case Governs(rule):
            return {rule}
        case NoRule():
            return {None}
        case Undecided(candidates, may_match_none):
            return {*candidates, None} if may_match_none else set(candidates)


@given(FILES, clients(), KNOWING)
def test_a_rule_before_the_others_that_cannot_match_changes_nothing(
    file: tuple[HbaRule, ...], client: Client, around: Surroundings
) -> None:
    foreign = replace(CERT, location=RuleLocation(HBA, 99), roles=("somebody_else",))
    assert governing_rule(rows(foreign, *file), client, around) == governing_rule(
        rows(*file), client, around
    )


@given(FILES, clients(), KNOWING, st.sets(st.sampled_from(range(1, 6))), st.booleans())
def test_what_is_decided_with_more_knowledge_was_possible_with_less(
    file: tuple[HbaRule, ...],
    client: Client,
    around: Surroundings,
    quoting: set[int],
    members_known: bool,  # noqa: FBT001  drawn by hypothesis
) -> None:
    less = replace(
        around,
        member_of=around.member_of if members_known else None,
        regular_expressions={},
    )
    in_doubt = rows(*file).with_lines(
        tuple(line(RuleLocation(HBA, n), quote=True) for n in quoting)
    )
    more = governing_rule(rows(*file), client, around)
    assert possible(more) <= possible(governing_rule(in_doubt, client, less))


BLIND = Unread(FailureReason.PERMISSION)
PEERS: st.SearchStrategy[Peer] = st.sampled_from(OtherPeer) | ADDRESSES.map(
    lambda a: TcpPeer(ip_address(a), 5)
)


@st.composite
def wal_senders(draw: st.DrawFn) -> WalSender:
    database = draw(st.none() | ROLES)
    peer = draw(PEERS)
    tcp = isinstance(peer, TcpPeer)
    certificate = draw(st.sampled_from([None, CERTIFICATE, replace(CERTIFICATE, subject=None)]))
    tls = draw(
        st.sampled_from(
            [None, replace(TLS, client_certificate=certificate), replace(TLS, version="TLSv1")]
        )
    )
    return replace(
        STANDBY,
        role=draw(ROLES),
        database=database,
        kind=ReplicationKind.PHYSICAL if database is None else ReplicationKind.LOGICAL,
        peer=peer,
        tls=tls if tcp else None,
        gss_encrypted=tcp and tls is None and draw(st.booleans()),
        backend_start=draw(st.sampled_from([LOADED.replace(year=2025), STANDBY.backend_start])),
        activity=draw(st.sampled_from(Activity)),
    )


@st.composite
def polls(draw: st.DrawFn) -> Observation:
    content = rules(*draw(FILES))
    broken = ErrorLine(RuleLocation(HBA, 9), "peer authentication is only", blocks_loading=True)
    errors = draw(st.sampled_from([(), (broken,)]))
    tls = draw(st.booleans())
    lines = [mapping("x", "replica"), mapping("/^(.*)$", r"\1"), mapping("/.*", "all")]
    answers = st.just(tuple(RegularExpressionResult("/r", n, matches=n == "/r") for n in NAMES))
    return replace(
        POLL,
        server=replace(
            SERVER,
            version_number=draw(st.sampled_from([130000, 150000, 180000])),
            tls_enabled=tls,
            requests_client_certificate=tls and draw(st.booleans()),
        ),
        wal_senders=draw(st.just(BLIND) | st.lists(wal_senders(), max_size=2).map(tuple)),
        hba=draw(st.just(BLIND) | st.just(HbaContent(content.rules, errors, content.digest))),
        hba_lines=draw(st.just(BLIND) | st.just(())),
        ident=draw(st.just(BLIND) | st.lists(st.sampled_from(lines)).map(lambda m: maps(*m))),
        file_times=draw(
            st.just(BLIND) | st.sampled_from([times(), times(hba=STANDBY.backend_start)])
        ),
        role_memberships=draw(st.sampled_from([BLIND, POLL.role_memberships])),
        regular_expressions=draw(st.just(BLIND) | answers),
    )


@given(FILES, clients(), KNOWING, st.sets(st.sampled_from(range(1, 6))))
def test_a_rule_that_is_passed_over_at_once_does_not_match(
    file: tuple[HbaRule, ...], client: Client, around: Surroundings, quoting: set[int]
) -> None:
    content = rows(*file).with_lines(tuple(line(RuleLocation(HBA, n), quote=True) for n in quoting))
    for rule in file:
        assert rule_matches_in(content, rule, client, around) == rule_matches(
            rule, client, around, quoting=content.quoting(rule)
        )


@given(polls())
def test_a_limit_that_is_not_reached_changes_nothing(poll: Observation) -> None:
    def judged(most_steps: int) -> TargetReport:
        found, _ = assess(poll, TARGET, RulesHistory(), KNOWLEDGE, now=NOW, most_steps=most_steps)
        return found

    def is_enough(most_steps: int) -> bool:
        failure = judged(most_steps).failure
        return failure is None or failure.reason is not FailureReason.LIMIT_EXCEEDED

    least = bisect_left(range(MOST_STEPS), True, key=is_enough)  # noqa: FBT003  positional only
    assert judged(least) == judged(MOST_STEPS)
    if least:
        assert isinstance(judged(least - 1).connections, Unread)


@settings(max_examples=300)
@given(polls())
def test_every_poll_is_judged_and_nothing_is_secure_without_its_certificate(
    poll: Observation,
) -> None:
    outcome = report(poll)
    for connection in () if isinstance(outcome.connections, Unread) else connections(outcome):
        tls = connection.wal_sender.tls
        shown = tls is not None and tls.client_certificate is not None
        if connection.verdict is Verdict.SECURE:
            assert shown or connection.posture is Posture.UNIX_SOCKET
        best = connection.posture in {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}
        assert bool(connection.reasons) or best
        assert bool(connection.remedy) == bool(connection.reasons)
