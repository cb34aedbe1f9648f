"""Validity boundaries of certificates and revocation lists.

Between two boundaries, time alone changes no judgement.
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
"""The last of several boundaries that is not after a given time (None: there is none), and the
first that is not before it."""


def validity_boundaries(certificates: Iterable[Certificate]) -> tuple[datetime, ...]:
    """Return notBefore, notAfter and the second after each of them, in order."""
    return _ordered(d for c in certificates for d in (c.not_before, c.not_after))


def passed(of_inventory: Sequence[datetime], others: Sequence[datetime], now: datetime) -> Passed:
    """Return the boundaries directly before and after ``now``.

    Where the result is the same at two times, no boundary lies between them, neither of those
    known at the first, nor of those known at the second.
    """
    # not how many: as many may be forgotten meanwhile as pass
    past = [
        several[place - 1]
        for several in (of_inventory, others)
        if (place := bisect_right(several, now))
    ]
    return max(past, default=None), next_boundary(now, of_inventory, others)


def other_boundaries(observation: Observation, knowledge: Knowledge) -> tuple[datetime, ...]:
    """Return the validity boundaries of what is known from other sources than the inventory."""
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
    return tuple(sorted((*validity_boundaries(certificates), *list_boundaries(lists))))


def list_boundaries(lists: Iterable[RevocationList]) -> tuple[datetime, ...]:
    """Return thisUpdate, nextUpdate and the second after each of them, in order."""
    return _ordered(d for one in lists for d in (one.this_update, one.next_update) if d is not None)


def next_boundary(now: datetime, *ordered: Sequence[datetime]) -> datetime:
    """Return the first boundary that is not before ``now``; datetime.max if there is none."""
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
