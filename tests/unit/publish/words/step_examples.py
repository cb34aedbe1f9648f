"""A step of every kind, with and without what it may say more."""

import sys
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from exporter.model import client_steps, server_steps
from exporter.model.certificate import CertificateSource
from exporter.model.client_steps import KnownCertificate, NameRequirement
from exporter.model.hba import RuleLocation
from exporter.model.judgement import ForecastCause
from exporter.model.policy import TlsVersion
from exporter.model.remedy import (
    FileEdit,
    Obstacle,
    ParameterEdit,
    Place,
    ServerFile,
    SettingPlace,
    Step,
    StepKind,
)
from exporter.model.server_steps import ClientSecurity, Mistake, OtherClient
from exporter.publish.words.steps.text import step_text
from tests.unit.certificates import certificate

HBA = "/etc/pg_hba.conf"
IDENT = "/etc/pg_ident.conf"
CN = NameRequirement("replica", is_whole=False, names=("replica",))
MAPPED = NameRequirement("replica", is_whole=False, names=("a", "b", "c"), map_name="m")
UNREAD = NameRequirement("replica", is_whole=None, names=("replica",))
WHOLE = NameRequirement("replica", is_whole=True, names=("CN=a,O=x", "CN=b"), map_name="m")
PATTERNS = NameRequirement("replica", is_whole=False, names=(), patterns=("/^m.*$", "/^n.*$"))
WHOLE_PATTERN = NameRequirement("replica", is_whole=True, names=(), patterns=("/x",), map_name="m")
ANY = NameRequirement("bob", is_whole=False, names=())
CERTIFICATE = certificate("standby-1", serial_number=9)
ON_STANDBY = KnownCertificate(CERTIFICATE, CertificateSource.STANDBY_FILE, "/home/postgres/r.crt")
IN_INVENTORY = KnownCertificate(CERTIFICATE, CertificateSource.INVENTORY, "/inventory/r.crt")
PARAMETERS = (
    ("user", "my replica"),
    ("sslmode", "verify-full"),
    ("sslcert", "client.crt"),
)
OTHER = OtherClient(
    "other", "replica", ip_address("10.0.0.6"), ClientSecurity.UNENCRYPTED, None, connections=1
)
OTHERS = (
    OTHER,
    replace(OTHER, application_name="gss", security=ClientSecurity.GSSAPI),
    replace(OTHER, application_name="bare", security=ClientSecurity.TLS, connections=3),
    replace(OTHER, security=ClientSecurity.CERTIFICATE, certificate_name="machine-7"),
    replace(OTHER, security=ClientSecurity.CERTIFICATE),
)
REPLACE = FileEdit(
    ServerFile.HBA,
    HBA,
    7,
    "host replication replica 10.0.0.0/8 scram-sha-256",
    ("hostssl replication replica 10.0.0.0/8 cert", "host replication replica 10.0.0.0/8 reject"),
)
INSERT = FileEdit(
    ServerFile.HBA,
    HBA,
    2,
    None,
    ("hostssl replication replica 10.0.0.5/32 cert",),
    below="host all all all scram-sha-256",
)
BEGIN = replace(
    INSERT, file_name="", line_number=None, below=None, obstacles=frozenset({Obstacle.NO_RULES})
)
MAP = FileEdit(ServerFile.IDENT, IDENT, 3, "m /.* replica", ("m alice replica",))
REMOVE = replace(MAP, new=())
COMPLETE = replace(MAP, old="m /x replica", new=("m /^x$ replica",))
SETTINGS = ParameterEdit(SettingPlace.POSTGRESQL_CONF, (("ssl", "on"), ("ssl_ca_file", "root.crt")))
MINIMUM = ParameterEdit(
    SettingPlace.POSTGRESQL_CONF, (("ssl_min_protocol_version", "TLSv1.2"),), is_managed=True
)
TLS_1_2 = TlsVersion.TLS_1_2
REQUIRE = server_steps.RequireCertificate("replica", None, refused=(), requests_no_password=False)


def _obstacle(edit: FileEdit, *obstacles: Obstacle) -> FileEdit:
    return replace(edit, obstacles=frozenset(obstacles))


def _server(kind: StepKind, edit: FileEdit | ParameterEdit | None = None) -> Step:
    return Step(Place.SERVER, kind, edit)


def _client(kind: StepKind, edit: ParameterEdit | None = None) -> Step:
    return Step(Place.CLIENT, kind, edit)


def _exporter(kind: StepKind) -> Step:
    return Step(Place.EXPORTER, kind)


EXAMPLES: Final = {
    "install": _server(server_steps.InstallFunctions()),
    "load once": _server(server_steps.LoadOnce()),
    "load rules": _server(server_steps.LoadRules(160000)),
    "load rules before 16": _server(server_steps.LoadRules(159999)),
    "load maps": _server(server_steps.LoadMaps(160000)),
    "load maps before 15": _server(server_steps.LoadMaps(149999)),
    "correct rules": _server(server_steps.CorrectRules()),
    "correct maps": _server(server_steps.CorrectMaps(150000)),
    "correct in Patroni": _server(server_steps.CorrectInPatroni()),
    "correct a line": _server(server_steps.CorrectLine(RuleLocation(HBA, 7), "bad method")),
    "correct host": _server(
        server_steps.CorrectLine(
            RuleLocation(HBA, 7),
            "m",
            Mistake.NEEDS_HOSTSSL,
            ("hostssl replication replica 10.0.0.5/32 cert",),
        )
    ),
    "correct peer": _server(
        server_steps.CorrectLine(
            RuleLocation(HBA, 7), "m", Mistake.PEER_OVER_TCP, ("local all all peer",)
        )
    ),
    "require": _server(REQUIRE, REPLACE),
    "require in a database": _server(
        replace(REQUIRE, database="shop", refused=OTHERS, requests_no_password=True), INSERT
    ),
    "require, with a secret": _server(REQUIRE, _obstacle(REPLACE, Obstacle.MASKED)),
    "require, changed": _server(REQUIRE, _obstacle(REPLACE, Obstacle.CHANGED)),
    "require, under Patroni": _server(
        REQUIRE, _obstacle(REPLACE, Obstacle.MANAGED, Obstacle.CHANGED)
    ),
    "accept": _server(server_steps.AcceptClient("repl", None, is_refused=True), INSERT),
    "accept, undecided": _server(
        server_steps.AcceptClient("repl", "app", is_refused=False, refused=(OTHER,)), INSERT
    ),
    "accept, without a rule": _server(
        server_steps.AcceptClient("repl", None, is_refused=True), BEGIN
    ),
    "close": _server(server_steps.CloseRule("replica", None, refused=(OTHER,)), INSERT),
    "close in a database": _server(server_steps.CloseRule("replica", "shop", refused=()), INSERT),
    "narrow": _server(server_steps.NarrowMap("replica", unnamed=(), has_others=True), MAP),
    "narrow, unknown names": _server(
        server_steps.NarrowMap("replica", unnamed=(OTHER,), has_others=True),
        _obstacle(MAP, Obstacle.INCOMPLETE),
    ),
    "narrow, too many": _server(
        server_steps.NarrowMap("replica", unnamed=(), has_others=False),
        _obstacle(REMOVE, Obstacle.INCOMPLETE, Obstacle.CHANGED),
    ),
    "complete": _server(server_steps.CompletePattern(unnamed=(), has_others=True), COMPLETE),
    "complete, under Patroni": _server(
        server_steps.CompletePattern(unnamed=(OTHER,), has_others=False),
        _obstacle(COMPLETE, Obstacle.MANAGED),
    ),
    "request": _server(server_steps.RequestCertificates(), SETTINGS),
    "request, under Patroni": _server(
        server_steps.RequestCertificates(), replace(SETTINGS, is_managed=True)
    ),
    "check versions": _server(server_steps.CheckTlsVersions(TLS_1_2)),
    "require a version": _server(server_steps.RequireTlsVersion(TLS_1_2), MINIMUM),
    "lists": _server(server_steps.RenewRevocationLists()),
    "authorities": _server(server_steps.CompleteCaFile()),
    "issue": _client(client_steps.IssueCertificate(CN)),
    "issue by map": _client(client_steps.IssueCertificate(MAPPED)),
    "issue, unread": _client(client_steps.IssueCertificate(UNREAD)),
    "issue whole": _client(client_steps.IssueCertificate(WHOLE)),
    "issue by patterns": _client(client_steps.IssueCertificate(PATTERNS)),
    "issue whole by a pattern": _client(client_steps.IssueCertificate(WHOLE_PATTERN)),
    "issue any": _client(client_steps.IssueCertificate(replace(ANY, map_name="m"))),
    "use": _client(client_steps.UseCertificate(ON_STANDBY, "replica")),
    "use of the inventory": _client(client_steps.UseCertificate(IN_INVENTORY, "replica")),
    "replace": _client(client_steps.ReplaceCertificate(CN, "alice")),
    "replace unknown": _client(client_steps.ReplaceCertificate(CN, None)),
    "replace whole": _client(client_steps.ReplaceCertificate(WHOLE, "CN=alice,O=Lab")),
    "try": _client(client_steps.TryConnection(None, PARAMETERS)),
    "try in a database": _client(client_steps.TryConnection("my shop", PARAMETERS)),
    "standby": _client(
        client_steps.ConfigureStandby(is_under_patroni=False),
        ParameterEdit(SettingPlace.PRIMARY_CONNINFO, PARAMETERS),
    ),
    "standby, under Patroni": _client(
        client_steps.ConfigureStandby(is_under_patroni=True),
        ParameterEdit(SettingPlace.PRIMARY_CONNINFO, PARAMETERS),
    ),
    "subscription": _client(
        client_steps.ConfigureSubscription(),
        ParameterEdit(SettingPlace.SUBSCRIPTION, PARAMETERS),
    ),
    "backup": _client(
        client_steps.ConfigureBackup(), ParameterEdit(SettingPlace.PROGRAM, PARAMETERS)
    ),
    "see": _exporter(client_steps.SeeCertificate()),
    "check name": _client(client_steps.CheckName(MAPPED)),
    "check whole name": _client(client_steps.CheckName(WHOLE)),
    "check patterns": _client(client_steps.CheckName(PATTERNS)),
    "check any": _client(client_steps.CheckName(ANY)),
    "newer TLS": _client(client_steps.UseNewerTls(TLS_1_2)),
    "reconnect": _server(
        client_steps.Reconnect("it's", "back\\", ip_address("fd00::5")),
    ),
    "reconnect over a socket": _server(client_steps.Reconnect("replica", "x", None)),
    "wait": _client(client_steps.WaitForBackup()),
    "renew": _client(client_steps.RenewCertificate(ON_STANDBY, ForecastCause.EXPIRED, name=None)),
    "renew, revoked": _client(
        client_steps.RenewCertificate(IN_INVENTORY, ForecastCause.REVOKED, name=CN)
    ),
    "renew, early": _client(
        client_steps.RenewCertificate(ON_STANDBY, ForecastCause.NOT_YET_VALID, name=None)
    ),
    "renew, purpose": _client(
        client_steps.RenewCertificate(ON_STANDBY, ForecastCause.PURPOSE, name=None)
    ),
    "renew, else": _client(
        client_steps.RenewCertificate(ON_STANDBY, ForecastCause.NONE, name=None)
    ),
    "change name": _client(
        client_steps.ChangeName(ON_STANDBY, CN, map_name=None, map_line="MAP  standby-1  replica")
    ),
    "change name by map": _client(
        client_steps.ChangeName(ON_STANDBY, MAPPED, map_name="m", map_line="m  standby-1  replica")
    ),
    "change no name": _client(
        client_steps.ChangeName(ON_STANDBY, CN, map_name=None, map_line=None)
    ),
    "accept whole name": _server(
        client_steps.AcceptWholeName(ON_STANDBY, None, 'MAP  "CN=standby-1,O=Lab"  replica')
    ),
    "accept whole name by map": _server(
        client_steps.AcceptWholeName(IN_INVENTORY, "my m", '"my m"  "CN=standby-1,O=Lab"  replica')
    ),
    "check new": _exporter(client_steps.CheckNewCertificate()),
    "provide": _client(client_steps.ProvideValidCertificate()),
    "choose": _exporter(client_steps.ChooseTime()),
    "make known": _exporter(client_steps.MakeCertificateKnown()),
    "duplicates": _exporter(client_steps.RemoveDuplicates()),
}
"""By a short name."""


def printed() -> str:
    """Return all examples as they are printed."""
    lines: list[str] = []
    for short_name, step in EXAMPLES.items():
        text = step_text(step)
        lines += [f"# {short_name}", f"{step.place.value}: {text.action}"]
        lines += [f"    {line}" for line in text.lines]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(printed())
