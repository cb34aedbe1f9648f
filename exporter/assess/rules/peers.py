"""The other connections of a target, which a change for one of them must not lock out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter.assess.rules.match import Client
from exporter.model.wal_sender import SlashName, TcpPeer, WalSender

MOST_PEERS = 200
"""With more connections, none is compared with the lines of a remedy."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A connection over TCP, as far as a change of rules concerns it.

    Connections that are equal here are one peer.

    Attributes:
        has_certificate: it presented one.
        subject: of that certificate; None where there is none, or an empty one.
        member_of: as in ``Surroundings``.
        connections: how many are equal.
    """

    client: Client
    application_name: str
    has_certificate: bool
    subject: SlashName | None
    member_of: frozenset[str] | None
    connections: int = 1


Peers = tuple[Peer, ...] | None
"""By application name and address; None where there are more than MOST_PEERS connections."""


def client_of(wal_sender: WalSender) -> Client:
    """Return what the server knows of a walsender when it looks for a rule."""
    peer = wal_sender.peer
    return Client(
        kind=wal_sender.kind,
        role=wal_sender.role,
        database=wal_sender.database,
        address=peer.address if isinstance(peer, TcpPeer) else None,
        tls=wal_sender.tls is not None,
        gss_encrypted=wal_sender.gss_encrypted,
    )


def peer_of(wal_sender: WalSender, member_of: frozenset[str] | None) -> Peer:
    """Return ``wal_sender`` as a peer of others."""
    shown = None if wal_sender.tls is None else wal_sender.tls.client_certificate
    return Peer(
        client=client_of(wal_sender),
        application_name=wal_sender.application_name,
        has_certificate=shown is not None,
        subject=None if shown is None else shown.subject,
        member_of=member_of,
    )


def together(connections: Iterable[Peer]) -> tuple[Peer, ...]:
    """Return connections by application name and address, those that are equal as one peer."""
    counted = Counter(connections)
    peers = (replace(each, connections=count) for each, count in counted.items())
    return tuple(sorted(peers, key=_order))


def other_peers(peers: Peers, own: Peer) -> Peers:
    """Return the peers without one connection, in the same order."""
    if peers is None:
        return None
    others = (
        replace(each, connections=each.connections - 1)
        # the first is quick, and differs for most of them
        if each.application_name == own.application_name and replace(each, connections=1) == own
        else each
        for each in peers
    )
    return tuple(each for each in others if each.connections)


def _order(peer: Peer) -> tuple[str, ...]:
    client = peer.client
    return (peer.application_name, client.role, str(client.address), repr(peer))
