"""The other connections of a target, as far as a change of rules concerns them."""

from dataclasses import replace
from ipaddress import ip_address

from exporter.assess.connection import peers_of
from exporter.assess.rules.match import Client
from exporter.assess.rules.peers import (
    MOST_PEERS,
    Peer,
    client_of,
    other_peers,
    peer_of,
    together,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.wal_sender import OtherPeer, ReplicationKind, TcpPeer
from tests.unit.assess.facts import CERTIFICATE, PLAIN, POLL, STANDBY, WITHOUT_CERTIFICATE
from tests.unit.assess.remedies import showing

OF_STANDBY = Client(
    kind=ReplicationKind.PHYSICAL,
    role="replica",
    database=None,
    address=ip_address("10.0.0.5"),
    tls=True,
    gss_encrypted=False,
)
MEMBERS = frozenset({"replica"})


def test_a_client_is_what_the_server_knows_when_it_looks_for_a_rule() -> None:
    assert client_of(STANDBY) == OF_STANDBY
    assert client_of(replace(PLAIN, gss_encrypted=True)) == replace(
        OF_STANDBY, tls=False, gss_encrypted=True
    )
    logical = replace(STANDBY, kind=ReplicationKind.LOGICAL, database="shop", role="bob")
    assert client_of(logical) == replace(
        OF_STANDBY, kind=ReplicationKind.LOGICAL, database="shop", role="bob"
    )
    for peer in OtherPeer:
        assert client_of(replace(PLAIN, peer=peer)).address is None


def test_a_peer_is_a_client_with_its_name_and_its_certificate() -> None:
    assert peer_of(STANDBY, MEMBERS) == Peer(
        client=OF_STANDBY,
        application_name="standby",
        has_certificate=True,
        subject=CERTIFICATE.subject,
        member_of=MEMBERS,
    )
    assert peer_of(showing(None), None).has_certificate
    for sender in (WITHOUT_CERTIFICATE, PLAIN):
        peer = peer_of(sender, None)
        assert (peer.has_certificate, peer.subject, peer.member_of) == (False, None, None)


def test_connections_that_are_equal_for_rules_are_one_peer() -> None:
    again = replace(STANDBY, pid=1, peer=TcpPeer(ip_address("10.0.0.5"), 7), slot_name="x")
    assert peers_of(replace(POLL, wal_senders=(STANDBY, again))) == (
        replace(peer_of(STANDBY, MEMBERS), connections=2),
    )


def test_only_connections_over_tcp_are_peers_each_with_the_groups_of_its_role() -> None:
    bob = replace(PLAIN, role="bob")
    others = tuple(replace(PLAIN, peer=peer) for peer in OtherPeer)
    poll = replace(
        POLL,
        wal_senders=(STANDBY, bob, *others),
        role_memberships={"bob": frozenset({"bob", "staff"})},
    )
    assert peers_of(poll) == (
        peer_of(bob, frozenset({"bob", "staff"})),
        peer_of(STANDBY, None),
    )
    unread = replace(poll, role_memberships=Unread(FailureReason.PERMISSION, ""))
    assert peers_of(unread) == (peer_of(bob, None), peer_of(STANDBY, None))


def test_too_many_connections_are_not_judged() -> None:
    crowd = tuple(replace(STANDBY, pid=n, application_name=f"{n}") for n in range(MOST_PEERS + 1))
    assert peers_of(replace(POLL, wal_senders=crowd)) is None
    few = peers_of(replace(POLL, wal_senders=crowd[1:]))
    assert few is not None
    assert len(few) == MOST_PEERS
    unread = Unread(FailureReason.PERMISSION, "")
    assert peers_of(replace(POLL, wal_senders=unread)) is None


def test_peers_are_in_the_order_of_their_names_roles_and_addresses() -> None:
    own = peer_of(STANDBY, MEMBERS)
    far = TcpPeer(ip_address("10.0.0.9"), 1)
    a = peer_of(replace(PLAIN, application_name="a", role="z", peer=far), None)
    b, c = (replace(a, application_name="b", client=replace(a.client, role=r)) for r in "xy")
    d = replace(c, client=replace(c.client, address=ip_address("9.0.0.1")))
    e = replace(d, has_certificate=True)
    assert other_peers(together([own, e, d, c, b, a]), own) == (a, b, c, d, e)
    assert other_peers(None, own) is None
