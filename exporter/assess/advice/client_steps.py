"""Steps of a remedy for a client and its connection: certificates, settings, reconnecting."""

from collections.abc import Iterable

from exporter.assess.advice.accepted_names import AcceptedNames
from exporter.assess.posture import shown_subject
from exporter.assess.rules.case import Case
from exporter.assess.rules.identity import certificate_name, distinguished_name
from exporter.model.client_steps import (
    CheckName,
    ConfigureBackup,
    ConfigureStandby,
    ConfigureSubscription,
    IssueCertificate,
    KnownCertificate,
    NameRequirement,
    Reconnect,
    ReplaceCertificate,
    SeeCertificate,
    TryConnection,
    UseCertificate,
    UseNewerTls,
    WaitForBackup,
)
from exporter.model.remedy import ParameterEdit, Place, SettingPlace, Step
from exporter.model.server_steps import CheckTlsVersions, RequestCertificates, RequireTlsVersion
from exporter.model.wal_sender import Activity, ReplicationKind, WalSender

_FILES = (
    ("sslmode", "verify-full"),
    ("sslrootcert", "root.crt"),
    ("sslcert", "client.crt"),
    ("sslkey", "client.key"),
)
_BASE_BACKUP = "pg_basebackup"
SEE_CERTIFICATE = Step(Place.EXPORTER, SeeCertificate())


def ask_for_certificates(case: Case) -> Iterable[Step]:
    """Yield the step after which the server requests client certificates, if it does not now."""
    if case.server.requests_client_certificate:
        return
    tls = () if case.server.tls_enabled else (("ssl", "on"),)
    yield Step(
        Place.SERVER,
        RequestCertificates(),
        _server_settings(case, *tls, ("ssl_ca_file", "root.crt")),
    )


def issue_certificate(role: str, names: AcceptedNames, *, owned: KnownCertificate | None) -> Step:
    """Return the step after which the client has a certificate that the rule accepts.

    Args:
        role: the role that logs in.
        names: that the rule accepts, as it is or will be.
        owned: a certificate that the client is known to have; None if there is none.
    """
    if owned is not None and _is_accepted(owned, names):
        return Step(Place.CLIENT, UseCertificate(owned, role))
    return Step(Place.CLIENT, IssueCertificate(name_to_issue(role, names)))


def _is_accepted(owned: KnownCertificate, names: AcceptedNames) -> bool:
    """Return whether the certificate's name is certainly among ``names``."""
    if names.whole is None:
        return False
    subject = owned.certificate.subject
    return names.accepts(subject.rfc2253 if names.whole else subject.common_name)


def replace_certificate(case: Case, names: AcceptedNames) -> Step:
    """Return the step after which a client that presents a certificate has an accepted one."""
    subject = shown_subject(case.wal_sender)
    presented = distinguished_name(subject) if names.whole else certificate_name(subject)
    return Step(Place.CLIENT, ReplaceCertificate(name_to_issue(case.client.role, names), presented))


def name_to_issue(role: str, names: AcceptedNames) -> NameRequirement:
    """Return which name a certificate needs.

    Args:
        role: the role that logs in.
        names: that the rule accepts.
    """
    return NameRequirement(
        role, names.whole, names.that_can_be_issued, names.patterns, names.map_name
    )


def configure_client(case: Case) -> Iterable[Step]:
    """Yield the steps that make a client present its certificate: tried, set, and seen."""
    client = case.client
    # it takes the place of TLS, whatever sslmode says (libpq, gssencmode)
    gss = (("gssencmode", "disable"),) if case.wal_sender.gss_encrypted else ()
    parameters = (("user", client.role), *gss, *_FILES)
    yield Step(Place.CLIENT, TryConnection(client.database, parameters))
    yield _set_parameters(case, parameters)
    yield SEE_CERTIFICATE


def _set_parameters(case: Case, parameters: tuple[tuple[str, str], ...]) -> Step:
    if case.client.kind is ReplicationKind.LOGICAL:
        return Step(
            Place.CLIENT,
            ConfigureSubscription(),
            ParameterEdit(SettingPlace.SUBSCRIPTION, parameters),
        )
    if _is_backup(case.wal_sender):
        return Step(
            Place.CLIENT, ConfigureBackup(), ParameterEdit(SettingPlace.PROGRAM, parameters)
        )
    return Step(
        Place.CLIENT,
        ConfigureStandby(case.is_under_patroni),
        ParameterEdit(SettingPlace.PRIMARY_CONNINFO, parameters),
    )


def check_name(names: AcceptedNames, role: str) -> Step:
    """Return the step that checks a certificate's name where the server's view does not show it."""
    requirement = NameRequirement(role, names.whole, names.names, names.patterns, names.map_name)
    return Step(Place.CLIENT, CheckName(requirement))


def newer_tls(case: Case) -> Iterable[Step]:
    """Yield the steps to a newer TLS version: the client first, as no server setting raises it."""
    minimum = case.policy.minimum_tls_version
    yield Step(Place.CLIENT, UseNewerTls(minimum))
    yield reconnect(case)
    yield Step(Place.SERVER, CheckTlsVersions(minimum))
    yield Step(
        Place.SERVER,
        RequireTlsVersion(minimum),
        _server_settings(case, ("ssl_min_protocol_version", minimum.value)),
    )


def _server_settings(case: Case, *parameters: tuple[str, str]) -> ParameterEdit:
    return ParameterEdit(SettingPlace.POSTGRESQL_CONF, parameters, is_managed=case.is_under_patroni)


def reconnect(case: Case) -> Step:
    """Return the step that makes the client reconnect with what its files hold now.

    A reload of a standby does not: only a changed primary_conninfo restarts its WAL receiver.
    """
    sender = case.wal_sender
    if _is_backup(sender):
        return Step(Place.CLIENT, WaitForBackup())
    # not by its process, which is another one after the first of several reconnects
    return Step(Place.SERVER, Reconnect(sender.role, sender.application_name, case.client.address))


def _is_backup(sender: WalSender) -> bool:
    """Return whether it is one of the connections of a backup: one sends files, another WAL."""
    return sender.activity is Activity.BACKUP or sender.application_name == _BASE_BACKUP
