"""Sentences on a target's certificates, for a person: what is amiss, and what ends first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.assess.certificates.acceptance import own_and_served
from exporter.assess.certificates.words import certificate_text, moment, name_of
from exporter.model.certificates_report import VerifiedCertificate
from exporter.model.failure import Read, Unread
from exporter.model.served import ServedChain
from exporter.model.tls_files import TlsFiles
from exporter.model.verification import VERIFIED, Verification

TOLD_AT_MOST = 10
"""Of certificates that nobody uses; the metrics have them all."""
TOLD_BEFORE = timedelta(days=90)
"""What ends later than that is no news; the metrics and the page have every date."""

_CLIENTS_THAT_VERIFY = "clients that verify the server (sslmode verify-ca or verify-full)"
_RENEW_OWN = "put a renewed one into ssl_cert_file and reload"
_RENEW_AUTHORITY = "put its successor into ssl_ca_file beside it and reload"
_RENEW_SENT = "put its successor into ssl_cert_file, after the server's own, and reload"
_RENEW_LIST = "have a new one issued, put it in its place and reload"


@dataclass(frozen=True, slots=True)
class _End:
    """Something that ends.

    Attributes:
        what: it, as the subject of a sentence.
        breaks: what fails from then on.
        renew: what to do.
    """

    at: datetime
    what: str
    breaks: str
    renew: str


def explain_target(
    tls_files: Read[TlsFiles],
    served: ServedChain | None,
    checked: Verification | None,
    idle: Sequence[VerifiedCertificate],
    *,
    now: datetime,
) -> tuple[str, ...]:
    """Return sentences on what is amiss, what ends first, and what is to be done.

    Args:
        tls_files: of the server.
        served: what it serves, if that is known.
        checked: what a client with verify-full says of that; None if it was not asked.
        idle: certificates of replication roles that no connection uses.
        now: the moment.
    """
    return (
        *_served(served, checked),
        *_pending(tls_files, served),
        *_ends([*_of_served(served), *_of_files(tls_files)], now),
        *_idle(idle),
    )


def ends_told(tls_files: Read[TlsFiles], served: ServedChain | None) -> Iterable[datetime]:
    """Yield the ends that are told of from ``TOLD_BEFORE`` before them on."""
    return (end.at for end in (*_of_served(served), *_of_files(tls_files)))


def _served(served: ServedChain | None, checked: Verification | None) -> Iterable[str]:
    if served is None:
        return
    if isinstance(served.trust, Unread):
        told = served.trust.detail or served.trust.reason.value
        yield f"The served certificate is not checked: its authorities cannot be read ({told})."
    if checked is not None and checked.result != VERIFIED:
        name = "" if served.host is None else f" and the host name {served.host}"
        yield (
            f"A client with sslmode=verify-full{name} refuses the certificate that is served, "
            f"{certificate_text(served.certificates[0])}: {checked.result}."
        )


def _pending(tls_files: Read[TlsFiles], served: ServedChain | None) -> Iterable[str]:
    both = own_and_served(tls_files, served)
    if served is not None and both is not None and both[0] != both[1]:
        yield (
            f"ssl_cert_file holds {certificate_text(both[0])}, and served is "
            f"{certificate_text(both[1])}, as seen {moment(served.read_at)}: reload; where that "
            "changes nothing, the server's log says why (a key that does not fit)."
        )


def _of_served(served: ServedChain | None) -> Iterable[_End]:
    if served is None:
        return
    for number, certificate in enumerate(served.certificates):
        what = "The certificate" if number == 0 else "The authority"
        yield _End(
            certificate.not_after,
            f"{what} {name_of(certificate.subject)} that the server sends",
            f"{_CLIENTS_THAT_VERIFY} do not connect",
            _RENEW_OWN if number == 0 else _RENEW_SENT,
        )


def _of_files(tls_files: Read[TlsFiles]) -> Iterable[_End]:
    if isinstance(tls_files, Unread):
        return
    if not isinstance(tls_files.authority, Unread):
        for certificate in tls_files.authority.certificates:
            yield _End(
                certificate.not_after,
                f"The authority {name_of(certificate.subject)} of ssl_ca_file",
                "clients whose certificates hang on it are refused, under every rule",
                _RENEW_AUTHORITY,
            )
    if not isinstance(tls_files.revocation, Unread):
        for found in tls_files.revocation.revocation_lists:
            if found.next_update is not None:
                yield _End(
                    found.next_update,
                    f"The revocation list of {name_of(found.issuer)}",
                    "every client below that authority is refused, under every rule",
                    _RENEW_LIST,
                )


def _ends(ends: Sequence[_End], now: datetime) -> Iterable[str]:
    """Yield what has ended, and the first that will, if that is soon."""
    ordered = sorted(ends, key=lambda end: end.at)
    for end in ordered:
        if end.at < now:
            yield f"{end.what} ended {moment(end.at)}: {end.breaks}; {end.renew}."
        elif end.at - now <= TOLD_BEFORE:
            yield (
                f"{end.what} is the first here to end, {moment(end.at)}: from then on "
                f"{end.breaks}; before that, {end.renew}."
            )
            return
        else:
            return


def _idle(idle: Sequence[VerifiedCertificate]) -> Iterable[str]:
    for verified in idle[:TOLD_AT_MOST]:
        told = certificate_text(verified.certificate)
        if verified.result == VERIFIED:
            yield f"Known and not in use: {told}; the server would take it."
        else:
            yield f"Known and not in use: {told}; the server would refuse it: {verified.result}."
    if len(idle) > TOLD_AT_MOST:
        yield f"Known and not in use: {len(idle) - TOLD_AT_MOST} more."
