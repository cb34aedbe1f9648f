"""How many dates of certificates and lists have passed: while none does, nothing judged changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from exporter.model.certificate import Certificate, CertificateFile, RevocationList
from exporter.model.failure import Read, Unread
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation

_SECOND = timedelta(seconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_LAST = _NEVER - _SECOND

Passed = tuple[int, int]
"""Dates before a moment, and before or at it."""


def turns(certificates: Iterable[Certificate]) -> tuple[datetime, ...]:
    """Return the moments at which something about ``certificates`` may change, in order."""
    return _ordered(d for c in certificates for d in (c.not_before, c.not_after))


def passed(of_inventory: Sequence[datetime], others: Sequence[datetime], now: datetime) -> Passed:
    """Return how many of both kinds of ``turns`` have passed."""
    return (
        bisect_left(of_inventory, now) + bisect_left(others, now),
        bisect_right(of_inventory, now) + bisect_right(others, now),
    )


def other_turns(observation: Observation, knowledge: Knowledge) -> tuple[datetime, ...]:
    """Return the turns of what is known beside the inventory."""
    certificates: list[Certificate] = list(knowledge.seen)
    lists: list[RevocationList] = []
    files: list[Read[CertificateFile]] = [s.receiver.certificate for s in knowledge.standbys]
    tls_files = observation.tls_files
    if not isinstance(tls_files, Unread):
        files += [tls_files.certificate, tls_files.authority, tls_files.revocation]
    for file in files:
        if not isinstance(file, Unread):
            certificates += file.certificates
            lists += file.revocation_lists
    if knowledge.served is not None and not isinstance(knowledge.served, Unread):
        certificates += knowledge.served.certificates
    return tuple(sorted((*turns(certificates), *lists_turns(lists))))


def lists_turns(lists: Iterable[RevocationList]) -> tuple[datetime, ...]:
    """Return the moments at which something about revocation lists may change, in order."""
    return _ordered(d for one in lists for d in (one.this_update, one.next_update) if d is not None)


def next_turn(now: datetime, *ordered: Sequence[datetime]) -> datetime:
    """Return the first of several ``turns`` that is not before ``now``; the last of all times."""
    return min(
        (
            several[place]
            for several in ordered
            if (place := bisect_left(several, now)) < len(several)
        ),
        default=_NEVER,
    )


def _ordered(dates: Iterable[datetime]) -> tuple[datetime, ...]:
    # a date counts until its second is over, and OpenSSL's releases differ on that second
    return tuple(
        sorted(edge for date in dates for edge in (date, date + _SECOND if date < _LAST else date))
    )
