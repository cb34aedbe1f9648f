"""Predicts the outcome of a client's next reconnect: the handshake, then the rules.

Sources: be-secure-openssl.c, be_tls_init() (a bad certificate ends the handshake under every rule;
none at all does not); auth.c, ClientAuthentication(); fe-connect.c, PQconnectPoll() (with
``sslmode=prefer`` a handshake that fails is followed by an attempt without TLS; under TLS 1.3 the
client considers it complete before the server rejects the certificate).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from exporter.assess.certificates.acceptance import Accept
from exporter.assess.certificates.next_certificate import (
    Candidate,
    Sends,
    SendsNone,
    SendsOneOf,
    SendsUnknown,
)
from exporter.assess.certificates.security_level import doubtful
from exporter.assess.rules.demand import CERTIFICATE_DEMANDS
from exporter.assess.rules.outcome import Outcomes
from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.certificates_report import (
    Ambiguous,
    ChainsDiffer,
    InUse,
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
    NoneSent,
    OutcomesDiffer,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand, FilesInForce, Forecast, ForecastCause
from exporter.model.observation import Server
from exporter.model.verification import VERIFIED, Verification
from exporter.model.wal_sender import PeerCertificate, WalSender

Met = tuple[Forecast, ForecastCause]

UNKNOWN: Met = (Forecast.UNKNOWN, ForecastCause.NONE)
_WITH: Met = (Forecast.ADMITTED_WITH_CERTIFICATE, ForecastCause.NONE)
_WITHOUT: Met = (Forecast.ADMITTED_WITHOUT_CERTIFICATE, ForecastCause.NONE)

_NEVER_WITHOUT_TLS = frozenset({"require", "verify-ca", "verify-full"})
_WHATEVER_IS_LOADED = frozenset(
    {ForecastCause.EXPIRED, ForecastCause.NOT_YET_VALID, ForecastCause.PURPOSE}
)
"""What is wrong with a certificate whatever authorities and lists are in force."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """What the next reconnect of one client depends on, except the certificate.

    Attributes:
        demanded: by ``demanded_of``: what a reconnect of the same kind requires.
        found: the rules that may govern it over TLS.
        without_tls: returns those that may govern it unencrypted.
        fit: whether a rule (None: ``hostssl … cert`` without a map) accepts the name of a
            certificate.
        accept: the result of verifying a chain by the files on the server's disk.
        files: whether these are in force.
        now: the time to judge at.
    """

    wal_sender: WalSender
    demanded: frozenset[Demand]
    found: Outcomes
    without_tls: Callable[[], Outcomes]
    fit: Callable[[HbaRule | None, Certificate], NameFit]
    server: Server
    accept: Accept
    files: FilesInForce
    now: datetime

    @property
    def shown(self) -> PeerCertificate | None:
        """What the running session shows."""
        return None if self.wal_sender.tls is None else self.wal_sender.tls.client_certificate

    @property
    def asks(self) -> bool:
        """Whether the client uses TLS and the server then asks it for a certificate."""
        return self.wal_sender.tls is not None and self.server.requests_client_certificate


def by_rules(demanded: Iterable[Demand]) -> Met:
    """Return the outcome as far as the rules decide it; UNKNOWN if they are not known.

    Where a certificate is required, the outcome depends on the one that the client sends.
    """
    return _together(
        {
            Demand.REFUSES: (Forecast.REFUSED, ForecastCause.RULE),
            Demand.NOTHING: _WITHOUT,
        }.get(d, UNKNOWN)
        for d in demanded
    )


def forecast(reconnect: Reconnect, sent: Sends, in_use: InUse | None) -> Met:
    """Return the outcome of the next reconnect, and the cause if it is ``refused``.

    Args:
        reconnect: the client and its surroundings.
        sent: what it will send.
        in_use: the certificate of the running session.
    """
    if not reconnect.asks:
        return by_rules(reconnect.demanded)
    match sent:
        case SendsNone():
            met = by_rules(_without_certificate(reconnect.found.demanded))
            return met if sent.connects or met[0] is Forecast.REFUSED else UNKNOWN
        case SendsOneOf(candidates) if may_send(reconnect, candidates[0]):
            return _together(_met(reconnect, c) for c in candidates)
        case _:
            met = by_rules(reconnect.demanded)
            outdated = isinstance(in_use, Matched) and in_use.certificate.not_after < reconnect.now
            # it fails at the handshake, unless it was renewed outside the inventory
            return UNKNOWN if met == _WITHOUT and outdated else met


def may_send(reconnect: Reconnect, candidate: Candidate) -> bool:
    """Return whether the client sends its certificate: its file says so, or it did before."""
    return candidate.source is CertificateSource.STANDBY_FILE or reconnect.shown is not None


def _met(reconnect: Reconnect, candidate: Candidate) -> Met:
    verification = judged(reconnect, candidate)
    loaded = reconnect.files in {FilesInForce.LOADED, FilesInForce.UNKNOWN}
    certain = verification is not None and (loaded or verification.cause in _WHATEVER_IS_LOADED)
    if verification is not None and verification.result != VERIFIED:
        if certain:
            return _refused_by_handshake(reconnect, candidate, verification.cause)
        return UNKNOWN
    met = _together(
        _met_by_rule(reconnect, rule, demand, candidate)
        for rule, demanded in reconnect.found.possible
        for demand in demanded
    )
    if doubtful(candidate.chain) and met[0] is not Forecast.REFUSED:
        # the handshake may reject it under every rule
        return UNKNOWN
    return UNKNOWN if met == _WITH and not certain else met


def judged(reconnect: Reconnect, candidate: Candidate) -> Verification | None:
    """Return the server's verification of a candidate; its own dates are known in any case."""
    found = reconnect.accept(candidate.chain)
    if found is not None or not reconnect.server.requests_client_certificate:
        return found
    certificate = candidate.certificate
    if certificate.not_after < reconnect.now:
        return Verification("certificate has expired", ForecastCause.EXPIRED)
    if reconnect.now < certificate.not_before:
        return Verification("certificate is not yet valid", ForecastCause.NOT_YET_VALID)
    return None


def _refused_by_handshake(reconnect: Reconnect, candidate: Candidate, cause: ForecastCause) -> Met:
    refused = (Forecast.REFUSED, cause)
    tls = reconnect.wal_sender.tls
    if tls is None or tls.version == "TLSv1.3" or candidate.sslmode in _NEVER_WITHOUT_TLS:
        return refused
    plain = by_rules(_without_certificate(reconnect.without_tls().demanded))
    if plain[0] is Forecast.REFUSED:
        return refused
    return _together({refused, plain}) if candidate.sslmode is None else plain


def _met_by_rule(
    reconnect: Reconnect, rule: HbaRule | None, demand: Demand, candidate: Candidate
) -> Met:
    if demand is Demand.CHAIN:
        return _WITH
    if demand not in CERTIFICATE_DEMANDS:
        return by_rules({demand})
    return {
        NameFit.ADMITTED: _WITH,
        NameFit.REFUSED: (Forecast.REFUSED, ForecastCause.NAME),
        NameFit.UNDECIDED: UNKNOWN,
    }[reconnect.fit(rule, candidate.certificate)]


def _without_certificate(demanded: Iterable[Demand]) -> frozenset[Demand]:
    return frozenset(Demand.REFUSES if d in CERTIFICATE_DEMANDS else d for d in demanded)


def _together(several: Iterable[Met]) -> Met:
    """Return what all of them have in common; the first cause of several refusals."""
    found = sorted(set(several), key=lambda met: list(ForecastCause).index(met[1]))
    if len({met[0] for met in found}) != 1:
        return UNKNOWN
    return found[0]


def next_certificate(reconnect: Reconnect, sent: Sends) -> NextCertificate | NextUnknown:
    """Return the certificate that the client will send, and the result of verifying it.

    Where it may be one of several with the same result, the one that expires first.
    """
    if isinstance(sent, SendsNone):
        return NextUnknown(NoneSent(sent.why))
    if isinstance(sent, SendsUnknown):
        return NextUnknown(sent.why)
    found = [_next(reconnect, c) for c in sent.candidates]
    if len({(_result(f), f.name, doubtful((f.certificate, *f.chain)) is None) for f in found}) > 1:
        if sent.standbys:
            # they share the leaf, so the rest of the chain makes the difference
            return NextUnknown(ChainsDiffer(sent.standbys))
        return NextUnknown(OutcomesDiffer(tuple((f.certificate, f.path) for f in found)))
    return min(found, key=_ends)


def _next(reconnect: Reconnect, candidate: Candidate) -> NextCertificate:
    rules = [rule for rule in reconnect.found.rules if demands_name(rule)]
    fits = {reconnect.fit(rule, candidate.certificate) for rule in rules or (None,)}
    return NextCertificate(
        certificate=candidate.certificate,
        source=candidate.source,
        path=candidate.path,
        verification=judged(reconnect, candidate),
        name=fits.pop() if len(fits) == 1 else NameFit.UNDECIDED,
        chain=candidate.chain[1:],
    )


def demands_name(rule: HbaRule) -> bool:
    """Return whether a rule compares the name in a certificate with the role."""
    return rule.auth_method == "cert" or rule.option("clientcert") == "verify-full"


def _result(found: NextCertificate) -> str | None:
    return None if found.verification is None else found.verification.result


def _ends(found: NextCertificate) -> tuple[datetime, str]:
    breaks_at = None if found.verification is None else found.verification.breaks_at
    return breaks_at or found.certificate.not_after, found.certificate.fingerprint


def breaks(
    reconnect: Reconnect, expected: Forecast, upcoming: NextCertificate | NextUnknown, sent: Sends
) -> tuple[datetime | None, ForecastCause]:
    """Return from when on a reconnect fails because of a date, and what expires then."""
    if (
        expected is Forecast.REFUSED
        or not reconnect.asks
        or isinstance(upcoming, NextUnknown)
        or not isinstance(sent, SendsOneOf)
        or not may_send(reconnect, sent.candidates[0])
    ):
        return None, ForecastCause.NONE
    verification = upcoming.verification
    if verification is None:
        # its own notAfter is known in any case
        return upcoming.certificate.not_after, ForecastCause.EXPIRED
    return verification.breaks_at, verification.breaks_cause


def pending(
    wal_sender: WalSender, in_use: InUse | None, upcoming: NextCertificate | NextUnknown
) -> bool | None:
    """Return whether another, newer certificate waits for a reconnect; None if not known."""
    if in_use is None or isinstance(upcoming, NextUnknown):
        return None
    waiting = upcoming.certificate
    match in_use:
        case Matched(certificate):
            # two of one second: the one in the file came later
            return waiting != certificate and (waiting.not_before, waiting.not_after) >= (
                certificate.not_before,
                certificate.not_after,
            )
        case Ambiguous(candidates) if waiting in candidates:
            return None
        case _:
            # another one: the client's own file is current, one of the inventory may be older
            if upcoming.source is CertificateSource.STANDBY_FILE:
                return True
            return True if waiting.not_before > wal_sender.backend_start else None
