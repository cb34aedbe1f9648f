"""Steps for a client and its connection: its certificate, its settings, its reconnect."""

import shlex
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.advice.accepted_names import AcceptedNames
from exporter.assess.advice.client_steps import check_name, issue_certificate
from exporter.model.certificate import CertificateSource
from exporter.model.client_steps import (
    CheckName,
    CheckNewCertificate,
    ConfigureBackup,
    ConfigureStandby,
    ConfigureSubscription,
    KnownCertificate,
    NameRequirement,
    RenewCertificate,
    ReplaceCertificate,
    UseCertificate,
    UseNewerTls,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ConnectionType, RuleLocation
from exporter.model.judgement import ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.policy import Policy, TlsVersion
from exporter.model.remedy import ParameterEdit, Place, SettingPlace, StepKind
from exporter.model.server_steps import CheckTlsVersions, RequestCertificates, RequireTlsVersion
from exporter.model.verification import Verification
from exporter.model.wal_sender import Activity, ReplicationKind, TcpPeer, WalSender
from tests.steps import action
from tests.steps import lines as printed
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    STANDBY,
    TLS,
    WITHOUT_CERTIFICATE,
    line,
    mapping,
    maps,
)
from tests.unit.assess.facts import judged as judged_by
from tests.unit.assess.remedies import (
    CHAIN,
    HOSTSSL_SCRAM,
    NOT_ASKING,
    PRESENT,
    TLS_OFF,
    fact,
    kinds,
    lines,
    remedy,
    showing,
    the,
)
from tests.unit.assess.with_certificates import (
    OWN,
    SEEN,
    OpenSsl,
    certificate,
    inventory,
    judged,
    known,
    name,
)

FILES = "sslmode=verify-full sslrootcert=root.crt sslcert=client.crt sslkey=client.key"
RELOAD = "SELECT pg_reload_conf();"
LOGICAL = replace(PLAIN, kind=ReplicationKind.LOGICAL, database="shop", application_name="sub")
BACKUP = replace(PLAIN, activity=Activity.BACKUP)


# --- the server's part


@pytest.mark.parametrize(
    ("poll", "settings"),
    [
        (TLS_OFF, ("ssl = on", "ssl_ca_file = 'root.crt'")),
        (NOT_ASKING, ("ssl_ca_file = 'root.crt'",)),
    ],
)
def test_the_server_requests_certificates_before_anything_else(
    poll: Observation, settings: tuple[str, ...]
) -> None:
    sender = PLAIN if poll is TLS_OFF else WITHOUT_CERTIFICATE
    first, *others = remedy(sender, HOSTSSL_SCRAM, SCRAM, poll=poll)
    assert first.place is Place.SERVER
    assert first.kind == RequestCertificates()
    assert printed(first) == (*settings, RELOAD)
    assert others == list(remedy(sender, HOSTSSL_SCRAM, SCRAM))


# --- the certificate


def test_a_presented_certificate_of_another_name_is_replaced_at_its_place() -> None:
    for sender, shown in (
        (showing("/O=Lab/CN=alice"), "alice"),
        (showing("/CN=b"), "b"),
    ):
        step = the("replace", remedy(sender, HOSTSSL_SCRAM))
        assert step.place is Place.CLIENT
        name = NameRequirement("replica", is_whole=False, names=("replica",))
        assert step.kind == ReplaceCertificate(name, shown)
        assert printed(step) == ("subject: CN=replica",)


def test_a_presented_certificate_is_reported_by_the_name_that_is_compared() -> None:
    gss = replace(CERT, auth_method="gss", options=("clientcert=verify-ca", "map=m"))
    poll = replace(
        POLL,
        ident=maps(mapping("CN=replica,O=Other", "replica")),
        hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),),
    )
    steps = remedy(STANDBY, gss, poll=poll)
    assert kinds(steps)[:4] == ["replace", "check name", "reconnect", "see"]
    assert printed(the("replace", steps)) == ("subject: CN=replica,O=Other",)
    assert fact(ReplaceCertificate, steps).presented == "CN=replica,O=Lab"
    assert fact(CheckName, steps).name.is_whole is True


# --- a certificate that the client is known to have


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (AcceptedNames(whole=False, names=("replica",)), True),
        (AcceptedNames(whole=False, names=("CN=replica,O=Lab",)), False),
        (AcceptedNames(whole=True, names=("CN=replica,O=Lab",)), True),
        (AcceptedNames(whole=True, names=("replica",)), False),
        (AcceptedNames(whole=None, names=("replica", "CN=replica,O=Lab")), False),
        (AcceptedNames(whole=False, names=("other", "replica")), True),
        (AcceptedNames(whole=False, names=()), False),
    ],
)
def test_a_certificate_is_usable_by_the_name_that_is_compared(
    names: AcceptedNames, *, expected: bool
) -> None:
    named = certificate(name("O=Lab", "CN=replica"))
    owned = KnownCertificate(named, CertificateSource.INVENTORY, "/inventory/replica.crt")
    step = issue_certificate("replica", names, owned=owned)
    assert isinstance(step.kind, UseCertificate) is expected


def test_only_a_certificate_that_is_known_to_be_accepted_is_suggested() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    for knowledge, poll, found in (
        (Knowledge(OpenSsl(), inventory=inventory(known(OWN, roles=["replica"]))), SEEN, "use"),
        (Knowledge(OpenSsl(), inventory=inventory(known(other, roles=["replica"]))), SEEN, "issue"),
        (
            Knowledge(
                OpenSsl({OWN: Verification("bad", ForecastCause.PURPOSE)}),
                inventory=inventory(known(OWN, roles=["replica"])),
            ),
            SEEN,
            "issue",
        ),
        (
            Knowledge(OpenSsl(), inventory=inventory(known(OWN, roles=["replica"]))),
            replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED)),
            "issue",
        ),
        (Knowledge(OpenSsl(), inventory=inventory()), SEEN, "issue"),
    ):
        steps = judged(knowledge, SCRAM, sender=PLAIN, poll=poll).remedy
        rest = [s for s in steps if not isinstance(s.kind, RenewCertificate | CheckNewCertificate)]
        assert kinds(rest)[0] == found
        assert len(steps) == len(rest) or found == "issue"


# --- tried, set, and seen


@pytest.mark.parametrize(
    ("role", "parameter", "literal"),
    [
        ("replica", "replica", "'replica'"),
        ("my role", "'my role'", "'my role'"),
        ("it's", r"'it\'s'", "'it''s'"),
        ("back\\", r"'back\\'", r"E'back\\'"),
        ("it's\\", r"'it\'s\\'", r"E'it''s\\'"),
        ("", "''", "''"),
        ('$(x)`y`"!z', '$(x)`y`"!z', "'$(x)`y`\"!z'"),
    ],
)
def test_a_role_is_written_as_libpq_the_shell_and_sql_read_it(
    role: str, parameter: str, literal: str
) -> None:
    sender = replace(WITHOUT_CERTIFICATE, role=role, application_name=role)
    steps = remedy(sender, replace(SCRAM, roles=("all",)))
    assert printed(the("set", steps)) == (f"user={parameter} {FILES}", RELOAD)
    program, conninfo, *rest = shlex.split(printed(the("try", steps))[0])
    assert (program, rest) == ("psql", ["-c", "IDENTIFY_SYSTEM"])
    assert conninfo == f"host=HOST port=PORT user={parameter} {FILES} replication=true"
    assert printed(the("reconnect", steps)) == (
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = "
            f"{literal} AND application_name = {literal} AND client_addr = '10.0.0.5';"
        ),
    )


def test_a_database_is_tried_as_such() -> None:
    sender = replace(LOGICAL, database="my shop")
    line_ = printed(the("try", remedy(sender, REJECT)))[0]
    assert shlex.split(line_)[1].endswith(f"{FILES} dbname='my shop' replication=database")


def test_a_client_that_came_with_a_ticket_leaves_gssapi() -> None:
    gss = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
    steps = remedy(replace(PLAIN, gss_encrypted=True), gss)
    parameters = f"user=replica gssencmode=disable {FILES}"
    assert printed(the("set", steps))[0] == parameters
    assert parameters in printed(the("try", steps))[0]


@pytest.mark.parametrize(
    ("sender", "kind", "place"),
    [
        (PLAIN, ConfigureStandby(is_under_patroni=False), SettingPlace.PRIMARY_CONNINFO),
        (
            WITHOUT_CERTIFICATE,
            ConfigureStandby(is_under_patroni=False),
            SettingPlace.PRIMARY_CONNINFO,
        ),
        (LOGICAL, ConfigureSubscription(), SettingPlace.SUBSCRIPTION),
        (
            replace(LOGICAL, activity=Activity.BACKUP),
            ConfigureSubscription(),
            SettingPlace.SUBSCRIPTION,
        ),
        (BACKUP, ConfigureBackup(), SettingPlace.PROGRAM),
    ],
)
def test_parameters_are_set_where_the_client_has_them(
    sender: WalSender, kind: StepKind, place: SettingPlace
) -> None:
    rule = replace(SCRAM, databases=("all", "replication"))
    step = the("set", remedy(sender, rule))
    assert step.place is Place.CLIENT
    assert step.kind == kind
    files = ((name, value) for name, _, value in (each.partition("=") for each in FILES.split()))
    assert step.edit == ParameterEdit(place, (("user", "replica"), *files))
    reloads = place is SettingPlace.PRIMARY_CONNINFO
    assert printed(step) == (f"user=replica {FILES}", *((RELOAD,) if reloads else ()))


@pytest.mark.parametrize("sender", [PLAIN, LOGICAL, BACKUP])
def test_the_order_is_the_same_for_every_kind_of_client(sender: WalSender) -> None:
    rule = replace(SCRAM, databases=("all", "replication"))
    last = "wait" if sender is BACKUP else "reconnect"
    assert kinds(remedy(sender, rule)) == [*PRESENT, "require", "load rules", last]


# --- a reconnect


def test_a_backup_is_not_ended_to_make_it_reconnect() -> None:
    steps = remedy(BACKUP, SCRAM)
    assert not any("pg_terminate_backend" in each for each in lines(steps))


def test_a_reconnect_is_forced_for_the_connections_of_one_client() -> None:
    sender = replace(
        WITHOUT_CERTIFICATE,
        application_name="shop's sub",
        peer=TcpPeer(ip_address("fd00::5"), 1),
    )
    step = the("reconnect", remedy(sender, replace(SCRAM, address="::", netmask="::")))
    assert step.place is Place.SERVER
    assert printed(step) == (
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = 'replica' "
            "AND application_name = 'shop''s sub' AND client_addr = 'fd00::5';"
        ),
    )


# --- the name in a certificate that is presented


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            AcceptedNames(whole=False, names=("a", "b")),
            "common name (CN) of the certificate is a or b.",
        ),
        (AcceptedNames(whole=None, names=("a",)), "common name (CN) of the certificate is a."),
        (
            AcceptedNames(whole=True, names=("CN=a",)),
            "distinguished name of the certificate is CN=a.",
        ),
        (
            AcceptedNames(whole=False, names=(), patterns=("/x", "/y")),
            "certificate is a name that matches /x or /y.",
        ),
        (
            AcceptedNames(whole=False, names=()),
            "certificate is a name that the rule accepts for role bob.",
        ),
    ],
)
def test_a_name_is_checked_with_openssl(names: AcceptedNames, expected: str) -> None:
    step = check_name(names, "bob")
    assert step.place is Place.CLIENT
    assert step.kind == CheckName(NameRequirement("bob", names.whole, names.names, names.patterns))
    assert expected in action(step)
    assert printed(step) == ("openssl x509 -in client.crt -noout -subject -nameopt RFC2253",)


def test_a_name_that_cannot_be_seen_is_checked_before_the_rule_requires_it() -> None:
    steps = remedy(showing(None), HOSTSSL_SCRAM)
    assert kinds(steps) == ["check name", "require", "load rules", "reconnect"]
    assert kinds(remedy(showing(None), CHAIN)) == kinds(steps)


# --- TLS


def test_a_newer_tls_version_comes_last_and_to_the_client_first() -> None:
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.1"))
    steps = remedy(old, CERT)
    assert kinds(steps) == ["newer client", "reconnect", "see version", "newer server"]
    assert [step.place for step in steps] == [
        Place.CLIENT,
        Place.SERVER,
        Place.SERVER,
        Place.SERVER,
    ]
    assert printed(steps[-1]) == ("ssl_min_protocol_version = 'TLSv1.2'", RELOAD)
    secured = remedy(STANDBY, HOSTSSL_SCRAM)
    assert remedy(old, HOSTSSL_SCRAM) == (*secured, *steps)


def test_the_tls_version_is_that_of_the_policy() -> None:
    policy = Policy(exempt_loopback=False, minimum_tls_version=TlsVersion.TLS_1_3)
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.2"))
    steps = judged_by(old, CERT, policy=policy).remedy
    assert printed(steps[-1])[0] == "ssl_min_protocol_version = 'TLSv1.3'"
    assert [step.kind for step in (steps[0], *steps[2:])] == [
        UseNewerTls(TlsVersion.TLS_1_3),
        CheckTlsVersions(TlsVersion.TLS_1_3),
        RequireTlsVersion(TlsVersion.TLS_1_3),
    ]
