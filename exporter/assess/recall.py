"""What was judged at the poll before is not judged again where nothing that it rests on changed.

From one poll to the next that is the usual case, and judging is most of what a poll would cost the
exporter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from exporter.assess.connection import RulesInForce, judge
from exporter.assess.verdict import verdict
from exporter.model.failure import Read, Unread
from exporter.model.history import Judgements
from exporter.model.observation import Observation
from exporter.model.policy import Policy
from exporter.model.report import Connection
from exporter.model.wal_sender import WalSender

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Basis:
    """All that a walsender is judged by beside itself and the time.

    Attributes:
        read: everything that was read but for the walsenders and when and how fast it was read.
    """

    read: Observation
    known: RulesInForce
    policy: Policy


def judge_all(
    observation: Observation,
    known: RulesInForce,
    policy: Policy,
    before: Judgements,
    *,
    now: datetime,
) -> Read[Judgements]:
    """Return every walsender judged, in the order they were read.

    Args:
        observation: what the poll read.
        known: of the rules in force.
        policy: the user's.
        before: what the poll before returned here.
        now: for exemptions that end.
    """
    wal_senders = observation.wal_senders
    if isinstance(wal_senders, Unread):
        return wal_senders
    read = replace(observation, at=_NO_TIME, duration_seconds=0.0, wal_senders=())
    basis = _Basis(read, known, policy)
    earlier: Mapping[WalSender, Connection] = (
        {each.wal_sender: each for each in before.connections} if before.basis == basis else {}
    )
    return Judgements(
        basis,
        tuple(
            _in_time(earlier[each], policy, now=now)
            if each in earlier
            else judge(each, observation, known, policy, now=now)
            for each in wal_senders
        ),
    )


def _in_time(connection: Connection, policy: Policy, *, now: datetime) -> Connection:
    """Return the connection with the verdict of now: an exemption may have ended meanwhile."""
    given, exemption = verdict(connection.wal_sender, connection.posture, policy, now=now)
    if (given, exemption) == (connection.verdict, connection.exemption):
        return connection
    return replace(connection, verdict=given, exemption=exemption)
