"""Per-connection cache: reuses the previous judgement while its inputs are unchanged.

That is the usual case from one poll to the next, and judging is most of the work of a poll.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from exporter.assess.certificates.connection import CertificatesKnown
from exporter.assess.connection import RulesInForce, judge
from exporter.assess.rules.peers import Peers
from exporter.assess.verdict import verdict
from exporter.assess.work import Work
from exporter.model.history import Judgements
from exporter.model.observation import Observation
from exporter.model.policy import Policy
from exporter.model.report import Connection
from exporter.model.wal_sender import WalSender

_NOT_JUDGED = (None, 0)
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a walsender is judged by, in addition to itself and the time.

    Attributes:
        read: what the poll read.
        certificates: equal until one of their dates passes.
        peers: the other connections, which only remedies depend on.
    """

    read: Observation
    known: RulesInForce
    certificates: CertificatesKnown
    policy: Policy
    peers: Peers = field(default=None, compare=False)


def judge_all(
    basis: Basis,
    wal_senders: Sequence[WalSender],
    before: Judgements,
    *,
    now: datetime,
    work: Work,
) -> Judgements:
    """Return every walsender judged, in the order they were read.

    Args:
        basis: of this poll.
        wal_senders: that it read.
        before: what the poll before returned here.
        now: for exemptions that end.
        work: counts the steps. A remembered connection counts as if it were judged again, so that
            the result does not depend on the polls before.

    Raises:
        TooMuchWorkError: the judgement of the target has reached its limit.
    """
    # neither the walsenders themselves nor when and how fast they were read
    read = replace(basis.read, at=_NO_TIME, duration_seconds=0.0, wal_senders=())
    compared = replace(basis, read=read)
    # by their processes, which takes less than to hash all that is known of them
    earlier: Mapping[int, tuple[Connection, int]] = {}
    at_that_time = before.basis
    if isinstance(at_that_time, Basis) and at_that_time == compared:
        pairs = zip(before.connections, before.steps, strict=True)
        earlier = {each.wal_sender.pid: (each, steps) for each, steps in pairs}
        looked_up = at_that_time.certificates
        same_peers = at_that_time.peers == basis.peers

    def judged(wal_sender: WalSender) -> tuple[Connection, int]:
        known, steps = earlier.get(wal_sender.pid, _NOT_JUDGED)
        if (
            known is not None
            and known.wal_sender == wal_sender
            and (same_peers or not known.remedy)
        ):
            basis.certificates.take_over(wal_sender, looked_up)
            work.add(steps)
            return _in_time(known, basis.policy, now=now), steps
        done = work.done
        connection = judge(
            wal_sender,
            basis.read,
            basis.known,
            basis.certificates,
            basis.policy,
            peers=basis.peers,
            now=now,
            work=work,
        )
        return connection, work.done - done

    both = [judged(each) for each in wal_senders]
    return Judgements(compared, tuple(c for c, _ in both), tuple(steps for _, steps in both))


def _in_time(connection: Connection, policy: Policy, *, now: datetime) -> Connection:
    """Return the connection with the verdict of now: an exemption may have ended meanwhile."""
    if all(exemption.until is None for exemption in policy.exemptions):
        return connection
    given, exemption = verdict(connection.wal_sender, connection.posture, policy, now=now)
    if (given, exemption) == (connection.verdict, connection.exemption):
        return connection
    return replace(connection, verdict=given, exemption=exemption)
