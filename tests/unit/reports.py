"""One replica as it may be judged, and what a target with it looks like; vary by `replace`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from exporter.model.certificate import CertificateSource, CertificateUsage
from exporter.model.certificates_report import Matched, NameFit, NextCertificate
from exporter.model.client_steps import ConfigureBackup, IssueCertificate, NameRequirement
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.finding import RuleGoverns, RuleRequires, RulesState
from exporter.model.hba import ConnectionType, HbaRule, RuleLocation
from exporter.model.judgement import (
    Demand,
    Forecast,
    ForecastCause,
    HbaState,
    Posture,
    Reason,
    Verdict,
)
from exporter.model.observation import Server
from exporter.model.record import TargetRecord
from exporter.model.remedy import (
    FileEdit,
    ParameterEdit,
    Place,
    ServerFile,
    SettingPlace,
    Step,
)
from exporter.model.report import Connection, ExemptionUse, Governs, RulesReport, TargetReport
from exporter.model.server_steps import LoadRules, RequireCertificate
from exporter.model.target import Target
from exporter.model.target_certificates import (
    CertificatePlace,
    ListedRevocations,
    TargetCertificates,
    VerifiedCertificate,
)
from exporter.model.verification import Verification
from exporter.model.wal_sender import (
    Activity,
    OtherPeer,
    PeerCertificate,
    ReplicationKind,
    SlashName,
    TcpPeer,
    TlsSession,
    WalSender,
)
from tests.unit.certificates import certificate, revocation_list

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
STARTED = NOW - timedelta(days=12)
HBA = "/etc/postgresql/17/main/pg_hba.conf"

CERT_RULE = HbaRule(
    location=RuleLocation(HBA, 12),
    connection_type=ConnectionType.HOSTSSL,
    databases=("replication",),
    roles=("replicator",),
    address="10.0.0.0",
    netmask="255.255.255.0",
    auth_method="cert",
    options=("clientcert=verify-full",),
)
TRUST_RULE = replace(
    CERT_RULE,
    location=RuleLocation(HBA, 14),
    connection_type=ConnectionType.HOST,
    auth_method="trust",
    options=(),
)

TLS = TlsSession(
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    bits=256,
    client_certificate=PeerCertificate(
        subject=SlashName("/O=Lab/CN=replicator", may_be_cut=False),
        issuer=SlashName("/CN=Lab authority", may_be_cut=False),
        serial_number=0xDEADBEEF_CAFE,
    ),
)
WAL_SENDER = WalSender(
    pid=4711,
    backend_start=NOW - timedelta(days=3),
    role="replicator",
    application_name="standby1",
    peer=TcpPeer(ip_address("10.0.0.5"), 40123),
    kind=ReplicationKind.PHYSICAL,
    database=None,
    tls=TLS,
    gss_encrypted=False,
    state="streaming",
    activity=Activity.STREAMING,
    slot_name="standby1",
    sync_state="async",
)
IN_USE = certificate("replicator", days_left=20)
RENEWED = certificate("replicator", serial_number=7, days_left=300)
SERVED = certificate("db1.example.com", serial_number=8, days_left=90)
AUTHORITY = certificate("Lab authority", serial_number=1, days_left=3000, is_authority=True)
REPLICA = Connection(
    wal_sender=WAL_SENDER,
    posture=Posture.CERTIFICATE_REQUIRED,
    verdict=Verdict.SECURE,
    reasons=(),
    rule_match=Governs(CERT_RULE),
    predates_rules=False,
    certificate_name="replicator",
    exemption="",
    forecast=Forecast.ADMITTED_WITH_CERTIFICATE,
    forecast_cause=ForecastCause.NONE,
    findings=(RuleGoverns(CERT_RULE), RuleRequires(Demand.CERTIFICATE, "cert")),
    remedy=(),
    issuer_name="Lab authority",
    in_use=Matched(IN_USE),
    next_certificate=NextCertificate(
        certificate=RENEWED,
        source=CertificateSource.STANDBY_FILE,
        path="/var/lib/postgresql/replicator.crt",
        verification=Verification("ok", breaks_at=RENEWED.not_after),
        name=NameFit.ADMITTED,
    ),
    certificate_pending=True,
    breaks_at=RENEWED.not_after,
    breaks_cause=ForecastCause.EXPIRED,
)
PLAINTEXT = replace(
    REPLICA,
    wal_sender=replace(
        WAL_SENDER,
        pid=4800,
        application_name="standby2",
        peer=TcpPeer(ip_address("10.0.0.6"), 40999),
        tls=None,
        slot_name="",
    ),
    posture=Posture.PLAINTEXT,
    verdict=Verdict.INSECURE,
    reasons=(Reason.RULE_TRUSTS, Reason.CLIENT_WITHOUT_TLS, Reason.RULE_ALLOWS_PLAINTEXT),
    rule_match=Governs(TRUST_RULE),
    certificate_name=None,
    issuer_name=None,
    in_use=None,
    certificate_pending=None,
    breaks_at=None,
    breaks_cause=ForecastCause.NONE,
    forecast=Forecast.ADMITTED_WITHOUT_CERTIFICATE,
    findings=(RuleGoverns(TRUST_RULE), RuleRequires(Demand.NOTHING, "trust")),
    remedy=(
        Step(
            Place.CLIENT,
            IssueCertificate(NameRequirement("replicator", is_whole=False, names=("replicator",))),
        ),
        Step(
            Place.CLIENT,
            ConfigureBackup(),
            ParameterEdit(
                SettingPlace.PROGRAM,
                (("sslmode", "verify-full"), ("sslcert", "replicator.crt")),
            ),
        ),
        Step(
            Place.SERVER,
            RequireCertificate("replicator", None, refused=(), requests_no_password=False),
            FileEdit(
                ServerFile.HBA,
                HBA,
                14,
                None,
                ("hostssl replication replicator 10.0.0.0/24 cert",),
                below="host replication replicator 10.0.0.0/24 trust",
            ),
        ),
        Step(Place.SERVER, LoadRules(170005)),
    ),
)
LOCAL = replace(
    REPLICA,
    wal_sender=replace(
        WAL_SENDER, pid=4900, application_name="pg_receivewal", peer=OtherPeer.UNIX_SOCKET, tls=None
    ),
    posture=Posture.UNIX_SOCKET,
    certificate_name=None,
    issuer_name=None,
    in_use=None,
    certificate_pending=None,
    breaks_at=None,
    breaks_cause=ForecastCause.NONE,
)

SERVER = Server(
    version_number=170005,
    version="17.5",
    system_identifier="7423456789012345678",
    in_recovery=False,
    started_at=STARTED,
    configuration_loaded_at=STARTED + timedelta(hours=1),
    tls_enabled=True,
    requests_client_certificate=True,
    address=ip_address("10.0.0.1"),
    statistics_visible=True,
)
RULES = RulesReport(
    state=HbaState.LOADED, error_lines=(), findings=(RulesState(HbaState.LOADED),), remedy=()
)
TARGET = Target(
    name="primary", parameters={"host": "10.0.0.1", "user": "repl_exporter"}, cluster_name="main"
)
REPORT = TargetReport(
    target=TARGET,
    polled_at=NOW,
    duration_seconds=0.012,
    failure=None,
    readers=dict.fromkeys(Reader),
    server=SERVER,
    rules=RULES,
    connections=(PLAINTEXT, REPLICA, LOCAL),
    exemptions=(ExemptionUse("loopback", "built in", None, 0),),
    certificates=TargetCertificates(
        places=(
            CertificatePlace(SERVED, CertificateUsage.SERVER, CertificateSource.SERVED),
            CertificatePlace(
                SERVED, CertificateUsage.SERVER, CertificateSource.SERVER_FILE, ("server.crt",)
            ),
            CertificatePlace(
                AUTHORITY, CertificateUsage.AUTHORITY, CertificateSource.SERVER_FILE, ("ca.crt",)
            ),
        ),
        verified=(
            VerifiedCertificate(SERVED, CertificateUsage.SERVER, "ok"),
            VerifiedCertificate(RENEWED, CertificateUsage.CLIENT, "ok"),
        ),
        revocation_lists=(ListedRevocations(revocation_list(), CertificateSource.SERVER_FILE),),
        server_certificate_pending=False,
        served_at=NOW,
    ),
)
RECORD = TargetRecord(
    target=TARGET,
    report=REPORT,
    polls=3,
    failures={FailureReason.TIMEOUT: 1},
    sessions_observed={
        (ReplicationKind.PHYSICAL, Verdict.SECURE): 2,
        (ReplicationKind.PHYSICAL, Verdict.INSECURE): 1,
    },
    last_success=NOW,
)

NOT_POLLED = replace(RECORD, report=None, polls=0, failures={}, last_success=None)
DOWN = replace(
    RECORD,
    target=replace(TARGET, name="standby"),
    report=replace(
        REPORT,
        target=replace(TARGET, name="standby"),
        failure=Unread(FailureReason.TIMEOUT, "no answer in 10 s"),
        readers={},
        server=None,
        rules=None,
        connections=Unread(FailureReason.TIMEOUT, "no answer in 10 s"),
        exemptions=(),
    ),
)
_BLIND = Unread(FailureReason.PERMISSION, "the role lacks the rights of pg_read_all_stats")
BLIND = replace(
    RECORD,
    target=replace(TARGET, name="managed"),
    report=replace(
        REPORT,
        target=replace(TARGET, name="managed"),
        failure=_BLIND,
        readers={
            **dict.fromkeys(Reader),
            Reader.WAL_SENDERS: _BLIND,
            Reader.FILE_TIMES: Unread(FailureReason.NOT_INSTALLED, ""),
        },
        server=replace(SERVER, statistics_visible=False),
        connections=_BLIND,
    ),
)


def with_connections(
    connections: Sequence[Connection], record: TargetRecord = RECORD
) -> TargetRecord:
    """Return ``record`` with other connections."""
    assert record.report is not None
    return replace(record, report=replace(record.report, connections=tuple(connections)))


def named(record: TargetRecord, name: str) -> TargetRecord:
    """Return ``record`` as that of a target of another name."""
    assert record.report is not None
    target = replace(record.target, name=name)
    return replace(record, target=target, report=replace(record.report, target=target))
