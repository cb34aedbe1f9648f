"""What was judged at the poll before is not judged again where nothing that it rests on changed.

From one poll to the next that is the usual case, and judging is most of what a poll would cost the
exporter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from exporter.assess.connection import RulesInForce, judge
from exporter.assess.connection_certificates import CertificatesKnown
from exporter.assess.peers import Peers
from exporter.assess.verdict import verdict
from exporter.model.failure import Read, Unread
from exporter.model.history import Judgements
from exporter.model.observation import Observation
from exporter.model.policy import Policy
from exporter.model.report import Connection
from exporter.model.wal_sender import WalSender

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Basis:
    """All that a walsender is judged by beside itself and the time.

    Attributes:
        read: what the poll read.
        certificates: equal until one of their dates passes.
        peers: only remedies rest on the other connections.
    """

    read: Observation
    known: RulesInForce
    certificates: CertificatesKnown
    policy: Policy
    peers: Peers = field(default=None, compare=False)


def judge_all(basis: Basis, before: Judgements, *, now: datetime) -> Read[Judgements]:
    """Return every walsender judged, in the order they were read.

    Args:
        basis: of this poll.
        before: what the poll before returned here.
        now: for exemptions that end.
    """
    wal_senders = basis.read.wal_senders
    if isinstance(wal_senders, Unread):
        return wal_senders
    # neither the walsenders themselves nor when and how fast they were read
    read = replace(basis.read, at=_NO_TIME, duration_seconds=0.0, wal_senders=())
    compared = replace(basis, read=read)
    # by their processes, which takes less than to hash all that is known of them
    earlier: Mapping[int, Connection] = {}
    at_that_time = before.basis
    if isinstance(at_that_time, Basis) and at_that_time == compared:
        earlier = {each.wal_sender.pid: each for each in before.connections}

        looked_up = at_that_time.certificates
        same_peers = at_that_time.peers == basis.peers

    def judged(wal_sender: WalSender) -> Connection:
        known = earlier.get(wal_sender.pid)
        if (
            known is not None
            and known.wal_sender == wal_sender
            and (same_peers or not known.remedy)
        ):
            basis.certificates.take_over(wal_sender, looked_up)
            return _in_time(known, basis.policy, now=now)
        return judge(
            wal_sender,
            basis.read,
            basis.known,
            basis.certificates,
            basis.policy,
            peers=basis.peers,
            now=now,
        )

    return Judgements(compared, tuple(judged(each) for each in wal_senders))


def _in_time(connection: Connection, policy: Policy, *, now: datetime) -> Connection:
    """Return the connection with the verdict of now: an exemption may have ended meanwhile."""
    if all(exemption.until is None for exemption in policy.exemptions):
        return connection
    given, exemption = verdict(connection.wal_sender, connection.posture, policy, now=now)
    if (given, exemption) == (connection.verdict, connection.exemption):
        return connection
    return replace(connection, verdict=given, exemption=exemption)
