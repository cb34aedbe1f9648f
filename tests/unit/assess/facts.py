"""One server, one rule, one walsender as a poll may see them; vary by `replace`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from exporter.assess.certificates.connection import certificates_known
from exporter.assess.connection import RulesInForce, judge, peers_of
from exporter.assess.report import assess
from exporter.assess.rules.outcome import InForce
from exporter.assess.work import Work
from exporter.model.failure import Read
from exporter.model.hba import (
    ConnectionType,
    FileTimes,
    HbaContent,
    HbaRule,
    IdentContent,
    IdentMapping,
    LineTraits,
    Quoting,
    RuleLocation,
    ServerFile,
)
from exporter.model.history import RulesHistory
from exporter.model.judgement import HbaState
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation, Server
from exporter.model.policy import Policy
from exporter.model.report import Connection, TargetReport
from exporter.model.target import Target
from exporter.model.verification import VERIFIED, Verification
from exporter.model.wal_sender import (
    Activity,
    PeerCertificate,
    ReplicationKind,
    SlashName,
    TcpPeer,
    TlsSession,
    WalSender,
)

STARTED = datetime(2026, 11, 1, 6, 0, 0, tzinfo=UTC)
LOADED = STARTED + timedelta(days=1)
BEGAN = LOADED + timedelta(days=1)
NOW = BEGAN + timedelta(days=1)
WRITTEN = STARTED - timedelta(days=1)
HBA, IDENT = "/etc/pg_hba.conf", "/etc/pg_ident.conf"

CERT = HbaRule(
    location=RuleLocation(HBA, 1),
    connection_type=ConnectionType.HOSTSSL,
    databases=("replication",),
    roles=("replica",),
    address="10.0.0.0",
    netmask="255.0.0.0",
    auth_method="cert",
    options=("clientcert=verify-full",),
)
SCRAM = replace(CERT, connection_type=ConnectionType.HOST, auth_method="scram-sha-256", options=())
TRUST = replace(SCRAM, auth_method="trust")
REJECT = replace(SCRAM, auth_method="reject")
CERTIFICATE = PeerCertificate(
    SlashName("/O=Lab/CN=replica", may_be_cut=False), SlashName("/CN=CA", may_be_cut=False), 7
)
TLS = TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, CERTIFICATE)
STANDBY = WalSender(
    pid=4711,
    backend_start=BEGAN,
    role="replica",
    application_name="standby",
    peer=TcpPeer(ip_address("10.0.0.5"), 40123),
    kind=ReplicationKind.PHYSICAL,
    database=None,
    tls=TLS,
    gss_encrypted=False,
    state="streaming",
    activity=Activity.STREAMING,
    slot_name="",
    sync_state="async",
)
PLAIN = replace(STANDBY, tls=None)
WITHOUT_CERTIFICATE = replace(STANDBY, tls=replace(TLS, client_certificate=None))
SERVER = Server(
    version_number=170005,
    version="17.5",
    system_identifier="1",
    in_recovery=False,
    started_at=STARTED,
    configuration_loaded_at=LOADED,
    tls_enabled=True,
    requests_client_certificate=True,
    address=None,
    statistics_visible=True,
)
TARGET = Target(name="primary", parameters={}, policy=Policy(exempt_loopback=False))


def at(line: int, rule: HbaRule) -> HbaRule:
    return replace(rule, location=RuleLocation(HBA, line))


def rules(*written: HbaRule) -> HbaContent:
    numbered = tuple(at(i, rule) for i, rule in enumerate(written, start=1))
    return HbaContent(numbered, (), digest=repr(numbered))


def mapping(system_name: str, role: str, map_name: str = "m") -> IdentMapping:
    return IdentMapping(RuleLocation(IDENT, 1), map_name, system_name, role)


def maps(*written: IdentMapping) -> IdentContent:
    numbered = tuple(
        replace(each, location=RuleLocation(IDENT, i)) for i, each in enumerate(written, start=1)
    )
    return IdentContent(numbered, (), digest=repr(numbered))


def times(hba: datetime = WRITTEN, ident: datetime = WRITTEN) -> tuple[FileTimes, ...]:
    return (
        FileTimes(ServerFile.HBA, HBA, 1, hba, hba),
        FileTimes(ServerFile.IDENT, IDENT, 1, ident, ident),
    )


POLL = Observation(
    target="primary",
    at=NOW,
    duration_seconds=0.01,
    server=SERVER,
    wal_senders=(STANDBY,),
    hba=rules(CERT),
    hba_lines=(),
    ident=maps(),
    file_times=times(),
    role_memberships={"replica": frozenset({"replica"})},
    regular_expressions=(),
)


def always_verified(*_asked: object, **_for: object) -> Verification:
    """Return VERIFIED for every chain."""
    return Verification(VERIFIED)


KNOWLEDGE = Knowledge(always_verified)
"""Without any known certificate; every chain verifies."""


def report(
    poll: Observation,
    policy: Policy = TARGET.policy,
    knowledge: Knowledge = KNOWLEDGE,
    target: Target = TARGET,
) -> TargetReport:
    target = replace(target, policy=policy)
    return assess(poll, target, RulesHistory(), knowledge, now=NOW)[0]


def connections(target_report: TargetReport) -> tuple[Connection, ...]:
    found: Read[tuple[Connection, ...]] = target_report.connections
    assert isinstance(found, tuple)
    return found


def judged(
    wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL, policy: Policy | None = None
) -> Connection:
    poll = replace(poll, wal_senders=(wal_sender,), hba=rules(*written))
    return the_one(poll, TARGET.policy if policy is None else policy)


def the_one(poll: Observation, policy: Policy = TARGET.policy) -> Connection:
    (connection,) = connections(report(poll, policy))
    return connection


def known(
    *contents: HbaContent,
    maps: tuple[IdentContent, ...] = (),
    state: HbaState = HbaState.LOADED,
    ident_state: HbaState = HbaState.LOADED,
) -> RulesInForce:
    return RulesInForce(
        state=state,
        ident_state=ident_state,
        in_force=InForce(tuple(c if c.is_whole else c.with_lines(()) for c in contents), maps),
        hba_since=LOADED,
        ident_since=LOADED,
        regular_expressions={},
    )


def line(
    location: RuleLocation,
    *,
    clientname: str | None = None,
    quoted: Quoting | None = None,
    quote: bool = False,
    patroni: bool = False,
) -> LineTraits:
    """Return what a line holds: ``clientname=`` of this value, these quotes; or some, unknown."""
    return LineTraits(
        location,
        holds_quote=quote or quoted is not None,
        holds_file_reference=False,
        holds_clientname=clientname is not None,
        continues=False,
        clientname=clientname,
        quoted=quoted,
        is_patroni_header=patroni,
    )


def holding(in_force: RulesInForce, *lines: LineTraits) -> RulesInForce:
    """Return the same rules, with what their lines hold in every content."""
    contents = tuple(content.with_lines(lines) for content in in_force.in_force.rules)
    return replace(in_force, in_force=InForce(contents, in_force.in_force.maps))


def unread(in_force: RulesInForce) -> RulesInForce:
    """Return the same rules, of whose lines nothing could be read."""
    contents = tuple(replace(content, lines=None) for content in in_force.in_force.rules)
    return replace(in_force, in_force=InForce(contents, in_force.in_force.maps))


def judged_under(wal_sender: WalSender, in_force: RulesInForce) -> Connection:
    poll = replace(POLL, wal_senders=(wal_sender,))
    certificates = certificates_known(poll, TARGET, KNOWLEDGE, now=NOW)
    return judge(
        wal_sender,
        poll,
        in_force,
        certificates,
        TARGET.policy,
        peers=peers_of(poll),
        now=NOW,
        work=Work(),
    )
