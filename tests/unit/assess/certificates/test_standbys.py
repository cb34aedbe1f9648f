"""Which standby a walsender serves: slot, address or sender must say so, not names alone."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.certificates.standbys import standbys_of, standbys_that_may_be, supported
from exporter.model.knowledge import Standby
from exporter.model.observation import Server
from exporter.model.target import Target
from exporter.model.wal_sender import Activity, OtherPeer, ReplicationKind, WalSender
from tests.unit.assess.facts import SERVER, STANDBY
from tests.unit.assess.with_certificates import PRIMARY, RECEIVER, STANDBY_TARGET

OTHER = replace(STANDBY_TARGET, target="db3", addresses=frozenset({"db3", "10.0.0.6"}))


def receiving(standby: Standby = STANDBY_TARGET, **changes: object) -> Standby:
    return replace(standby, receiver=replace(standby.receiver, **changes))  # type: ignore[arg-type]


def names(
    *standbys: Standby,
    sender: WalSender = STANDBY,
    target: Target = PRIMARY,
    server: Server = SERVER,
    others: Sequence[WalSender] = (),
) -> list[str]:
    known = standbys_of(target, server, standbys, (sender, *others))
    return [s.target for s in standbys_that_may_be(sender, known)]


def is_supported(
    standby: Standby,
    sender: WalSender = STANDBY,
    target: Target = PRIMARY,
    others: Sequence[WalSender] = (),
) -> bool:
    known = standbys_of(target, SERVER, (standby,), (sender, *others))
    return supported((standby,), sender, known)


@pytest.mark.parametrize(
    "other",
    [
        replace(STANDBY_TARGET, system_identifier="2"),
        replace(STANDBY_TARGET, system_identifier=None),
        receiving(role="other"),
        receiving(application_name="other"),
        receiving(slot_name="theirs"),
    ],
)
def test_another_cluster_role_name_or_slot_is_another_standby(other: Standby) -> None:
    sender = replace(STANDBY, slot_name="ours")
    assert names(STANDBY_TARGET, sender=sender) == ["db2"]
    assert names(other, sender=sender) == []


def test_of_a_server_whose_cluster_is_not_known_no_standby_is() -> None:
    server = replace(SERVER, system_identifier=None)
    standby = replace(STANDBY_TARGET, system_identifier=None)
    assert names(STANDBY_TARGET, standby, server=server) == []


@pytest.mark.parametrize(
    "sender",
    [
        replace(STANDBY, kind=ReplicationKind.LOGICAL),
        replace(STANDBY, activity=Activity.BACKUP),
        replace(STANDBY, role="other"),
        replace(STANDBY, application_name="other"),
    ],
)
def test_a_walsender_that_is_not_a_receiver_of_that_name_is_not_a_standby(
    sender: WalSender,
) -> None:
    assert names(STANDBY_TARGET, sender=sender) == []


def test_the_slot_counts_first_then_the_address_then_the_sender() -> None:
    sender = replace(STANDBY, slot_name="ours")
    assert names(STANDBY_TARGET, receiving(OTHER, slot_name="ours"), sender=sender) == ["db3"]
    assert names(STANDBY_TARGET, OTHER) == ["db2"]
    assert names(OTHER, STANDBY_TARGET) == ["db2"]
    same = replace(OTHER, addresses=STANDBY_TARGET.addresses)
    assert names(STANDBY_TARGET, same) == ["db2", "db3"]
    assert names(STANDBY_TARGET, receiving(same, sender_host="proxy")) == ["db2"]
    apart = replace(STANDBY, peer=OtherPeer.UNIX_SOCKET)
    assert names(STANDBY_TARGET, OTHER, sender=apart) == ["db2", "db3"]


def test_a_slot_known_on_one_side_only_is_not_a_contradiction() -> None:
    assert names(receiving(slot_name="ours")) == ["db2"]
    assert names(STANDBY_TARGET, sender=replace(STANDBY, slot_name="ours")) == ["db2"]
    temporary = receiving(slot_name="pg_walreceiver_4711")
    assert names(temporary, sender=replace(STANDBY, slot_name="ours")) == ["db2"]


@pytest.mark.parametrize(
    ("port", "sender_port", "expected"),
    [
        ("5433", 5433, ["db2"]),
        ("5433", 5432, []),
        (None, 5432, ["db2"]),
        (None, 5433, []),
        ("5433", None, ["db2"]),
        ("5433,5434", 5432, ["db2"]),
    ],
)
def test_another_port_of_the_same_host_is_another_server(
    port: str | None, sender_port: int | None, expected: list[str]
) -> None:
    parameters = {"host": "db1"} | ({} if port is None else {"port": port})
    target = replace(PRIMARY, parameters=parameters)
    assert names(receiving(sender_port=sender_port), target=target) == expected


def test_what_receives_from_another_standby_is_not_served_here() -> None:
    below = receiving(OTHER, sender_host="db2")
    assert names(below, STANDBY_TARGET) == ["db2"]
    assert names(below) == ["db3"]
    # a loop to oneself is no other server
    assert names(receiving(sender_host="10.0.0.5")) == ["db2"]
    # all on one host: its addresses prove nothing
    here = replace(PRIMARY, parameters={"host": "db2"})
    assert names(below, STANDBY_TARGET, target=here) == ["db2"]
    assert names(below, target=here) == ["db3"]


@pytest.mark.parametrize("others", [(), ("4",), ("5",)])
def test_a_standby_of_another_cluster_at_that_address_counts_too(others: tuple[str, ...]) -> None:
    below = receiving(OTHER, sender_host="db2")
    foreign = [replace(STANDBY_TARGET, target=f"db{n}", system_identifier="9") for n in others]
    assert names(below, *foreign) == ([] if others else ["db3"])


def test_slot_address_or_sender_must_speak_for_it() -> None:
    proxied = receiving(sender_host="proxy")
    elsewhere = replace(STANDBY, peer=replace(STANDBY.peer, address=ip_address("10.9.9.9")))  # type: ignore[type-var]
    assert is_supported(proxied)
    assert is_supported(STANDBY_TARGET, elsewhere)
    assert not is_supported(proxied, elsewhere)
    slot = replace(proxied, receiver=replace(RECEIVER, sender_host="proxy", slot_name="ours"))
    assert is_supported(slot, replace(elsewhere, slot_name="ours"))
    assert not is_supported(slot, elsewhere)


@pytest.mark.parametrize(
    "target",
    [
        replace(PRIMARY, parameters={"host": "db1"}),
        replace(PRIMARY, parameters={"host": "x", "hostaddr": "db1"}),
    ],
)
def test_a_target_is_known_by_host_and_address(target: Target) -> None:
    elsewhere = replace(STANDBY, peer=OtherPeer.UNIX_SOCKET)
    assert is_supported(STANDBY_TARGET, elsewhere, target)
    nowhere = replace(target, parameters={})
    assert not is_supported(receiving(sender_host=""), elsewhere, nowhere)
    server = replace(SERVER, address=ip_address("10.0.0.1"))
    by_address = standbys_of(nowhere, server, (STANDBY_TARGET,), ())
    assert supported((receiving(sender_host="10.0.0.1"),), elsewhere, by_address)


FAR = replace(STANDBY, pid=2, peer=replace(STANDBY.peer, address=ip_address("10.9.9.9")))  # type: ignore[type-var]


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(FAR, role="other"),
        replace(FAR, application_name="other"),
        replace(FAR, kind=ReplicationKind.LOGICAL),
        replace(FAR, activity=Activity.BACKUP),
    ],
)
def test_a_standby_that_is_not_a_target_is_not_taken_for_one_of_the_same_name(
    elsewhere: WalSender,
) -> None:
    proxied = receiving(sender_host="proxy")
    other_standby = replace(STANDBY, pid=3)
    # by the sender that db2 names, one of the two is db2: nothing says which
    assert not is_supported(STANDBY_TARGET, FAR, others=[STANDBY])
    assert is_supported(STANDBY_TARGET, FAR, others=[elsewhere])
    # by its address, one of the two that come from there
    assert is_supported(proxied, STANDBY, others=[FAR])
    assert not is_supported(proxied, STANDBY, others=[other_standby])
    assert not is_supported(STANDBY_TARGET, STANDBY, others=[other_standby])
    slot = receiving(slot_name="ours")
    assert is_supported(slot, replace(STANDBY, slot_name="ours"), others=[other_standby])


def test_a_sender_known_by_another_name_rules_out_none_of_two_that_are_served() -> None:
    same = replace(OTHER, addresses=STANDBY_TARGET.addresses)
    alias = receiving(same, sender_host="alias")
    other_standby = replace(STANDBY, pid=3)
    assert names(STANDBY_TARGET, alias) == ["db2"]
    assert names(STANDBY_TARGET, alias, others=[other_standby]) == ["db2", "db3"]
    assert names(STANDBY_TARGET, same, others=[other_standby]) == ["db2", "db3"]
