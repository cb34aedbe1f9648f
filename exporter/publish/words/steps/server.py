"""Steps on the server in words."""

from typing import assert_never

from exporter.model.server_steps import (
    AcceptClient,
    CheckTlsVersions,
    CloseRule,
    CompleteCaFile,
    CompletePattern,
    CorrectInPatroni,
    CorrectLine,
    CorrectMaps,
    CorrectRules,
    InstallFunctions,
    LoadMaps,
    LoadOnce,
    LoadRules,
    Mistake,
    NarrowMap,
    RenewRevocationLists,
    RequestCertificates,
    RequireCertificate,
    RequireTlsVersion,
    ServerStepKind,
)
from exporter.publish.words.own_command import ExporterCommand
from exporter.publish.words.steps.lines import RELOAD, map_errors, older_tls, rule_errors
from exporter.publish.words.steps.phrases import StepWords
from exporter.publish.words.steps.required_names import clients_text, every_client

_INSISTING = (
    "The line requests no password, which a client may insist on: remove channel_binding=require "
    "and require_auth from its connection string first, and for a subscription whose owner is not "
    "a superuser set password_required = false (16 and up; a superuser must do that)"
)
_EVERY = (
    "Any other client that uses this line, connected now or not and an application too, is refused "
    "afterwards unless it gets a line of its own: add one for each before you reload"
)
_TOO_MANY = (
    "There are too many connections to write a line for each: every other client that uses this "
    "line is refused afterwards unless it gets a line of its own. Add them before you reload"
)
_MISTAKES = {
    Mistake.NEEDS_HOSTSSL: (
        "replace host by hostssl (a client can present a certificate over TLS only)"
    ),
    Mistake.PEER_OVER_TCP: (
        "use peer for unix sockets only: write local, without an address, or another method for TCP"
    ),
}


def server_step_words(kind: ServerStepKind) -> StepWords:  # noqa: C901, PLR0911, PLR0912  one case each
    """Return a step on the server in words."""
    match kind:
        case InstallFunctions():
            return StepWords(
                "Install the exporter's functions and grants: as a superuser, on the primary, in "
                "the database that the exporter connects to (this can be repeated at any time)",
                lines=(ExporterCommand.INSTALL,),
            )
        case LoadOnce():
            return StepWords(
                "Or reload once while the exporter runs: it then sees the same content before and "
                "after the reload",
                lines=(RELOAD,),
            )
        case LoadRules(version):
            return StepWords(
                "Check that no line of pg_hba.conf is in error (the query must return no row: a "
                "reload with an error keeps all old rules, and the next restart fails), then "
                "reload",
                lines=(rule_errors(version), RELOAD),
            )
        case LoadMaps(version):
            return StepWords(
                "Check that no line of pg_ident.conf is in error (the query must return no row: a "
                "reload with an error keeps all old maps), then reload, which loads pg_hba.conf "
                "too",
                lines=(map_errors(version), RELOAD),
            )
        case CorrectRules():
            return StepWords(
                "Correct the lines of pg_hba.conf that are in error (explain lists them with what "
                "to write)",
                lines=(ExporterCommand.EXPLAIN,),
            )
        case CorrectMaps(version):
            return StepWords(
                "Correct the lines of pg_ident.conf that are in error, which this query lists",
                lines=(map_errors(version),),
            )
        case CorrectInPatroni():
            return StepWords(
                "Do not edit pg_hba.conf by hand: Patroni writes it on this server (its header "
                "says so) and undoes that. Make the following corrections in the list of the key "
                "postgresql.pg_hba of Patroni's configuration (patronictl edit-config, unless the "
                "configuration file of a node sets the key, which then takes precedence); it must "
                "contain every line that is to stay"
            )
        case CorrectLine():
            return _correct_line(kind)
        case RequireCertificate():
            return StepWords("Require the certificate", _check_before_requiring(kind))
        case AcceptClient():
            return _accept_client(kind)
        case CloseRule():
            return StepWords(
                "Refuse this role without TLS, which another rule still accepts without a "
                "certificate",
                f"Before you reload, check that {every_client(kind.role, kind.database)} uses TLS: "
                f"the line refuses all others{_refused(kind)}",
            )
        case NarrowMap():
            return StepWords(f"Accept one name only for role {kind.role}", _other_lines(kind))
        case CompletePattern():
            return StepWords(
                "Complete the pattern, so that it matches the whole name", _other_lines(kind)
            )
        case RequestCertificates():
            return StepWords(
                "Configure the server to request client certificates: set these in "
                "postgresql.conf (server.crt and server.key must be in place) and reload. root.crt "
                "must hold every certificate authority (CA) that signed a client certificate",
                "From then on a client that presents a certificate of another CA is refused; a "
                "client without a certificate is not",
            )
        case CheckTlsVersions(version):
            return StepWords(
                f"Check that no connection uses a version older than {version.value}. The query "
                "must return no row, not even for an application: the following step refuses all "
                "such connections",
                lines=(older_tls(version),),
            )
        case RequireTlsVersion(version):
            return StepWords(
                f"Require {version.value}, once no connection uses an older version: set this in "
                "postgresql.conf and reload"
            )
        case RenewRevocationLists():
            return StepWords(
                "Issue a new certificate revocation list (CRL) from every certificate authority "
                "(CA) in the chain, put the lists where ssl_crl_file or ssl_crl_dir points, and "
                "reload: until then the server refuses every client below a CA whose list is "
                "missing or overdue",
                lines=(RELOAD,),
            )
        case CompleteCaFile():
            return StepWords(
                "Put the certificate authority (CA) that signed the client certificate, and every "
                "CA above it, into ssl_ca_file, none of them expired, and reload. An intermediate "
                "CA may follow the certificate in the client's own file instead",
                lines=(RELOAD,),
            )
        case _:
            assert_never(kind)


def _accept_client(kind: AcceptClient) -> StepWords:
    what = "Accept the client over TLS with its certificate, which no rule does now"
    if kind.is_refused and not kind.refused:
        return StepWords(what)
    if not kind.is_refused:
        what = (
            "Accept the client over TLS with its certificate: the rule that applies to it over TLS "
            "cannot be determined, and may reject it"
        )
    return StepWords(
        what,
        f"Before you reload, check that {every_client(kind.role, kind.database)} presents such a "
        f"certificate if it uses TLS: over TLS the line refuses all others{_refused(kind)}",
    )


def _correct_line(kind: CorrectLine) -> StepWords:
    what = f"Correct line {kind.location.line_number} of {kind.location.file_name}"
    if kind.mistake is None:
        return StepWords(f"{what}, of which the server reports: {kind.message}")
    return StepWords(f"{what}: {_MISTAKES[kind.mistake]}", lines=kind.rules)


def _check_before_requiring(kind: RequireCertificate) -> str:
    check = (
        f"Before you reload, check that {every_client(kind.role, kind.database)} presents a "
        f"certificate that the line accepts: it refuses all others{_refused(kind)}"
    )
    return f"{check}. {_INSISTING}" if kind.requests_no_password else check


def _refused(kind: AcceptClient | RequireCertificate | CloseRule) -> str:
    if not kind.refused:
        return ""
    return f". Of the clients connected now, it refuses: {clients_text(kind.refused)}"


def _other_lines(kind: NarrowMap | CompletePattern) -> str:
    warning = _EVERY if kind.has_others else _TOO_MANY
    if not kind.unnamed:
        return warning
    return (
        f"{warning}. The name by which these clients use the line cannot be determined from here; "
        f"write their lines too: {clients_text(kind.unnamed)}"
    )
