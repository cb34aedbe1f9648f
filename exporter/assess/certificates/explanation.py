"""Sentences on a connection's certificates, for a person: would it get in, with which, how long?"""

from collections.abc import Iterable

from exporter.assess.certificates.acceptance import FilesInForce
from exporter.assess.certificates.connection import CertificatesKnown, ConnectionCertificates
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.certificates.security_level import doubtful
from exporter.assess.certificates.words import ENDS, certificate_text, moment
from exporter.assess.rules.case import Case
from exporter.model.certificate import CertificateSource
from exporter.model.certificates_report import (
    Ambiguous,
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
    Unmatched,
)
from exporter.model.judgement import Forecast, Reason
from exporter.model.verification import VERIFIED
from exporter.model.wal_sender import TcpPeer

_FILES = {
    FilesInForce.CHANGED: (
        "The server's authorities or revocation lists were changed after the last reload: it still "
        "holds clients against the older ones, and the verdict is on those of its disk."
    ),
    FilesInForce.NOT_TAKEN: (
        "The last reload did not take the server's TLS files (its log says why): it holds clients "
        "against older authorities and lists, and the verdict is on those of its disk."
    ),
}


def explain_certificates(
    case: Case, judged: ConnectionCertificates, certificates: CertificatesKnown
) -> tuple[str, ...]:
    """Return sentences on what is in use, what is sent next, and what that meets.

    Nothing is told where nothing is known of anybody's certificates.

    Args:
        case: the connection.
        judged: its certificates.
        certificates: what is known.
    """
    return (
        *_in_use(judged, certificates),
        *_upcoming(case, judged, certificates),
        *_until(judged),
    )


def _in_use(judged: ConnectionCertificates, certificates: CertificatesKnown) -> Iterable[str]:
    match judged.in_use:
        case Matched(certificate):
            told = f"It uses the certificate {certificate_text(certificate)}."
            if Reason.CERTIFICATE_EXPIRED_IN_USE in judged.reasons:
                told += (
                    " That has expired: the connection goes on, for nothing is checked again "
                    "while it lasts."
                )
            yield told
        case Ambiguous(candidates):
            told = ", ".join(certificate_text(c) for c in candidates)
            yield (
                "Several known certificates look like the one in use, of which the server shows "
                f"no more than serial number and names: {told}."
            )
        case Unmatched() if certificates.has_inventory:
            yield "The certificate in use is not in the inventory."
        case _:
            return


def _upcoming(
    case: Case, judged: ConnectionCertificates, certificates: CertificatesKnown
) -> Iterable[str]:
    upcoming = judged.upcoming
    if isinstance(upcoming, NextUnknown):
        known = certificates.has_inventory or certificates.standbys.by_name
        if known and isinstance(case.wal_sender.peer, TcpPeer):
            yield f"Which certificate it owns for its next connect is not known: {upcoming.why}."
        return
    yield _next(judged, upcoming)
    yield _would_get_in(case, judged, upcoming)
    if upcoming.verification is not None and certificates.files in _FILES:
        yield _FILES[certificates.files]


def _next(judged: ConnectionCertificates, upcoming: NextCertificate) -> str:
    where = upcoming.path
    if upcoming.source is CertificateSource.STANDBY_FILE:
        where = f"{upcoming.path} on the standby"
    if judged.in_use == Matched(upcoming.certificate):
        return f"For its next connect it owns the same, in {where}."
    told = f"For its next connect it owns {certificate_text(upcoming.certificate)}, in {where}"
    if judged.pending:
        told += ", renewed and not in use before it reconnects"
    return f"{told}."


def _would_get_in(case: Case, judged: ConnectionCertificates, upcoming: NextCertificate) -> str:
    role = case.client.role
    name = {
        NameFit.ADMITTED: f"its name lets in as {role}",
        NameFit.REFUSED: f"its name does not let in as {role}",
        NameFit.UNDECIDED: f"whether its name lets in as {role} cannot be decided",
    }[upcoming.name]
    verification = upcoming.verification
    if verification is None:
        return (
            "Whether the server would take it is not known, for there are no authorities of it "
            f"that can be read; {name}."
        )
    if verification.result != VERIFIED:
        return f"Whatever the rule, the server refuses it: {verification.result}; {name}."
    doubt = doubtful((upcoming.certificate, *upcoming.chain))
    if doubt:
        return (
            "The server's authorities vouch for it, but whether TLS takes it hangs on the security "
            f"level of the server's OpenSSL, which cannot be seen: {doubt}. Certificates signed "
            "with SHA-256, with RSA keys of 2048 bits or EC keys of 256, are taken at the common "
            f"levels; {name}."
        )
    if judged.forecast is Forecast.ADMITTED_WITH_CERTIFICATE and not _compares_names(case):
        return (
            "Next reconnect: the certificate will be accepted. The server's CA file verifies it, "
            "and no rule compares its name."
        )
    gets_in = {
        NameFit.ADMITTED: "it would get in with it",
        NameFit.REFUSED: "it would be refused with it",
        NameFit.UNDECIDED: "it may get in with it",
    }[upcoming.name]
    told = f"{gets_in}: the server's authorities vouch for it, and {name}."
    if judged.forecast is Forecast.ADMITTED_WITH_CERTIFICATE:
        return f"Connecting again, {told}"
    return f"If a certificate were demanded now, {told}"


def _compares_names(case: Case) -> bool:
    return any(demands_name(rule) for rule in case.found.rules)


def _until(judged: ConnectionCertificates) -> Iterable[str]:
    if judged.breaks_at is not None:
        ends = ENDS.get(judged.breaks_cause, "something in its chain ends")
        yield f"From {moment(judged.breaks_at)} on a reconnect fails: then {ends}."
