"""The lines of pg_hba.conf that require a certificate of one client, and where they go."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.advice.rule_to_write import with_name_check
from exporter.model.hba import ConnectionType, HbaRule, LineTraits, Quoting, RuleLocation
from exporter.model.judgement import HbaState
from exporter.model.remedy import Obstacle
from exporter.model.wal_sender import ReplicationKind, TcpPeer, WalSender
from tests.steps import lines as printed
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    TRUST,
    WITHOUT_CERTIFICATE,
    judged_under,
    known,
    line,
    mapping,
    maps,
    rules,
    unread,
)
from tests.unit.assess.pg_hba import tokens
from tests.unit.assess.remedies import (
    HOSTNOSSL_SCRAM,
    HOSTSSL_SCRAM,
    NEAR,
    Change,
    added,
    edits,
    file_edit,
    remedy,
    the,
)

BARE = WITHOUT_CERTIFICATE
SIX = replace(BARE, peer=TcpPeer(ip_address("fd00::5"), 1))
LOGICAL = replace(BARE, kind=ReplicationKind.LOGICAL, database="shop")
OTHERS = replace(SCRAM, roles=("somebody_else",))


@pytest.mark.parametrize(
    ("sender", "rule", "address"),
    [
        (BARE, SCRAM, "10.0.0.0/8"),
        (BARE, replace(SCRAM, netmask="255.0.255.0"), "10.0.0.0 255.0.255.0"),
        (SIX, replace(SCRAM, address="::", netmask="::"), "::/0"),
        (BARE, replace(SCRAM, address="all", netmask=None), "all"),
        (BARE, replace(SCRAM, address="samenet", netmask=None), "10.0.0.5/32"),
        (SIX, replace(SCRAM, address="db.example", netmask=None), "fd00::5/128"),
    ],
)
def test_a_line_has_the_address_of_the_rule_that_lets_the_client_in(
    sender: WalSender, rule: HbaRule, address: str
) -> None:
    assert added(remedy(sender, rule)) == [
        f"hostssl replication replica {address} cert",
        f"host replication replica {address} reject",
    ]


def test_a_rule_that_rejects_lends_its_address_to_no_line() -> None:
    reject = replace(REJECT, connection_type=ConnectionType.HOSTNOSSL)
    steps = remedy(PLAIN, reject, HOSTSSL_SCRAM)
    assert edits(steps) == [
        Change(
            HBA,
            1,
            replaces=False,
            new=(
                "hostssl replication replica 10.0.0.5/32 cert",
                "host replication replica 10.0.0.5/32 reject",
            ),
        )
    ]


def test_without_any_rule_that_is_known_the_lines_are_the_first_of_the_file() -> None:
    steps = judged_under(BARE, known(state=HbaState.UNREADABLE)).remedy
    assert edits(steps) == []
    assert added(steps)[0] == "hostssl replication replica 10.0.0.5/32 cert"
    assert Obstacle.NO_RULES in file_edit(the("require", steps)).obstacles


def test_where_it_is_not_decided_the_lines_go_before_every_rule() -> None:
    (edit,) = edits(remedy(BARE, OTHERS, NEAR, SCRAM))
    assert (edit.line_number, edit.replaces) == (1, False)


def test_names_are_written_as_the_server_s_version_reads_them() -> None:
    everybody = replace(SCRAM, roles=("all",), databases=("all",))
    sender = replace(LOGICAL, role="/x", database="/shop")
    for version, names in ((159999, '"/shop" "/x"'), (160000, "/^/shop$ /^/x$")):
        poll = replace(POLL, server=replace(SERVER, version_number=version))
        for client, written in (
            (sender, f"hostssl {names} 10.0.0.0/8 cert"),
            (replace(sender, tls=None), f"hostssl {names} 10.0.0.0/8 cert"),
        ):
            assert added(remedy(client, everybody, poll=poll))[0] == written
        opened = remedy(sender, replace(REJECT, roles=("all",), databases=("all",)), poll=poll)
        assert added(opened) == [f"hostssl {names} 10.0.0.5/32 cert"]
        accepting = replace(CERT, roles=("all",), databases=("all",))
        closed = remedy(replace(sender, tls=STANDBY.tls), accepting, everybody, poll=poll)
        assert added(closed) == [f"hostnossl {names} 10.0.0.0/8 reject"]


@pytest.mark.parametrize(
    ("rule", "sender", "replaces"),
    [
        (SCRAM, BARE, True),
        (replace(SCRAM, databases=("shop",)), LOGICAL, True),
        (TRUST, BARE, True),
        (replace(SCRAM, roles=("replica", "other")), BARE, False),
        (replace(SCRAM, roles=("+staff",)), replace(BARE, role="+staff"), False),
        (replace(SCRAM, roles=("all",)), BARE, False),
        (replace(SCRAM, roles=("all",)), replace(BARE, role="all"), False),
        (replace(SCRAM, databases=("replication", "shop")), BARE, False),
        (replace(SCRAM, databases=("all",)), LOGICAL, False),
        (replace(SCRAM, databases=("all",)), replace(LOGICAL, database="all"), False),
        (replace(SCRAM, databases=("shop", "other")), LOGICAL, False),
    ],
)
def test_only_a_rule_for_this_client_alone_is_replaced(
    rule: HbaRule, sender: WalSender, *, replaces: bool
) -> None:
    members = {sender.role: frozenset({sender.role, "staff"})}
    poll = replace(POLL, role_memberships=members)
    (edit,) = edits(remedy(sender, OTHERS, OTHERS, OTHERS, rule, poll=poll))
    assert (edit.file_name, edit.line_number, edit.replaces) == (HBA, 4, replaces)


def test_a_rule_that_may_go_on_in_the_next_line_is_not_replaced() -> None:
    continued = LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=False,
        holds_file_reference=False,
        holds_clientname=False,
        continues=True,
    )
    for traits, replaces in (
        ((continued,), False),
        ((replace(continued, location=RuleLocation(HBA, 2)),), True),
        ((replace(continued, holds_clientname=True, clientname="CN", continues=False),), True),
    ):
        (edit,) = edits(remedy(BARE, SCRAM, poll=replace(POLL, hba_lines=traits)))
        assert edit.replaces is replaces
    (edit,) = edits(judged_under(BARE, unread(known(rules(SCRAM)))).remedy)
    assert edit.replaces is False


def test_the_lines_stand_before_what_governs_the_client_and_what_will_over_tls() -> None:
    for written in ((HOSTSSL_SCRAM, SCRAM), (HOSTNOSSL_SCRAM, HOSTSSL_SCRAM)):
        (edit,) = edits(remedy(PLAIN, OTHERS, *written))
        assert (edit.line_number, edit.replaces) == (2, True)


def test_the_line_that_is_removed_or_stays_below_is_shown_as_it_is_written() -> None:
    roles = Quoting((False,), (False, True), address=False)
    poll = replace(POLL, hba_lines=(line(RuleLocation(HBA, 1), quoted=roles),))
    steps = remedy(BARE, replace(SCRAM, roles=("replica", "all")), poll=poll)
    shown = '  host replication replica,"all" 10.0.0.0/8 scram-sha-256'
    assert printed(the("require", steps))[2:] == (shown,)
    steps = remedy(BARE, SCRAM)
    shown = "- host replication replica 10.0.0.0/8 scram-sha-256"
    assert printed(the("require", steps))[:1] == (shown,)


def test_closing_and_opening_stand_before_the_rule_in_question() -> None:
    (edit,) = edits(remedy(STANDBY, CERT, OTHERS, SCRAM))
    assert edit == Change(
        HBA, 3, replaces=False, new=("hostnossl replication replica 10.0.0.0/8 reject",)
    )
    (edit,) = edits(remedy(BARE, OTHERS, REJECT))
    assert edit == Change(
        HBA, 2, replaces=False, new=("hostssl replication replica 10.0.0.5/32 cert",)
    )


def test_a_secret_among_the_options_leaves_an_edit_to_a_person() -> None:
    rule = replace(
        HOSTSSL_SCRAM,
        auth_method="ldap",
        options=("ldapserver=x", "ldapbindpasswd=********", "clientcert=verify-ca"),
    )
    steps = remedy(STANDBY, rule)
    assert edits(steps) == []
    assert added(steps)[0].endswith(
        "ldap ldapserver=x ldapbindpasswd=******** clientcert=verify-full"
    )
    assert file_edit(the("require", steps)).obstacles == {Obstacle.MASKED}
    assert file_edit(the("require", remedy(STANDBY, HOSTSSL_SCRAM))).obstacles == set()


HOSTILE = [
    "all",
    "replication",
    "+dba",
    "@file",
    "a b",
    "a,b",
    "a#b",
    'x" reject',
    'a""b',
    "back\\",
    "é",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("version", [130000, 180000])
@pytest.mark.parametrize("rule", [SCRAM, REJECT], ids=["scram", "reject"])
def test_a_line_for_a_hostile_name_is_read_as_that_name(
    name: str, version: int, rule: HbaRule
) -> None:
    poll = replace(POLL, server=replace(SERVER, version_number=version))
    sender = replace(PLAIN, role=name, database=name, kind=ReplicationKind.LOGICAL)
    written = added(remedy(sender, replace(rule, roles=("all",), databases=("all",)), poll=poll))
    assert written
    for each in written:
        _, database, role, _, _ = tokens(each)
        for ((text, quoted),) in (database, role):
            assert text == name
            keyword = name in {"all", "replication"} or name[0] in "+@"
            assert quoted or not keyword


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (replace(CERT, auth_method="trust", options=("clientcert=verify-ca",)), "cert"),
        (replace(SCRAM, options=("clientcert=verify-ca",)), "scram-sha-256 clientcert=verify-full"),
        (
            replace(SCRAM, auth_method="ldap", options=("ldapserver=x", "ldapbasedn=a b")),
            'ldap ldapserver=x "ldapbasedn=a b" clientcert=verify-full',
        ),
        (replace(CERT, options=("map=m", "clientcert=verify-full")), "cert map=m"),
    ],
)
def test_a_method_keeps_its_options_with_the_name_check(rule: HbaRule, expected: str) -> None:
    assert with_name_check(rule, whole_name=False) == expected


GSS = replace(CERT, auth_method="gss", options=("clientcert=verify-ca", "map=m"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GSS, "gss map=m clientname=DN clientcert=verify-full"),
        # the whole name is never the role's, its CN may be
        (replace(GSS, options=("clientcert=verify-ca",)), "gss clientcert=verify-full"),
        (replace(GSS, auth_method="trust"), "cert"),
        (replace(GSS, auth_method="cert"), "cert map=m clientname=DN"),
    ],
)
def test_the_whole_name_goes_on_to_be_compared_where_a_map_takes_it(
    rule: HbaRule, expected: str
) -> None:
    assert with_name_check(rule, whole_name=True) == expected


def test_a_rewritten_rule_keeps_clientname() -> None:
    poll = replace(POLL, ident=maps(mapping("/.*", "replica")))
    whole = line(RuleLocation(HBA, 1), clientname="DN")
    for traits, method in (((whole,), "gss map=m clientname=DN"), ((), "gss map=m")):
        written = added(remedy(STANDBY, GSS, poll=replace(poll, hba_lines=traits)))
        assert written[0] == (
            f"hostssl replication replica 10.0.0.0/8 {method} clientcert=verify-full"
        )
