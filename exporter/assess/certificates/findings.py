"""Returns the findings on a connection's certificates: in use, sent next, accepted, until when."""

from collections.abc import Iterable

from exporter.assess.certificates.connection import CertificatesKnown, ConnectionCertificates
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.certificates.security_level import doubtful
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import CERTIFICATE_DEMANDS
from exporter.model.certificate import CertificateSource
from exporter.model.certificates_report import (
    Ambiguous,
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
    Unmatched,
)
from exporter.model.finding import (
    CertificateFinding,
    NextCertificateUnknown,
    NextHandshake,
    NotInInventory,
    ReconnectsFail,
    TlsFilesNotInForce,
    UsesCertificate,
    UsesOneOf,
    WillSend,
)
from exporter.model.judgement import FilesInForce, Forecast, Reason
from exporter.model.wal_sender import TcpPeer

_NOT_IN_FORCE = (FilesInForce.CHANGED, FilesInForce.NOT_TAKEN)


def certificate_findings(
    case: Case, judged: ConnectionCertificates, certificates: CertificatesKnown
) -> tuple[CertificateFinding, ...]:
    """Return what is in use, what is sent next, and what the server makes of that.

    Empty where no certificates are known.

    Args:
        case: the connection.
        judged: its certificates.
        certificates: what is known.
    """
    return (
        *_in_use(judged, certificates),
        *_next(case, judged, certificates),
        *_until(judged),
    )


def _in_use(
    judged: ConnectionCertificates, certificates: CertificatesKnown
) -> Iterable[CertificateFinding]:
    match judged.in_use:
        case Matched(certificate):
            yield UsesCertificate(
                certificate, is_expired=Reason.CERTIFICATE_EXPIRED_IN_USE in judged.reasons
            )
        case Ambiguous(candidates):
            yield UsesOneOf(candidates)
        case Unmatched() if certificates.has_inventory:
            yield NotInInventory()
        case _:
            return


def _next(
    case: Case, judged: ConnectionCertificates, certificates: CertificatesKnown
) -> Iterable[CertificateFinding]:
    upcoming = judged.upcoming
    if isinstance(upcoming, NextUnknown):
        is_anything_known = certificates.has_inventory or certificates.standbys.by_name
        if is_anything_known and isinstance(case.wal_sender.peer, TcpPeer):
            yield NextCertificateUnknown(upcoming)
        return
    yield WillSend(
        certificate=upcoming.certificate,
        path=upcoming.path,
        is_on_standby=upcoming.source is CertificateSource.STANDBY_FILE,
        is_in_use=judged.in_use == Matched(upcoming.certificate),
        is_renewed=bool(judged.pending),
    )
    yield _handshake(case, judged, upcoming)
    if upcoming.verification is not None and certificates.files in _NOT_IN_FORCE:
        yield TlsFilesNotInForce(certificates.files)


def _handshake(
    case: Case, judged: ConnectionCertificates, upcoming: NextCertificate
) -> NextHandshake:
    verification = upcoming.verification
    compares_name = any(demands_name(rule) for rule in case.found.rules)
    required = bool(case.found.demanded) and not case.found.demanded - CERTIFICATE_DEMANDS
    # that a name which is compared is accepted does not suffice for a prediction
    fits = compares_name and upcoming.name is NameFit.ADMITTED
    return NextHandshake(
        role=case.client.role,
        name=upcoming.name,
        verification=None if verification is None else verification.result,
        weakness=doubtful((upcoming.certificate, *upcoming.chain)),
        compares_name=compares_name,
        is_required=judged.forecast is Forecast.ADMITTED_WITH_CERTIFICATE
        or (required and not fits),
    )


def _until(judged: ConnectionCertificates) -> Iterable[CertificateFinding]:
    if judged.breaks_at is not None:
        yield ReconnectsFail(judged.breaks_at, judged.breaks_cause)
