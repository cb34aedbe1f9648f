"""Returns the steps for a connection's certificates, before and after those for rules."""

from collections.abc import Iterable, Sequence

from exporter.assess.advice.accepted_names import AcceptedNames, accepted_names, of_role
from exporter.assess.advice.client_steps import name_to_issue, reconnect
from exporter.assess.certificates.connection import ConnectionCertificates
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.certificates.security_level import doubtful
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.model.certificates_report import (
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
)
from exporter.model.client_steps import (
    AcceptWholeName,
    ChangeName,
    CheckNewCertificate,
    ChooseTime,
    KnownCertificate,
    MakeCertificateKnown,
    ProvideValidCertificate,
    RemoveDuplicates,
    RenewCertificate,
    ReplaceCertificate,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import ForecastCause, Reason
from exporter.model.remedy import Place, Step
from exporter.model.rule_text import REGULAR_EXPRESSIONS_SINCE, literal, quoted
from exporter.model.server_steps import CompleteCaFile, RenewRevocationLists
from exporter.model.verification import VERIFIED

_SEE = Step(Place.EXPORTER, CheckNewCertificate())
_KNOWN_ALREADY = Step(Place.EXPORTER, MakeCertificateKnown())
_ONE_OF_THEM = Step(Place.EXPORTER, RemoveDuplicates())
_OF_THE_SERVER = {
    ForecastCause.CRL: Step(Place.SERVER, RenewRevocationLists()),
    ForecastCause.AUTHORITY: Step(Place.SERVER, CompleteCaFile()),
}
_NO_MAP = "MAP"
"""Placeholder for the name of a map in a line of pg_ident.conf."""


def with_certificates(
    case: Case, judged: ConnectionCertificates, steps: tuple[Step, ...]
) -> tuple[Step, ...]:
    """Return the whole remedy of a connection.

    Args:
        case: the connection.
        judged: its certificates.
        steps: to the best posture.
    """
    repair = tuple(_repair(case, judged))
    if any(isinstance(step.kind, ReplaceCertificate) for step in steps):
        # which gives it an accepted name already
        repair = tuple(step for step in repair if not isinstance(step.kind, ChangeName))
        repair = () if repair == (_SEE,) else repair
    return (
        *repair,
        *steps,
        *_reconnect(case, judged, repaired=bool(repair), steps=steps),
        *((_KNOWN_ALREADY,) if Reason.CERTIFICATE_UNKNOWN in judged.reasons else ()),
        *((_ONE_OF_THEM,) if Reason.CERTIFICATE_AMBIGUOUS in judged.reasons else ()),
    )


def _repair(case: Case, judged: ConnectionCertificates) -> Iterable[Step]:
    """Yield the steps without which the certificate is rejected, whether required or not."""
    upcoming = judged.upcoming
    if isinstance(upcoming, NextUnknown):
        return
    verification = upcoming.verification
    if verification is None:
        return
    if verification.result != VERIFIED:
        if verification.cause in _OF_THE_SERVER:
            yield _OF_THE_SERVER[verification.cause]
        else:
            yield _other(case, upcoming, verification.cause)
        yield _SEE
        return
    naming = _comparing_names(case)
    if upcoming.name is NameFit.REFUSED and naming:
        yield _other_name(case, upcoming, naming)
        yield _SEE


def _comparing_names(case: Case) -> Sequence[HbaRule]:
    """Return the rules that may govern and compare the name in the certificate."""
    return [rule for rule in case.found.rules if demands_name(rule)]


def _accepted(case: Case, naming: Sequence[HbaRule]) -> AcceptedNames:
    """Return which names the first of these rules accepts; without one, those of ``cert``."""
    role = case.client.role
    if not naming:
        return of_role(role)
    rule = naming[0]
    whole = case.compares_whole_name(rule)
    return accepted_names(rule, role, case.in_force.maps, case.surroundings, whole=whole)


def _other(case: Case, upcoming: NextCertificate, cause: ForecastCause) -> Step:
    name = None
    if upcoming.name is NameFit.REFUSED:
        name = name_to_issue(case.client.role, _accepted(case, _comparing_names(case)))
    return Step(Place.CLIENT, RenewCertificate(_known(upcoming), cause, name))


def _known(upcoming: NextCertificate) -> KnownCertificate:
    return KnownCertificate(upcoming.certificate, upcoming.source, upcoming.path)


def _other_name(case: Case, upcoming: NextCertificate, naming: Sequence[HbaRule]) -> Step:
    subject = upcoming.certificate.subject
    whole = next((rule for rule in naming if case.compares_whole_name(rule)), None)
    if whole is not None:
        # no whole name is a role's, so that it takes a map
        through = map_name(whole)
        line = _map_line(case, through, subject.rfc2253)
        return Step(Place.SERVER, AcceptWholeName(_known(upcoming), through, line))
    needed = name_to_issue(case.client.role, _accepted(case, naming))
    through = map_name(naming[0])
    name = subject.common_name
    line_of_name = _map_line(case, through, name) if name else None
    return Step(Place.CLIENT, ChangeName(_known(upcoming), needed, through, line_of_name))


def _map_line(case: Case, through: str | None, name: str) -> str:
    # a leading / makes an expression of a certificate's name at all versions
    written = literal(name, REGULAR_EXPRESSIONS_SINCE)
    role = literal(case.client.role, case.server.version_number)
    return f"{quoted(through or _NO_MAP)}  {written}  {role}"


def usable_certificate(judged: ConnectionCertificates) -> KnownCertificate | None:
    """Return the certificate that the client has for its next connection.

    None where it is not known, or the server's CA file does not verify it.
    """
    upcoming = judged.upcoming
    if (
        isinstance(upcoming, NextUnknown)
        or upcoming.verification is None
        or upcoming.verification.result != VERIFIED
        or doubtful((upcoming.certificate, *upcoming.chain))
    ):
        return None
    return _known(upcoming)


def _reconnect(
    case: Case, judged: ConnectionCertificates, *, repaired: bool, steps: tuple[Step, ...]
) -> Iterable[Step]:
    """Yield the steps that replace an expired certificate at a planned time."""
    again = reconnect(case)
    if Reason.CERTIFICATE_EXPIRED_IN_USE not in judged.reasons or again in steps:
        return
    if isinstance(judged.upcoming, NextUnknown):
        yield Step(Place.CLIENT, ProvideValidCertificate())
    elif not repaired and judged.in_use != Matched(judged.upcoming.certificate):
        yield Step(Place.EXPORTER, ChooseTime())
    yield again
