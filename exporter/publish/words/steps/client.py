"""Steps for a client and its certificate in words."""

from typing import assert_never

from exporter.model.client_steps import (
    AcceptWholeName,
    ChangeName,
    CheckName,
    CheckNewCertificate,
    ChooseTime,
    ClientStepKind,
    ConfigureBackup,
    ConfigureStandby,
    ConfigureSubscription,
    IssueCertificate,
    MakeCertificateKnown,
    ProvideValidCertificate,
    Reconnect,
    RemoveDuplicates,
    RenewCertificate,
    ReplaceCertificate,
    SeeCertificate,
    TryConnection,
    UseCertificate,
    UseNewerTls,
    WaitForBackup,
)
from exporter.model.judgement import ForecastCause
from exporter.model.rule_text import quoted
from exporter.publish.words.certificates import certificate_text, file_text
from exporter.publish.words.own_command import ExporterCommand
from exporter.publish.words.steps.lines import (
    OPENSSL_DATES,
    OPENSSL_NAME,
    terminate,
    trial,
)
from exporter.publish.words.steps.phrases import StepWords
from exporter.publish.words.steps.required_names import (
    field_text,
    name_to_check,
    name_to_issue,
    subject_line,
)

_CAUSES = {
    ForecastCause.EXPIRED: "it has expired",
    ForecastCause.REVOKED: "it is revoked",
    ForecastCause.NOT_YET_VALID: "it is not valid yet, by the server's clock",
    ForecastCause.PURPOSE: (
        "it is not valid for TLS clients (its extended key usage, if present, must include "
        "clientAuth)"
    ),
}
_MEMBER_OF_PATRONI = (
    "If the client is a member of the Patroni cluster, do neither, and do not use ALTER SYSTEM: "
    "Patroni undoes both. Set postgresql.authentication.replication.sslmode, sslcert, sslkey and "
    "sslrootcert in the configuration file of that node, then run patronictl reload"
)


def client_step_words(kind: ClientStepKind) -> StepWords:  # noqa: C901, PLR0911, PLR0912  one case each
    """Return a step for a client in words."""
    match kind:
        case IssueCertificate(name):
            return StepWords(
                f"Issue a client certificate {name_to_issue(name)}, signed by a certificate "
                "authority (CA) in the server's ssl_ca_file. Put it, its key (readable by its "
                "owner only: chmod 600) and root.crt (the CA of the server's certificate) on the "
                "client. Do not change the running connection yet",
                lines=subject_line(name),
            )
        case UseCertificate(owned, role):
            return StepWords(
                f"Use the certificate {certificate_text(owned.certificate)} of "
                f"{file_text(owned)}: the server's CA file verifies it, and its name is accepted "
                f"for role {role}"
            )
        case ReplaceCertificate():
            return _replace(kind)
        case TryConnection():
            return StepWords(
                "Try it while the client stays connected, as the operating system user of the "
                "client, with the full paths of the files and the other parameters that the client "
                "has already. HOST is the host name of this server that it uses; verify-full "
                "compares it with the server's certificate. Continue only if this prints a row",
                lines=(trial(kind),),
            )
        case ConfigureStandby():
            return StepWords(
                "Add these to primary_conninfo of the standby, then reload the standby: its WAL "
                "receiver reconnects at once with them. A client that is not a standby "
                "(pg_receivewal, a backup program) has its own connection string: set them there "
                "and restart it",
                _MEMBER_OF_PATRONI if kind.is_under_patroni else "",
            )
        case ConfigureSubscription():
            return StepWords(
                "Set these in the connection string of the subscription, and keep the parameters "
                "that it has already (ALTER SUBSCRIPTION ... CONNECTION '...'). Its workers "
                "reconnect by themselves. If its owner is not a superuser, a superuser first sets "
                "password_required = false (16 and up): a rule with method cert requests no "
                "password. A client that is not a subscription has its own connection string: set "
                "them there and restart it"
            )
        case ConfigureBackup():
            return StepWords(
                "Set these in the connection string of the backup program; its next run uses them"
            )
        case SeeCertificate():
            return StepWords(
                "Check that the certificate is presented: the posture is now "
                "certificate_unconfirmed or better",
                lines=(ExporterCommand.EXPLAIN,),
            )
        case CheckName(name):
            return StepWords(
                f"Check that the {field_text(name)} of the certificate is {name_to_check(name)}. "
                "If it is not, stop: the client is refused when it reconnects; issue a certificate "
                "with that name first",
                lines=(OPENSSL_NAME,),
            )
        case UseNewerTls(version):
            return StepWords(
                f"Use a libpq and OpenSSL that support {version.value}, and remove "
                "ssl_max_protocol_version where it is lower, on the client and on the server"
            )
        case Reconnect():
            return StepWords(
                "Force a reconnect: an established connection is never re-authenticated, and a "
                "reload of the standby does not end it where primary_conninfo is unchanged",
                lines=(terminate(kind),),
            )
        case WaitForBackup():
            return StepWords("Wait for this backup to end; the next one reconnects")
        case RenewCertificate():
            return _renew(kind)
        case ChangeName():
            return _change_name(kind)
        case AcceptWholeName():
            return StepWords(
                f"Accept the whole name of {certificate_text(kind.current.certificate)}, which the "
                "rule compares (clientname=DN): add this line to pg_ident.conf, and map="
                f"{_map_name(kind.map_name)} to the options of the rule, next to clientname=DN",
                lines=(kind.map_line,),
            )
        case CheckNewCertificate():
            return StepWords(
                "Check that the new certificate is found and would be accepted",
                lines=(ExporterCommand.EXPLAIN,),
            )
        case ProvideValidCertificate():
            return StepWords(
                "Check that the file which the client's sslcert names holds a certificate that is "
                "valid now: a reconnect with the expired one is refused",
                lines=(OPENSSL_DATES,),
            )
        case ChooseTime():
            return StepWords(
                "Choose when to reconnect: nothing is broken, the successor of the certificate is "
                "in place and is used from the next reconnect on",
                lines=(ExporterCommand.EXPLAIN,),
            )
        case MakeCertificateKnown():
            return StepWords(
                "Make the certificate known to the exporter: name its file under inventory in "
                "config.yml, or configure the standby as a target too"
            )
        case RemoveDuplicates():
            return StepWords(
                "Remove the certificates that are not in use from the inventory, and give every "
                "certificate of a certificate authority (CA) a unique serial number (RFC 5280, "
                "section 4.1.2.2)"
            )
        case _:
            assert_never(kind)


def _replace(kind: ReplaceCertificate) -> StepWords:
    field = "distinguished name" if kind.name.is_whole else "CN"
    now = (
        f"its {field} is {kind.presented} now"
        if kind.presented
        else f"its {field} cannot be determined from here"
    )
    return StepWords(
        f"Issue a client certificate {name_to_issue(kind.name)} ({now}), signed by a certificate "
        "authority (CA) in the server's ssl_ca_file, and put it and its key in place of those that "
        "the client uses, at the same paths. Without it, the client is refused after the following "
        "steps",
        lines=subject_line(kind.name),
    )


def _renew(kind: RenewCertificate) -> StepWords:
    name = "with the same name" if kind.name is None else name_to_issue(kind.name)
    why = _CAUSES.get(kind.cause, "the server refuses it")
    return StepWords(
        f"Issue a new certificate {name} and put it, with its key, in place of "
        f"{certificate_text(kind.current.certificate)} in {file_text(kind.current)}: {why}",
        lines=() if kind.name is None else subject_line(kind.name),
    )


def _change_name(kind: ChangeName) -> StepWords:
    what = (
        f"Put a certificate {name_to_issue(kind.name)} in place of "
        f"{certificate_text(kind.current.certificate)} in {file_text(kind.current)}"
    )
    if kind.map_line is None:
        return StepWords(what)
    and_map = (
        f", and map={_map_name(None)} to the options of the rule that requires the certificate "
        "(method cert)"
        if kind.map_name is None
        else ""
    )
    return StepWords(
        f"{what}; or, on the server, accept its name: add this line to pg_ident.conf{and_map}",
        lines=(kind.map_line,),
    )


def _map_name(name: str | None) -> str:
    """Return the name of a map as an option of a rule has it; a placeholder where there is none."""
    return quoted(name or "MAP")
