"""What holds for every remedy, whatever the rules, the maps and the clients."""

import re
from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.hba import HbaContent, HbaRule, IdentContent, Quoting, RuleLocation
from exporter.model.judgement import Posture
from exporter.model.observation import Observation, RegularExpressionResult
from exporter.model.report import Connection
from exporter.model.rule_text import literal
from exporter.model.wal_sender import ReplicationKind, SlashName, TcpPeer, WalSender
from tests.steps import lines as printed
from tests.unit.assess.facts import (
    CERTIFICATE,
    HBA,
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
)
from tests.unit.assess.following import Files, Follower
from tests.unit.assess.pg_hba import tokens
from tests.unit.assess.test_properties import ADDRESSES, NAMES, hba_rules

ALL = ["replica", "bob", *NAMES]
SUBJECTS = st.sampled_from(
    [
        None,
        "/CN=replica",
        "/CN=machine-7",
        "/O=Lab/CN=machine-7",
        "/CN=replica@lab",
        "/CN=bob@lab",
        "/CN=bob",
        "/CN=/x",
        "/O=Lab",
    ]
)
MAPPINGS = st.builds(
    mapping,
    st.sampled_from(
        [
            "replica",
            "machine-7",
            "CN=machine-7,O=Lab",
            "/.*",
            "/",
            "/^machine-.*$",
            "/machine-7",
            "/^machine-7$",
            "/^(.*)@lab",
            "/(.*)@lab$",
            "/^(.*)@lab$",
            "/[[:alpha:]]",
        ]
    ),
    st.sampled_from(["replica", "bob", "all", "+staff", "/r", r"\1"]),
    st.sampled_from(["m", "m", "n"]),
)
GROUPS = {name: frozenset({name, "staff"}) for name in ALL}
# as the server answers for what is in the files, and for the names that remedies write
ANSWERS = {("/r", name): name.startswith("r") for name in ALL} | {
    (tokens(literal(written, 180000))[0][0][0], name): written == name
    for written in ("/r", "a\nb")
    for name in ALL
}


@st.composite
def senders(draw: st.DrawFn, version: int) -> WalSender:
    # before 16, no line can hold a name with a line break
    names = st.sampled_from([n for n in ALL if version >= 160000 or "\n" not in n])
    database = draw(st.none() | names)
    subject = draw(SUBJECTS)
    name = None if subject is None else SlashName(subject, may_be_cut=False)
    shown = replace(CERTIFICATE, subject=name)
    session = draw(
        st.sampled_from([None, replace(TLS, client_certificate=None)])
        | st.just(replace(TLS, client_certificate=shown))
    )
    return replace(
        STANDBY,
        role=draw(names),
        database=database,
        kind=ReplicationKind.PHYSICAL if database is None else ReplicationKind.LOGICAL,
        peer=TcpPeer(ip_address(draw(ADDRESSES)), 1),
        tls=session,
        gss_encrypted=session is None and draw(st.booleans()),
    )


@st.composite
def rule_files(draw: st.DrawFn) -> tuple[HbaRule, ...]:
    """Rules of which some are for the clients above, so that they meet more than refusals."""
    found = draw(st.lists(hba_rules(), max_size=3))
    for rule in draw(st.lists(hba_rules(), min_size=1, max_size=3)):
        roles = draw(st.sampled_from([("all",), ("replica",), ("+staff",), ("bob", "replica")]))
        mine = replace(rule, roles=roles, databases=("replication",))
        found.insert(draw(st.integers(0, len(found))), mine)
    return tuple(at(n, rule) for n, rule in enumerate(found, start=1))


@st.composite
def polls(draw: st.DrawFn) -> Observation:
    written = draw(rule_files())
    version = draw(st.sampled_from([130000, 150000, 180000]))
    lines = tuple(
        line(
            RuleLocation(HBA, n),
            clientname=draw(st.sampled_from([None, None, *(["CN", "DN"] * (version >= 140000))])),
            quoted=draw(st.sampled_from([None, None, Quoting((False,), (True,), address=False)])),
        )
        for n in range(1, len(written) + 1)
    )
    several = draw(st.lists(senders(version), min_size=1, max_size=4))
    named = [replace(s, application_name=f"peer-{n}", pid=n) for n, s in enumerate(several)]
    return replace(
        POLL,
        server=replace(
            SERVER,
            version_number=version,
            requests_client_certificate=draw(st.booleans()),
        ),
        wal_senders=tuple(named),
        hba=HbaContent(written, (), digest=repr(written)),
        hba_lines=lines,
        ident=maps(*draw(st.lists(MAPPINGS, max_size=4))),
        role_memberships=GROUPS,
        regular_expressions=tuple(
            RegularExpressionResult(token, name, matches=matches)
            for (token, name), matches in ANSWERS.items()
            if token == "/r"
        ),
    )


def follower(poll: Observation, connection: Connection) -> Follower:
    assert isinstance(poll.wal_senders, tuple)
    assert isinstance(poll.hba, HbaContent)
    assert isinstance(poll.hba_lines, tuple)
    assert isinstance(poll.ident, IdentContent)
    others = [w for w in poll.wal_senders if w is not connection.wal_sender]
    around = {
        role: Surroundings(poll.server.version_number, members, ANSWERS)
        for role, members in GROUPS.items()
    }
    return Follower(
        sender=connection.wal_sender,
        others=others,
        files=Files(poll.hba.with_lines(poll.hba_lines), poll.ident),
        requests=poll.server.requests_client_certificate,
        around=around,
    )


def stands_for(token: tuple[str, bool], name: str) -> bool:
    text, quoted = token
    if text.startswith("/^"):
        return re.fullmatch(text[1:], name) is not None
    keyword = name in NAMES and name[0] != "/" and name not in {"replica", "a b", 'x"y', "a\nb"}
    return text == name and (quoted or not keyword)


@settings(max_examples=100)
@given(polls())
def test_following_a_remedy_locks_no_client_out(poll: Observation) -> None:
    for connection in connections(report(poll, TARGET.policy)):
        follower(poll, connection).follow(connection.remedy)


@settings(max_examples=100)
@given(polls())
def test_every_line_that_is_written_stands_for_the_role_and_database_of_the_client(
    poll: Observation,
) -> None:
    for connection in connections(report(poll, TARGET.policy)):
        client = connection.wal_sender
        for step in connection.remedy:
            for written in printed(step):
                kind, _, rest = written.removeprefix("+ ").partition(" ")
                if not written.startswith("+ ") or not kind.startswith("host"):
                    continue
                (database,), (role,), *_ = tokens(rest)
                assert stands_for(role, client.role)
                if client.database is None:
                    assert database == ("replication", False)
                else:
                    assert stands_for(database, client.database)


ROUNDS = 3
"""A remedy may leave to the next one what is not known before the certificate is presented."""


@settings(max_examples=100)
@given(polls())
def test_in_the_end_the_certificate_is_required_and_no_client_is_accepted_without(
    poll: Observation,
) -> None:
    for first in connections(report(poll, TARGET.policy)):
        connection, seen = first, poll
        for _ in range(ROUNDS):
            following = follower(seen, connection)
            if not connection.remedy or not following.follow(connection.remedy):
                break
            seen = after(seen, following)
            (connection,) = (
                c
                for c in connections(report(seen, TARGET.policy))
                if c.wal_sender is following.sender
            )
        else:
            assert connection.remedy == ()
        if connection.remedy:
            # a step that is not exact
            continue
        assert connection.posture is Posture.CERTIFICATE_REQUIRED
        bare = replace(TLS, client_certificate=None)
        for tls, gss in ((bare, False), (None, False), (None, True)):
            client = replace(connection.wal_sender, tls=tls, gss_encrypted=gss)
            assert follower(seen, connection).admitted(client) is not Truth.YES


def after(poll: Observation, following: Follower) -> Observation:
    """Return what a poll reads once everybody has reconnected by the files as they are now."""
    rules = following.files.rules
    return replace(
        poll,
        server=replace(poll.server, requests_client_certificate=following.requests),
        wal_senders=(following.sender, *following.others),
        hba=replace(rules, lines=None),
        hba_lines=tuple((rules.lines or {}).values()),
        ident=following.files.maps,
        regular_expressions=tuple(
            RegularExpressionResult(token, name, matches=matches)
            for (token, name), matches in ANSWERS.items()
        ),
    )
