"""Steps of a remedy for a client and its connection: certificates, settings, reconnecting."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from shlex import quote

from exporter.assess.advice.accepted_names import AcceptedNames
from exporter.assess.advice.rules_remedy import RELOAD
from exporter.assess.posture import shown_subject
from exporter.assess.rules.case import Case
from exporter.assess.rules.identity import certificate_name, distinguished_name
from exporter.model.remedy import ExporterCommand, Place, Step
from exporter.model.wal_sender import Activity, ReplicationKind, WalSender

_FILES = "sslmode=verify-full sslrootcert=root.crt sslcert=client.crt sslkey=client.key"
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
_BASE_BACKUP = "pg_basebackup"
_OLDER_TLS = (
    "SELECT usename, application_name, client_addr, version FROM pg_stat_ssl "
    "JOIN pg_stat_activity USING (pid) WHERE ssl AND version < '{}';"
)
_OPENSSL = "openssl x509 -in client.crt -noout -subject -nameopt RFC2253"
_IN_PATRONI = (
    "Patroni writes postgresql.conf on this server: set it in Patroni's configuration, in the key "
    "postgresql.parameters (patronictl edit-config), not in the file"
)


@dataclass(frozen=True, slots=True)
class Usable:
    """A certificate that the client is known to have, and that the server's CA file verifies.

    Attributes:
        text: in words, with the file that it is in.
        common_name, whole_name: of its subject; the latter by RFC 2253.
    """

    text: str
    common_name: str
    whole_name: str

    def is_accepted(self, names: AcceptedNames) -> bool:
        """Return whether its name is certainly among ``names``."""
        if names.whole is None:
            return False
        return names.accepts(self.whole_name if names.whole else self.common_name)


SEE_CERTIFICATE = Step(
    Place.EXPORTER,
    "Check that the certificate is presented: the posture is now certificate_unconfirmed or better",
    (ExporterCommand.EXPLAIN,),
)


def ask_for_certificates(case: Case) -> Iterable[Step]:
    """Yield the step after which the server requests client certificates, if it does not now."""
    if case.server.requests_client_certificate:
        return
    tls = () if case.server.tls_enabled else ("ssl = on",)
    where = f". {_IN_PATRONI}" if case.is_under_patroni else ""
    yield Step(
        Place.SERVER,
        "Let the server request client certificates: set these in postgresql.conf (server.crt and "
        "server.key must be in place) and reload. root.crt holds the certificate authority (CA) of "
        "the client certificates. From then on a client that presents a certificate of another CA "
        f"is refused; a client without a certificate is not{where}",
        (*tls, "ssl_ca_file = 'root.crt'", RELOAD),
    )


def issue_certificate(case: Case, names: AcceptedNames, *, owned: Usable | None) -> Step:
    """Return the step after which the client has a certificate that the rule accepts.

    Args:
        case: the connection.
        names: that the rule accepts, as it is or will be.
        owned: a certificate that the client is known to have; None if there is none.
    """
    if owned is not None and owned.is_accepted(names):
        return Step(
            Place.CLIENT,
            f"Use the certificate {owned.text}: the server's CA file verifies it, and its name is "
            f"accepted for role {case.client.role}",
        )
    name, lines = name_to_issue(case, names)
    return Step(
        Place.CLIENT,
        f"Issue a client certificate {name}, signed by a CA in the server's ssl_ca_file. Put it, "
        "its key (readable by its owner only: chmod 600) and root.crt (the CA of the server's "
        "certificate) on the client. Do not change the running connection yet",
        lines,
    )


def replace_certificate(case: Case, names: AcceptedNames) -> Step:
    """Return the step after which a client that presents a certificate has an accepted one."""
    subject = shown_subject(case.wal_sender)
    shown = distinguished_name(subject) if names.whole else certificate_name(subject)
    name, lines = name_to_issue(case, names)
    field = "distinguished name" if names.whole else "CN"
    now = f"its {field} is {shown} now" if shown else f"its {field} cannot be determined from here"
    return Step(
        Place.CLIENT,
        f"Issue a client certificate {name} ({now}), signed by a CA in the server's ssl_ca_file, "
        "and put it and its key in place of those that the client uses, at the same paths. "
        "Without it, the client is refused after the following steps",
        lines,
    )


def name_to_issue(case: Case, names: AcceptedNames) -> tuple[str, tuple[str, ...]]:
    """Return which name a certificate needs, in words, and as lines.

    Args:
        case: the connection.
        names: that the rule accepts.
    """
    role = case.client.role
    by_map = "" if names.map_name is None else f" (by user name map {names.map_name})"
    if names.that_can_be_issued:
        name, *others = names.that_can_be_issued
        several = f", or one of {', '.join(others)}" if others else ""
        if names.whole:
            told = f"with the distinguished name (RFC 2253) {name}{several}, accepted for {role}"
            return f"{told}{by_map}", (f"subject: {name}",)
        unless = (
            ""
            if names.whole is False
            else " (or, if the line of the rule has clientname=DN, that whole distinguished name)"
        )
        told = f"with the common name (CN) {name}{several}{unless}, accepted for role {role}"
        return f"{told}{by_map}", (f"subject: CN={_value(name)}",)
    if names.patterns:
        field = "distinguished name" if names.whole else "common name (CN)"
        patterns = " or ".join(names.patterns)
        return f"whose {field} matches {patterns}, accepted for role {role}{by_map}", ()
    return f"with a name that the rule accepts for role {role}{by_map}", ()


def _value(text: str) -> str:
    """Return ``text`` as the value of an attribute in a distinguished name (RFC 4514)."""
    escaped = re.sub(r'^[ #]|[,+"\\<>;]| $', r"\\\g<0>", text)
    return re.sub(r"[\x00-\x1f]", lambda found: f"\\{ord(found[0]):02X}", escaped)


def configure_client(case: Case) -> Iterable[Step]:
    """Yield the steps that make a client present its certificate: tried, set, and seen."""
    client, sender = case.client, case.wal_sender
    # it takes the place of TLS, whatever sslmode says (libpq, gssencmode)
    gss = "gssencmode=disable " if sender.gss_encrypted else ""
    parameters = f"user={_parameter(client.role)} {gss}{_FILES}"
    if client.database is None:
        mode = "replication=true"
    else:
        mode = f"dbname={_parameter(client.database)} replication=database"
    yield Step(
        Place.CLIENT,
        "Try it beside the running connection, as the operating system user of the client, with "
        "the full paths of the files and the other parameters that the client has already. HOST is "
        "the host name of this server that it uses; verify-full compares it with the server's "
        "certificate. Go on only if it prints a row",
        (f"psql {quote(f'host=HOST port=PORT {parameters} {mode}')} -c IDENTIFY_SYSTEM",),
    )
    yield _set_parameters(case, parameters)
    yield SEE_CERTIFICATE


def _set_parameters(case: Case, parameters: str) -> Step:
    sender = case.wal_sender
    if case.client.kind is ReplicationKind.LOGICAL:
        return Step(
            Place.CLIENT,
            "Set these in the connection string of the subscription (ALTER SUBSCRIPTION ... "
            "CONNECTION '...', with the parameters that it has already). Its workers reconnect by "
            "themselves. If its owner is not a superuser, a superuser first sets password_required "
            "= false (16 and up): a rule with method cert requests no password. A client that is "
            "not a subscription has its own connection string: set them there and restart it",
            (parameters,),
        )
    if _is_backup(sender):
        return Step(
            Place.CLIENT,
            "Set these in the connection string of the backup program; its next run uses them",
            (parameters,),
        )
    told = (
        "Add these to primary_conninfo of the standby, then reload the standby: its WAL receiver "
        "reconnects at once with them. A client that is not a standby (pg_receivewal, a backup "
        "program) has its own connection string: set them there and restart it"
    )
    if case.is_under_patroni:
        told += (
            ". If the client is a member of the Patroni cluster, do neither, and do not use ALTER "
            "SYSTEM: Patroni undoes both. Set postgresql.authentication.replication.sslmode, "
            "sslcert, sslkey and sslrootcert in the configuration file of that node, then run "
            "patronictl reload"
        )
    return Step(Place.CLIENT, told, (parameters, RELOAD))


def check_name(names: AcceptedNames, role: str) -> Step:
    """Return the step that checks a certificate's name where the server's view does not show it."""
    if names.names:
        expected = " or ".join(names.names)
    elif names.patterns:
        expected = f"a name that matches {' or '.join(names.patterns)}"
    else:
        expected = f"a name that the rule accepts for role {role}"
    field = "distinguished name" if names.whole else "common name (CN)"
    return Step(
        Place.CLIENT,
        f"Check that the {field} of the certificate is {expected}. If it is not, stop: the client "
        "is refused when it reconnects; issue a certificate with that name first",
        (_OPENSSL,),
    )


def newer_tls(case: Case) -> Iterable[Step]:
    """Yield the steps to a newer TLS version: the client first, as no server setting raises it."""
    minimum = case.policy.minimum_tls_version.value
    yield Step(
        Place.CLIENT,
        f"Use a libpq and OpenSSL that support {minimum}, and remove ssl_max_protocol_version "
        "where it is lower, on the client and on the server",
    )
    yield reconnect(case)
    yield Step(
        Place.SERVER,
        f"Check that no connection uses a version older than {minimum}. The query must find none, "
        "of applications neither: the following step refuses them all",
        (_OLDER_TLS.format(minimum),),
    )
    where = f". {_IN_PATRONI}" if case.is_under_patroni else ""
    yield Step(
        Place.SERVER,
        f"Once no connection uses an older version, require {minimum}: set this in "
        f"postgresql.conf and reload{where}",
        (f"ssl_min_protocol_version = '{minimum}'", RELOAD),
    )


def reconnect(case: Case) -> Step:
    """Return the step that makes the client reconnect with what its files hold now.

    A reload of a standby does not: only a changed primary_conninfo restarts its WAL receiver.
    """
    sender = case.wal_sender
    if _is_backup(sender):
        return Step(Place.CLIENT, "Wait for this backup to end; the next one reconnects")
    # not by its process, which is another one after the first of several reconnects
    which = [
        f"usename = {_sql(sender.role)}",
        f"application_name = {_sql(sender.application_name)}",
        # over a unix socket there is nothing to do
        f"client_addr = '{case.client.address}'",
    ]
    return Step(
        Place.SERVER,
        "Force a reconnect: an established connection is never authenticated again, and a reload "
        "of the standby does not end it where primary_conninfo is unchanged",
        (f"{_TERMINATE} WHERE {' AND '.join(which)};",),
    )


def _is_backup(sender: WalSender) -> bool:
    """Return whether it is one of the connections of a backup: one sends files, another WAL."""
    return sender.activity is Activity.BACKUP or sender.application_name == _BASE_BACKUP


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
