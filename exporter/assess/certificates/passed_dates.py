"""Between which dates of certificates and lists a moment lies.

While none of them passes, nothing judged changes.
"""

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

Passed = tuple[datetime | None, datetime]
"""The last of several turns that is not after a moment (None: there is none), and the first that is
not before it."""


def turns(certificates: Iterable[Certificate]) -> tuple[datetime, ...]:
    """Return the moments at which something about ``certificates`` may change, in order."""
    return _ordered(d for c in certificates for d in (c.not_before, c.not_after))


def passed(of_inventory: Sequence[datetime], others: Sequence[datetime], now: datetime) -> Passed:
    """Return between which of both kinds of ``turns`` a moment lies.

    Where it is the same for two moments, no turn passes from one to the other: neither of those
    known at the one, nor of those known at the other.
    """
    # not how many: as many may be forgotten meanwhile as pass
    past = [
        several[place - 1]
        for several in (of_inventory, others)
        if (place := bisect_right(several, now))
    ]
    return max(past, default=None), next_turn(now, of_inventory, others)


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
