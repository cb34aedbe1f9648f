"""Lines of pg_ident.conf that accept several names for a role, narrowed for the clients in use."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.hba import (
    ConnectionType,
    HbaRule,
    IdentMapping,
    LineTraits,
    RuleLocation,
)
from exporter.model.judgement import Reason
from exporter.model.observation import Observation
from exporter.model.remedy import Obstacle, Step
from exporter.model.server_steps import CompletePattern, NarrowMap
from exporter.model.wal_sender import TcpPeer, WalSender
from tests.steps import lines as printed
from tests.unit.assess.facts import (
    CERT,
    HBA,
    IDENT,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    judged_under,
    known,
    line,
    mapping,
    maps,
    rules,
    unread,
)
from tests.unit.assess.remedies import (
    MAPPED,
    Change,
    added,
    connected,
    edits,
    fact,
    file_edit,
    kind,
    kinds,
    lines,
    remedy,
    showing,
    the,
)

ALICE = showing("/O=Lab/CN=alice")
EVERYBODY = replace(MAPPED, roles=("all",))
WHOLE = line(RuleLocation(HBA, 1), clientname="DN")


def with_maps(*written: IdentMapping, poll: Observation = POLL) -> Observation:
    return replace(poll, ident=maps(*written))


def other_client(sender: WalSender, name: str = "other") -> WalSender:
    return replace(sender, application_name=name, pid=2)


def narrowed(
    sender: WalSender,
    *written: IdentMapping,
    rule: HbaRule = MAPPED,
    others: Sequence[WalSender] = (),
    poll: Observation = POLL,
) -> tuple[Step, ...]:
    return remedy(sender, rule, others=others, poll=with_maps(*written, poll=poll))


# --- a line for each client that uses it


def test_a_line_that_accepts_every_name_becomes_one_for_each_client() -> None:
    bob = other_client(showing("/CN=bob"))
    steps = narrowed(ALICE, mapping("/.*", "replica"), others=[bob])
    assert kinds(steps) == ["narrow", "load maps", "reconnect"]
    written = ("m alice replica", "m bob replica")
    assert edits(steps) == [Change(IDENT, 1, replaces=True, new=written)]
    assert file_edit(the("narrow", steps)).old == "m /.* replica"
    assert fact(NarrowMap, steps) == NarrowMap("replica", unnamed=(), has_others=True)


def test_a_line_for_every_role_becomes_one_for_each_role_that_uses_it() -> None:
    bob = other_client(showing("/CN=bob", role="bob"))
    steps = narrowed(ALICE, mapping("/.*", "all"), rule=EVERYBODY, others=[bob])
    assert added(steps) == ["m alice replica", "m bob bob"]
    steps = narrowed(ALICE, mapping("alice", "all"), rule=EVERYBODY, others=[bob])
    assert added(steps) == ["m alice replica"]


@pytest.mark.parametrize(
    "other",
    [
        # another line accepts it; it uses another rule; no line is for it
        showing("/CN=carol"),
        showing("/CN=bob", role="unmapped"),
        replace(showing("/CN=bob"), peer=TcpPeer(ip_address("192.0.2.1"), 1)),
        replace(showing("/CN=bob"), database="shop"),
        PLAIN,
    ],
)
def test_a_client_that_does_not_use_the_line_gets_none(other: WalSender) -> None:
    content = (mapping("/.*", "replica"), mapping("carol", "replica"))
    for rule in (MAPPED, EVERYBODY):
        steps = narrowed(ALICE, *content, rule=rule, others=[other_client(other)])
        assert edits(steps) == [Change(IDENT, 1, replaces=True, new=("m alice replica",))]


def test_a_client_keeps_its_line_only_by_the_same_map() -> None:
    content = (mapping("/.*", "replica"), mapping("bob", "replica", "n"))
    steps = narrowed(ALICE, *content, others=[other_client(showing("/CN=bob"))])
    assert added(steps) == ["m alice replica", "m bob replica"]


def test_a_line_that_no_client_uses_is_removed() -> None:
    content = (mapping("alice", "replica"), mapping("/^x.*$", "replica"))
    steps = narrowed(ALICE, *content)
    assert edits(steps) == [Change(IDENT, 2, replaces=True, new=())]
    assert printed(the("narrow", steps)) == ("- m /^x.*$ replica",)


def test_every_line_that_is_too_wide_is_narrowed_by_the_numbers_of_the_file_as_it_is_then() -> None:
    content = (
        mapping("/^a.*$", "replica"),
        mapping("/.*", "bob"),
        mapping("/.*", "replica", "n"),
        mapping("/.*", "replica"),
    )
    steps = narrowed(ALICE, *content, others=[other_client(showing("/CN=anna"))])
    written = ("m alice replica", "m anna replica")
    assert [(edit.line_number, edit.new) for edit in edits(steps)] == [(4, written), (1, written)]
    assert kinds(steps) == ["narrow", "narrow", "load maps", "reconnect"]


def test_names_in_a_map_are_written_as_pg_ident_reads_them() -> None:
    rule = replace(EVERYBODY, options=('map=my "m"', "clientcert=verify-full"))
    for version, given, written in ((159999, "/x", '"/x"'), (160000, "all", "/^/x$")):
        poll = replace(POLL, server=replace(SERVER, version_number=version))
        sender = showing("/CN=/a.b", role="/x")
        steps = narrowed(sender, mapping("/.*", given, 'my "m"'), rule=rule, poll=poll)
        assert added(steps) == [rf'"my ""m""" /^/a\.b$ {written}']


# --- the name that is compared


def test_a_whole_name_is_kept_where_the_rule_compares_that() -> None:
    for traits, written in (
        (WHOLE, 'm "CN=alice,O=Lab" replica'),
        (line(RuleLocation(HBA, 2), clientname="DN"), "m alice replica"),
        (line(RuleLocation(HBA, 1), clientname="CN"), "m alice replica"),
    ):
        poll = replace(POLL, hba_lines=(traits,))
        assert added(narrowed(ALICE, mapping("/.*", "replica"), poll=poll)) == [written]


@pytest.mark.parametrize(
    ("sender", "lines_read"),
    [
        (showing(None), ()),
        (showing("/CN=a/CN=b"), ()),
        (showing("/CN=alice", cut=True), (WHOLE,)),
    ],
)
def test_a_name_that_is_not_known_is_not_guessed(
    sender: WalSender, lines_read: tuple[LineTraits, ...]
) -> None:
    bob = other_client(showing("/CN=bob"))
    poll = replace(POLL, hba_lines=lines_read)
    steps = narrowed(sender, mapping("/.*", "replica"), others=[bob], poll=poll)
    assert edits(steps) == []
    assert added(steps)[-1] == "m NAME_OF_ITS_CERTIFICATE replica"
    (unnamed,) = fact(NarrowMap, steps).unnamed
    assert (unnamed.application_name, unnamed.role) == ("standby", "replica")


def test_a_name_is_not_known_where_the_rule_may_compare_one_or_the_other() -> None:
    in_force = unread(known(rules(MAPPED), maps=(maps(mapping("/.*", "replica")),)))
    for sender in (ALICE, PLAIN):
        steps = judged_under(sender, in_force).remedy
        assert added(steps) == ["m NAME_OF_ITS_CERTIFICATE replica"]
        assert edits(steps) == []


def test_another_client_of_unknown_name_is_named() -> None:
    nameless = other_client(showing(None))
    steps = narrowed(ALICE, mapping("/.*", "replica"), others=[nameless])
    assert edits(steps) == []
    assert added(steps) == ["m alice replica"]
    (unnamed,) = fact(NarrowMap, steps).unnamed
    assert (unnamed.application_name, unnamed.role) == ("other", "replica")
    # unless the line is for another role
    steps = narrowed(ALICE, mapping("/.*", "replica"), others=[replace(nameless, role="bob")])
    assert len(edits(steps)) == 1


def test_a_client_that_uses_the_map_without_a_certificate_is_named() -> None:
    kerberos = replace(
        EVERYBODY,
        connection_type=ConnectionType.HOSTGSSENC,
        auth_method="gss",
        options=("map=m",),
    )
    ticket = other_client(replace(PLAIN, gss_encrypted=True, role="bob"))
    poll = with_maps(mapping("/.*", "all"))
    for options, is_named in (("map=m",), True), ((), False):
        rule = replace(kerberos, options=options)
        steps = remedy(ALICE, rule, EVERYBODY, others=[ticket], poll=poll)
        assert added([the("narrow", steps)]) == ["m alice replica"]
        unnamed = [(each.application_name, each.role) for each in fact(NarrowMap, steps).unnamed]
        assert unnamed == ([("other", "bob")] if is_named else [])
        assert (edits([the("narrow", steps)]) == []) is is_named
        obstacles = file_edit(the("narrow", steps)).obstacles
        assert (Obstacle.INCOMPLETE in obstacles) is is_named


def test_another_client_whose_name_goes_through_the_map_of_a_kerberos_ticket_is_named() -> None:
    both = replace(EVERYBODY, auth_method="gss")
    steps = narrowed(ALICE, mapping("/.*", "replica"), rule=both)
    assert edits(steps) == []
    (unnamed,) = fact(NarrowMap, steps).unnamed
    assert (unnamed.application_name, unnamed.role) == ("standby", "replica")


# --- a pattern that misses an anchor


@pytest.mark.parametrize(
    ("pattern", "given", "completed"),
    [
        (r"^(.*)@lab", r"\1", r"^(.*)@lab$"),
        (r"(.*)@lab$", r"\1", r"^(.*)@lab$"),
        (r"(.*)@lab", r"\1", r"^(.*)@lab$"),
        ("^replica@lab", "replica", "^replica@lab$"),
        ("replica@lab$", "replica", "^replica@lab$"),
        ("replica@lab", "replica", "^replica@lab$"),
    ],
)
def test_a_pattern_is_completed(pattern: str, given: str, completed: str) -> None:
    own = showing("/CN=replica@lab")
    steps = narrowed(own, mapping(f"/{pattern}", given))
    assert kinds(steps) == ["complete", "load maps", "reconnect"]
    assert edits(steps) == [Change(IDENT, 1, replaces=True, new=(f"m /{completed} {given}",))]
    assert fact(CompletePattern, steps) == CompletePattern(unnamed=(), has_others=True)
    # who is not accepted by it any more gets a line
    steps = narrowed(own, mapping(f"/{pattern}", given), others=[other_client(ALICE)])
    assert added(steps) == [f"m /{completed} {given}"]


def test_a_client_that_a_completed_pattern_would_refuse_gets_a_line() -> None:
    odd = other_client(showing("/CN=replica@lab.example"))
    steps = narrowed(showing("/CN=replica@lab"), mapping("/^(.*)@lab", r"\1"), others=[odd])
    assert added(steps) == [r"m /^(.*)@lab$ \1", "m replica@lab.example replica"]
    # its own as well
    assert added(narrowed(odd, mapping("/^(.*)@lab", r"\1"))) == added(steps)


def test_a_pattern_is_completed_also_where_a_name_is_not_known() -> None:
    for sender in (showing(None), showing("/CN=a/CN=b")):
        steps = narrowed(sender, mapping("/^(.*)@lab", r"\1"))
        assert kinds(steps)[0] == "complete"
        assert edits(steps) == []
        assert added(steps) == [r"m /^(.*)@lab$ \1"]


@pytest.mark.parametrize("pattern", ["^a|b$", ".*", "^(.*)@(.*)$", "", "^", "$"])
def test_a_pattern_that_anchors_do_not_bind_is_not_completed(pattern: str) -> None:
    steps = narrowed(ALICE, mapping(f"/{pattern}", "replica"))
    # what certainly does not match alice is older than the connection: her name is checked first
    assert kinds(steps)[0] == ("check name" if "@" in pattern else "narrow")
    assert "narrow" in kinds(steps)
    assert "complete" not in kinds(steps)
    assert added(steps) in (["m alice replica"], [], ["m NAME_OF_ITS_CERTIFICATE replica"])


# --- where it goes in the remedy


def test_afterwards_the_rule_that_accepts_the_role_without_tls_is_closed() -> None:
    poll = with_maps(mapping("/.*", "replica"))
    steps = remedy(ALICE, MAPPED, SCRAM, poll=poll)
    assert kinds(steps) == ["narrow", "load maps", "reconnect", "close", "load rules"]


def test_a_map_that_cannot_be_decided_is_narrowed_and_nothing_else() -> None:
    found = connected(STANDBY, MAPPED, poll=with_maps(mapping("/.*", "/new")))
    assert found.reasons == (Reason.MAP_UNREADABLE,)
    assert kinds(found.remedy) == ["narrow", "load maps"]
    assert added(found.remedy) == ["m replica replica"]


def test_every_map_that_cannot_be_decided_is_narrowed_once() -> None:
    near = replace(CERT, address="samenet", netmask=None)
    same = replace(MAPPED, address="samenet", netmask=None)
    mapped = replace(near, options=("map=n", "clientcert=verify-full"))
    poll = with_maps(mapping("/.*", "/new", "m"), mapping("/.*", "/new", "n"))
    for above, expected in ((mapped, ["n", "m"]), (near, ["m"]), (same, ["m"])):
        steps = remedy(STANDBY, above, MAPPED, poll=poll)
        narrows = [step for step in steps if kind(step) == "narrow"]
        assert added(narrows) == [f"{name} replica replica" for name in expected]


def test_before_15_maps_are_checked_by_the_shipped_function() -> None:
    for version, expected in (
        (149999, "line_number, error FROM replication_cert_exporter.ident_mappings()"),
        (150000, "line_number, error FROM pg_ident_file_mappings"),
        (159999, "line_number, error FROM pg_ident_file_mappings"),
        (160000, "file_name, line_number, error FROM pg_ident_file_mappings"),
    ):
        poll = replace(POLL, server=replace(SERVER, version_number=version))
        check = the("load maps", narrowed(ALICE, mapping("/.*", "replica"), poll=poll))
        assert printed(check)[0] == f"SELECT {expected} WHERE error IS NOT NULL;"
        assert "SELECT pg_reload_conf();" in lines([check])
