"""What to do about a connection's certificates: ordered steps, before and after those of rules."""

from collections.abc import Iterable, Sequence

from exporter.assess.advice.accepted_names import AcceptedNames, accepted_names, of_role
from exporter.assess.advice.client_steps import Usable, name_to_issue, reconnect
from exporter.assess.advice.rules_remedy import RELOAD
from exporter.assess.certificates.connection import ConnectionCertificates
from exporter.assess.certificates.forecast import demands_name
from exporter.assess.certificates.security_level import doubtful
from exporter.assess.certificates.words import certificate_text
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.model.certificate import CertificateSource
from exporter.model.certificates_report import (
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import ForecastCause, Reason
from exporter.model.remedy import ExporterCommand, Place, Step
from exporter.model.rule_text import REGULAR_EXPRESSIONS_SINCE, literal, quoted
from exporter.model.verification import VERIFIED

_SEE = Step(
    Place.EXPORTER,
    "See that the new one is found and would get in",
    (ExporterCommand.EXPLAIN,),
)
_KNOWN_ALREADY = Step(
    Place.EXPORTER,
    "Let the exporter know the certificate: name its file under inventory in config.yml, or make "
    "the standby a target too",
)
_ONE_OF_THEM = Step(
    Place.EXPORTER,
    "Take what is not in use out of the inventory; and give every certificate of an authority a "
    "serial number of its own (RFC 5280, section 4.1.2.2)",
)


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
    return (
        *repair,
        *steps,
        *_reconnect(case, judged, repaired=bool(repair), steps=steps),
        *((_KNOWN_ALREADY,) if Reason.CERTIFICATE_UNKNOWN in judged.reasons else ()),
        *((_ONE_OF_THEM,) if Reason.CERTIFICATE_AMBIGUOUS in judged.reasons else ()),
    )


def _repair(case: Case, judged: ConnectionCertificates) -> Iterable[Step]:
    """Yield the steps without which what the client sends is refused, demanded or not."""
    upcoming = judged.upcoming
    if isinstance(upcoming, NextUnknown):
        return
    verification = upcoming.verification
    if verification is None:
        return
    if verification.result != VERIFIED:
        if verification.cause in _OF_THE_SERVER:
            yield Step(Place.SERVER, _OF_THE_SERVER[verification.cause], (RELOAD,))
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


_OF_THE_SERVER = {
    ForecastCause.CRL: (
        "Have every authority in the chain issue its revocation list anew, put the lists where "
        "ssl_crl_file or ssl_crl_dir says, and load them; as it is, the server refuses every "
        "client below that authority"
    ),
    ForecastCause.AUTHORITY: (
        "Put the authority that signed it, and every one above, into ssl_ca_file, none of them "
        "past its end, and load it; an intermediate may also follow the certificate in the "
        "client's own file"
    ),
}
_OF_THE_CLIENT = {
    ForecastCause.EXPIRED: "it has expired",
    ForecastCause.REVOKED: "it is revoked",
    ForecastCause.NOT_YET_VALID: "it is not valid yet, by the server's clock",
    ForecastCause.PURPOSE: (
        "it is none for TLS clients: its extended key usage, if any, must hold clientAuth"
    ),
}


def _other(case: Case, upcoming: NextCertificate, cause: ForecastCause) -> Step:
    why = _OF_THE_CLIENT.get(cause, "the server refuses it")
    name = "with the same name"
    lines: tuple[str, ...] = ()
    if upcoming.name is NameFit.REFUSED:
        name, lines = name_to_issue(case, _accepted(case, _comparing_names(case)))
    return Step(
        Place.CLIENT,
        f"Issue a new certificate {name} and put it, with its key, in place of "
        f"{certificate_text(upcoming.certificate)} in {_where(upcoming)}: {why}",
        lines,
    )


def _where(upcoming: NextCertificate) -> str:
    if upcoming.source is CertificateSource.STANDBY_FILE:
        return upcoming.path
    return f"its sslcert file (the inventory has it in {upcoming.path})"


def _other_name(case: Case, upcoming: NextCertificate, naming: Sequence[HbaRule]) -> Step:
    role = case.client.role
    subject, version = upcoming.certificate.subject, case.server.version_number
    whole = next((rule for rule in naming if case.compares_whole_name(rule)), None)
    if whole is not None:
        # no whole name is a role's, so that it takes a map
        through = map_name(whole) or "MAP"
        told = literal(subject.rfc2253, REGULAR_EXPRESSIONS_SINCE)
        return Step(
            Place.SERVER,
            f"Let the whole name of {certificate_text(upcoming.certificate)} in, which the rule "
            f"compares (clientname=DN): this line in pg_ident.conf, and map={quoted(through)} in "
            "the rule beside clientname=DN",
            (f"{quoted(through)}  {told}  {literal(role, version)}",),
        )
    needed, _ = name_to_issue(case, _accepted(case, naming))
    action = (
        f"Put a certificate {needed} in place of {certificate_text(upcoming.certificate)} in "
        f"{_where(upcoming)}"
    )
    name = subject.common_name
    if not name:
        return Step(Place.CLIENT, action)
    map_of_rule = map_name(naming[0])
    and_map = ", and map=MAP in the rule that demands it (method cert)" * (map_of_rule is None)
    # a leading / makes an expression of a certificate's name at all versions
    told = literal(name, REGULAR_EXPRESSIONS_SINCE)
    return Step(
        Place.CLIENT,
        f"{action}; or, on the server, let its name in: this line in pg_ident.conf{and_map}",
        (f"{quoted(map_of_rule or 'MAP')}  {told}  {literal(role, version)}",),
    )


def usable_certificate(judged: ConnectionCertificates) -> Usable | None:
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
    certificate = upcoming.certificate
    return Usable(
        text=f"{certificate_text(certificate)} of {_where(upcoming)}",
        common_name=certificate.subject.common_name,
        whole_name=certificate.subject.rfc2253,
    )


def _reconnect(
    case: Case, judged: ConnectionCertificates, *, repaired: bool, steps: tuple[Step, ...]
) -> Iterable[Step]:
    """Yield what brings a connection off an expired certificate, at a moment of one's choice."""
    again = reconnect(case)
    if Reason.CERTIFICATE_EXPIRED_IN_USE not in judged.reasons or again in steps:
        return
    if isinstance(judged.upcoming, NextUnknown):
        yield Step(
            Place.CLIENT,
            "See that a certificate which is valid now lies where the client's sslcert says; with "
            "the expired one it does not get in again",
            ("openssl x509 -in client.crt -noout -subject -serial -enddate",),
        )
    elif not repaired and judged.in_use != Matched(judged.upcoming.certificate):
        yield Step(
            Place.EXPORTER,
            "Nothing is broken: its successor is in place and is used from the next reconnect on. "
            "To have that now, choose a quiet moment",
            (ExporterCommand.EXPLAIN,),
        )
    yield again
