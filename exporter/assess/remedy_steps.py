"""Single steps of a remedy that have nothing to do with rules: certificates, TLS, reconnecting."""

import re
from collections.abc import Iterable

from exporter.assess.identity import certificate_name
from exporter.assess.posture import shown_subject
from exporter.assess.reasons import Case
from exporter.assess.rules_remedy import RELOAD
from exporter.model.report import Place, Step
from exporter.model.wal_sender import Activity, ReplicationKind

_TLS_PARAMETERS = "sslmode=verify-full sslrootcert=root.crt sslcert=client.crt sslkey=client.key"
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"


def ask_for_certificates(case: Case) -> Iterable[Step]:
    """Yield the step after which the server asks clients for certificates, if it does not now."""
    if case.server.requests_client_certificate:
        return
    tls = () if case.server.tls_enabled else ("ssl = on",)
    yield Step(
        Place.SERVER,
        "Let the server ask for certificates: in postgresql.conf (with server.crt and "
        "server.key in place). It refuses nobody by this but clients that show a certificate "
        "of another authority",
        (*tls, "ssl_ca_file = 'root.crt'", RELOAD),
    )


def certificate_and_parameters(case: Case) -> Iterable[Step]:
    """Yield what makes a client show a certificate that it does not show now."""
    role = case.client.role
    yield Step(
        Place.CLIENT,
        "Put a client certificate and its key there: signed by an authority of the server's "
        f"ssl_ca_file, common name (CN) {role}, the key readable by its owner only (chmod 600); "
        "and root.crt, the authority of the server's own certificate",
    )
    if case.client.kind is ReplicationKind.LOGICAL:
        where = "the subscription's connection string (ALTER SUBSCRIPTION ... CONNECTION '...')"
        mode = "replication=database"
    else:
        where = "the standby's primary_conninfo (postgresql.conf or postgresql.auto.conf)"
        mode = "replication=true"
    # it takes the place of TLS, whatever sslmode says (libpq, gssencmode)
    gss = "gssencmode=disable " if case.wal_sender.gss_encrypted else ""
    yield Step(
        Place.CLIENT,
        f"Let it verify the server and show that certificate: in {where}. Try it first beside the "
        f"running connection, with psql -c IDENTIFY_SYSTEM and these and {mode} (verify-full "
        "holds host= against the server's certificate)",
        (f"user={_parameter(role)} {gss}{_TLS_PARAMETERS}",),
    )


def shown_name(case: Case) -> str | None:
    """Return the CN of the certificate shown; None if there is none or it cannot be told."""
    return certificate_name(shown_subject(case.wal_sender))


def shows_role(case: Case) -> bool:
    """Return whether the certificate shown visibly bears the role's name."""
    return shown_name(case) == case.client.role


def other_certificate(case: Case, *, method: str) -> Step:
    """Return the step that gives a client a certificate of the role's name.

    Args:
        case: the connection.
        method: of the rule to be written; a map goes with ``cert`` only.
    """
    name = shown_name(case)
    told = f"is {name}" if name is not None else "cannot be told from the server's view"
    or_map = ", or plan a map= with a line in pg_ident.conf" if method == "cert" else ""
    return Step(
        Place.CLIENT,
        f"Put a certificate there whose common name (CN) is {case.client.role}{or_map}; else the "
        f"rule below locks it out (the CN shown now {told})",
    )


def see_name(case: Case) -> Step:
    """Return the step that looks at a certificate where the server's view does not tell enough."""
    return Step(
        Place.CLIENT,
        "See that the certificate's common name (CN) is one that the rule lets in as "
        f"{case.client.role}; with another it would be locked out by the next step",
        ("openssl x509 -in client.crt -noout -subject",),
    )


def newer_tls(case: Case) -> Iterable[Step]:
    """Yield the steps to a newer TLS version: the client first, for no server setting raises it."""
    minimum = case.policy.minimum_tls_version.value
    yield Step(
        Place.CLIENT,
        f"Use a libpq and OpenSSL that speak {minimum} there, and no ssl_max_protocol_version "
        "below it, neither there nor on the server",
    )
    yield reconnect(case)
    yield Step(
        Place.SERVER,
        f"Once no connection is older than {minimum}, accept nothing older: in postgresql.conf",
        (f"ssl_min_protocol_version = '{minimum}'", RELOAD),
    )


def reconnect(case: Case) -> Step:
    """Return the step after which the connection has begun anew."""
    sender = case.wal_sender
    if sender.activity is Activity.BACKUP:
        return Step(Place.CLIENT, "Let this backup end; the next one begins anew")
    # not by its process, which is another one after the first of several reconnects
    which = [
        f"usename = {_sql(sender.role)}",
        f"application_name = {_sql(sender.application_name)}",
        # over a unix socket there is nothing to do
        f"client_addr = '{case.client.address}'",
    ]
    return Step(
        Place.SERVER,
        "Let the connection begin anew (nothing is checked again while it lasts)",
        (f"{_TERMINATE} WHERE {' AND '.join(which)};",),
    )


def _sql(text: str) -> str:
    """Return ``text`` as a literal of SQL, whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    if "\\" not in doubled:
        return f"'{doubled}'"
    escaped = doubled.replace("\\", "\\\\")
    return f"E'{escaped}'"


def _parameter(value: str) -> str:
    """Return ``value`` as a connection string needs it (libpq, "Keyword/Value Strings")."""
    if re.search(r"[\s'\\]|^$", value):
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    return value
