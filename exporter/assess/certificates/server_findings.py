"""Returns the findings on a server's certificates: what is wrong, and what expires first."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.assess.certificates.acceptance import own_and_served
from exporter.model.certificate import DistinguishedName
from exporter.model.failure import Read, Unread
from exporter.model.finding import (
    ExpiringThing,
    Expiry,
    MoreNotInUse,
    NotInUse,
    ServedDiffers,
    ServedNotVerified,
    ServedRejected,
    ServerFinding,
)
from exporter.model.served import ServedChain
from exporter.model.target_certificates import VerifiedCertificate
from exporter.model.tls_files import TlsFiles
from exporter.model.verification import VERIFIED, Verification

MOST_NOT_IN_USE = 10
"""Of certificates that no connection uses; the metrics have them all."""
EXPIRES_SOON = timedelta(days=90)
"""What expires later is not reported here; the metrics and the page have every date."""


class _End(NamedTuple):
    """A date after which something is not valid."""

    at: datetime
    thing: ExpiringThing
    name: DistinguishedName


def server_findings(
    tls_files: Read[TlsFiles],
    served: ServedChain | None,
    checked: Verification | None,
    idle: Sequence[VerifiedCertificate],
    *,
    now: datetime,
) -> tuple[ServerFinding, ...]:
    """Return what is wrong, and what expires first.

    Args:
        tls_files: of the server.
        served: what it sends, if that is known.
        checked: what a client with verify-full makes of that; None if it was not verified.
        idle: certificates of replication roles that no connection uses.
        now: the time to judge at.
    """
    return (
        *_served(served, checked),
        *_pending(tls_files, served),
        *_expiries([*_of_served(served), *_of_files(tls_files)], now),
        *_idle(idle),
    )


def expiry_dates(tls_files: Read[TlsFiles], served: ServedChain | None) -> Iterable[datetime]:
    """Yield the dates that are reported from ``EXPIRES_SOON`` before them on."""
    return (end.at for end in (*_of_served(served), *_of_files(tls_files)))


def _served(served: ServedChain | None, checked: Verification | None) -> Iterable[ServerFinding]:
    if served is None:
        return
    if isinstance(served.trust, Unread):
        yield ServedNotVerified(served.trust.detail or served.trust.reason.value)
    if checked is not None and checked.result != VERIFIED:
        yield ServedRejected(served.certificates[0], served.host, checked.result)


def _pending(tls_files: Read[TlsFiles], served: ServedChain | None) -> Iterable[ServerFinding]:
    both = own_and_served(tls_files, served)
    if served is not None and both is not None and both[0] != both[1]:
        yield ServedDiffers(in_file=both[0], served=both[1], read_at=served.read_at)


def _of_served(served: ServedChain | None) -> Iterable[_End]:
    if served is None:
        return
    for number, certificate in enumerate(served.certificates):
        thing = ExpiringThing.SERVED_AUTHORITY if number else ExpiringThing.SERVED_CERTIFICATE
        yield _End(certificate.not_after, thing, certificate.subject)


def _of_files(tls_files: Read[TlsFiles]) -> Iterable[_End]:
    if isinstance(tls_files, Unread):
        return
    if not isinstance(tls_files.authority, Unread):
        for certificate in tls_files.authority.certificates:
            yield _End(certificate.not_after, ExpiringThing.AUTHORITY, certificate.subject)
    if not isinstance(tls_files.revocation, Unread):
        for listed in tls_files.revocation.revocation_lists:
            if listed.next_update is not None:
                yield _End(listed.next_update, ExpiringThing.REVOCATION_LIST, listed.issuer)


def _expiries(ends: Sequence[_End], now: datetime) -> Iterable[Expiry]:
    """Yield what has expired, and what expires first, if that is soon."""
    for end in sorted(ends, key=lambda end: end.at):
        if end.at < now:
            yield Expiry(end.thing, end.name, end.at, is_past=True)
            continue
        if end.at - now <= EXPIRES_SOON:
            yield Expiry(end.thing, end.name, end.at, is_past=False)
        return


def _idle(idle: Sequence[VerifiedCertificate]) -> Iterable[ServerFinding]:
    for verified in idle[:MOST_NOT_IN_USE]:
        yield NotInUse(verified.certificate, verified.result)
    if len(idle) > MOST_NOT_IN_USE:
        yield MoreNotInUse(len(idle) - MOST_NOT_IN_USE)
