"""What to do so that a connection is secured by certificate: ordered steps with exact lines.

The order never locks a running standby out: authority on the server, certificate on the client,
reconnect, see it shown, and only then the rule that demands it.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from exporter.assess.demand import Demand
from exporter.assess.identity import certificate_name
from exporter.assess.outcome import outcomes
from exporter.assess.posture import shown_certificate
from exporter.assess.reasons import Case
from exporter.assess.rule_to_write import certificate_rule, closing_rule
from exporter.assess.rules_remedy import (
    CORRECT_LINES,
    INSTALL,
    LOAD_ONCE,
    RELOAD,
    check_and_load,
)
from exporter.model.hba import HbaRule
from exporter.model.judgement import Posture, Reason
from exporter.model.report import Governs, Place, Step
from exporter.model.wal_sender import ReplicationKind

_TLS_PARAMETERS = "sslmode=verify-full sslrootcert=root.crt sslcert=client.crt sslkey=client.key"
EXPLAIN = "pg-replication-cert-exporter explain TARGET"


def remedy(case: Case, reasons: tuple[Reason, ...]) -> tuple[Step, ...]:
    """Return the steps to the best posture, in order; empty when there is nothing to do."""
    steps: list[Step] = []
    if case.posture is Posture.HIDDEN:
        steps.append(INSTALL)
    elif case.posture is Posture.CERTIFICATE_UNCONFIRMED:
        steps.extend(_make_known(case, reasons))
    elif case.posture not in {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}:
        steps.extend(_show_certificate(case))
        steps.extend(_demand_certificate(case, reasons))
    if Reason.TLS_VERSION_TOO_OLD in reasons:
        steps.append(_newer_tls(case))
        steps.append(_reconnect(case))
    return tuple(steps)


def _show_certificate(case: Case) -> Iterable[Step]:
    role = case.client.role
    shown = shown_certificate(case.wal_sender)
    if shown is not None:
        name = certificate_name(shown.subject)
        if name != role:
            told = f"is {name}" if name is not None else "cannot be told from the server's view"
            yield Step(
                Place.CLIENT,
                f"Put a certificate there whose common name (CN) is {role}, or plan a map= with "
                f"a line in pg_ident.conf (the CN shown now {told}); else the rule below locks "
                "it out",
            )
            yield _reconnect(case)
        return
    if not case.server.requests_client_certificate:
        tls = () if case.server.tls_enabled else ("ssl = on",)
        yield Step(
            Place.SERVER,
            "Let the server ask for certificates: in postgresql.conf (with server.crt and "
            "server.key in place). It refuses nobody by this but clients that show a certificate "
            "of another authority",
            (*tls, "ssl_ca_file = 'root.crt'", RELOAD),
        )
    yield Step(
        Place.CLIENT,
        f"Put a client certificate and its key there: signed by an authority of the server's "
        f"ssl_ca_file, common name (CN) {role}, the key readable by its owner only (chmod 600)",
    )
    if case.client.kind is ReplicationKind.LOGICAL:
        where = "the subscription's connection string (ALTER SUBSCRIPTION ... CONNECTION '...')"
    else:
        where = "the standby's primary_conninfo (postgresql.conf or postgresql.auto.conf)"
    yield Step(
        Place.CLIENT,
        f"Let it verify the server and show that certificate: in {where}",
        (f"user={_parameter(role)} {_TLS_PARAMETERS}",),
    )
    yield _reconnect(case)
    yield Step(
        Place.EXPORTER,
        "See that the certificate is shown: the posture is then certificate_optional or better",
        (EXPLAIN,),
    )


def _demand_certificate(case: Case, reasons: tuple[Reason, ...]) -> Iterable[Step]:
    if case.found.demanded <= {Demand.CERTIFICATE} and _demanded_over_tls(case):
        # the rules are right already: it is the client that does not come up to them
        return
    match case.found.match:
        case Governs(rule) if Reason.MAP_ADMITS_OTHER_NAMES in reasons:
            yield _literal_map(case, rule)
        case Governs(rule) if Reason.RULE_CHECKS_CHAIN_ONLY in reasons:
            method = "cert" if rule.auth_method == "trust" else rule.auth_method
            option = "" if method == "cert" else " clientcert=verify-full"
            yield certificate_rule(case.client, rule, method=method + option)
        case Governs(rule) if _demanded_over_tls(case):
            yield closing_rule(rule)
        case Governs(rule):
            yield certificate_rule(case.client, rule)
        case _:
            yield certificate_rule(case.client, None)
    yield check_and_load(case.server.version_number)
    yield _reconnect(case)


def _demanded_over_tls(case: Case) -> bool:
    over_tls = replace(case.client, tls=True, gss_encrypted=False)
    found = outcomes(over_tls, case.in_force, case.surroundings, unknown="")
    return found.demanded == {Demand.CERTIFICATE}


def _make_known(case: Case, reasons: tuple[Reason, ...]) -> Iterable[Step]:
    version = case.server.version_number
    for reason in reasons:
        match reason:
            case Reason.RULES_PENDING:
                yield check_and_load(version)
            case Reason.RULES_REJECTED:
                yield CORRECT_LINES
                yield check_and_load(version)
            case Reason.RULES_LOAD_UNVERIFIED:
                yield INSTALL
                yield LOAD_ONCE
            case Reason.RULES_UNREADABLE | Reason.MAP_UNREADABLE:
                yield INSTALL
            case Reason.CERTIFICATE_NAME_UNPROVEN:
                yield _reconnect(case)
            case Reason.RULE_UNDECIDED | Reason.RULES_WOULD_REFUSE:
                yield certificate_rule(case.client, _first_rule(case))
                yield check_and_load(version)
            case _:
                continue


def _first_rule(case: Case) -> HbaRule | None:
    return case.found.rules[0] if case.found.rules else None


def _literal_map(case: Case, rule: HbaRule) -> Step:
    name, role = rule.option("map"), case.client.role
    return Step(
        Place.SERVER,
        f"Give the role to its own name only: in pg_ident.conf, in place of the lines of map "
        f"{name} that let other names in as {role} (the second field is the certificate's CN)",
        (f"{name}  {role}  {role}",),
    )


def _newer_tls(case: Case) -> Step:
    minimum = case.policy.minimum_tls_version.value
    return Step(
        Place.SERVER,
        f"Accept nothing older than {minimum}: in postgresql.conf",
        (f"ssl_min_protocol_version = '{minimum}'", RELOAD),
    )


def _reconnect(case: Case) -> Step:
    return Step(
        Place.SERVER,
        "Let the connection begin anew (nothing is checked again while it lasts)",
        (f"SELECT pg_terminate_backend({case.wal_sender.pid});",),
    )


def _parameter(value: str) -> str:
    """Return ``value`` as a connection string needs it (libpq, "Keyword/Value Strings")."""
    if re.search(r"[\s'\\]|^$", value):
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    return value
