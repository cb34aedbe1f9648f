"""What to do where a client shows a certificate: whole remedies, as somebody follows them."""

from dataclasses import replace

from exporter.model.hba import ConnectionType, HbaRule, LineTraits, RuleLocation
from exporter.model.observation import Observation
from exporter.model.server_steps import LoadMaps
from exporter.model.wal_sender import OtherPeer, SlashName, WalSender
from tests.steps import lines
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    HBA,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    TLS,
    TRUST,
    judged,
    judged_under,
    known,
    mapping,
    maps,
    rules,
    unread,
)
from tests.unit.assess.reading import page, text
from tests.unit.assess.remedies import file_edit

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
CHAIN = replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",))
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
ANY = maps(mapping("/.*", "replica"))
ANY_NAME = replace(POLL, ident=ANY)
TLS_OFF = replace(
    POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
)
NOT_ASKING = replace(POLL, server=replace(SERVER, requests_client_certificate=False))


def showing(subject: str | None, role: str = "replica") -> WalSender:
    name = None if subject is None else SlashName(subject, may_be_cut=False)
    certificate = replace(CERTIFICATE, subject=name)
    return replace(STANDBY, role=role, tls=replace(TLS, client_certificate=certificate))


OTHER, NAMELESS = showing("/O=Lab/CN=alice"), showing(None)


def steps(wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL) -> str:
    return page(judged(wal_sender, *written, poll=poll).remedy)


def part(page_text: str, begins: str, until: str) -> str:
    return page_text[page_text.index(begins) : page_text.index(until)].rstrip()


def test_what_is_best_needs_nothing() -> None:
    local = replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    assert steps(STANDBY, CERT) == ""
    assert steps(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), local) == ""


def test_a_certificate_that_is_not_required() -> None:
    assert steps(STANDBY, HOSTSSL_SCRAM) == text(
        """
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | - hostssl replication replica 10.0.0.0/8 scram-sha-256
            | + hostssl replication replica 10.0.0.0/8 cert
            | + host replication replica 10.0.0.0/8 reject
        on the server: LoadRules(server_version_number=170005)
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        """
    )


def test_a_certificate_that_is_not_required_by_a_server_that_no_longer_asks_for_one() -> None:
    page_text = steps(STANDBY, HOSTSSL_SCRAM, poll=NOT_ASKING)
    first, rest = page_text.split("on the server: Require", 1)
    assert first.rstrip() == text(
        """
        on the server: RequestCertificates()
            | postgresql.conf
            | ssl_ca_file: root.crt
        """
    )
    assert "on the server: Require" + rest == steps(STANDBY, HOSTSSL_SCRAM)


def test_a_certificate_of_another_name_is_replaced_before_the_role_s_is_required() -> None:
    page_text = steps(OTHER, HOSTSSL_SCRAM)
    first, rest = page_text.split("on the server: Require", 1)
    assert first.rstrip() == text(
        """
        on the standby or client: ReplaceCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None), presented='alice')
        on the standby or client: CheckName(name=NameRequirement(role='replica', is_whole=False,
          names=('replica',), patterns=(), map_name=None))
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        for the exporter: SeeCertificate()
        """
    )
    assert "on the server: Require" + rest == steps(STANDBY, HOSTSSL_SCRAM)


def test_a_certificate_whose_name_cannot_be_determined() -> None:
    page_text = steps(NAMELESS, HOSTSSL_SCRAM)
    first = page_text[: page_text.index("on the server: Require")]
    assert first.rstrip() == text(
        """
        on the standby or client: CheckName(name=NameRequirement(role='replica', is_whole=False,
          names=('replica',), patterns=(), map_name=None))
        """
    )


def test_a_rule_that_checks_the_chain_only_keeps_its_method() -> None:
    page_text = steps(STANDBY, replace(CHAIN, options=("clientcert=verify-ca", "x=a b")))
    demand = part(page_text, "on the server: Require", "on the server: Load")
    assert demand == text(
        """
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=False)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | - hostssl replication replica 10.0.0.0/8 scram-sha-256 clientcert=verify-ca "x=a
            |   b"
            | + hostssl replication replica 10.0.0.0/8 scram-sha-256 "x=a b"
            |   clientcert=verify-full
            | + host replication replica 10.0.0.0/8 reject
        """
    )
    assert page_text.startswith(demand)


def test_under_a_password_no_map_can_give_the_role_to_another_name() -> None:
    page_text = steps(OTHER, CHAIN)
    first = page_text[: page_text.index("on the server: Require")]
    assert first.rstrip() == text(
        """
        on the standby or client: ReplaceCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None), presented='alice')
        on the standby or client: CheckName(name=NameRequirement(role='replica', is_whole=False,
          names=('replica',), patterns=(), map_name=None))
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        for the exporter: SeeCertificate()
        """
    )


def test_trust_that_checks_the_chain_only_becomes_cert() -> None:
    page_text = steps(OTHER, replace(CHAIN, auth_method="trust"))
    demand = part(page_text, "on the server: Require", "on the server: Load")
    assert demand == text(
        """
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | - hostssl replication replica 10.0.0.0/8 trust clientcert=verify-ca
            | + hostssl replication replica 10.0.0.0/8 cert
            | + host replication replica 10.0.0.0/8 reject
        """
    )
    assert page_text.startswith(part(steps(OTHER, HOSTSSL_SCRAM), "on", "on the server: Require"))


def test_a_map_that_lets_several_names_in_keeps_the_name_that_is_shown() -> None:
    assert steps(OTHER, MAPPED, poll=ANY_NAME) == text(
        """
        on the server: NarrowMap(role='replica', unnamed=(), has_others=True)
            | pg_ident.conf /etc/pg_ident.conf line 1
            | - m /.* replica
            | + m alice replica
        on the server: LoadMaps(server_version_number=170005)
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        """
    )


def test_a_map_without_a_name_to_keep() -> None:
    page_text = steps(NAMELESS, MAPPED, poll=ANY_NAME)
    assert "| + m NAME_OF_ITS_CERTIFICATE replica" in page_text


WITH_CLIENTNAME = LineTraits(
    RuleLocation(HBA, 1),
    holds_quote=False,
    holds_file_reference=False,
    holds_clientname=True,
    continues=False,
    clientname="DN",
)


def test_a_map_of_whole_names_keeps_the_whole_name_that_is_shown() -> None:
    poll = replace(ANY_NAME, hba_lines=(WITH_CLIENTNAME,))
    page_text = steps(OTHER, MAPPED, poll=poll)
    assert page_text[: page_text.index("on the server: Load")].rstrip() == text(
        """
        on the server: NarrowMap(role='replica', unnamed=(), has_others=True)
            | pg_ident.conf /etc/pg_ident.conf line 1
            | - m /.* replica
            | + m "CN=alice,O=Lab" replica
        """
    )
    assert "| + m NAME_OF_ITS_CERTIFICATE replica" in steps(NAMELESS, MAPPED, poll=poll)
    elsewhere = replace(WITH_CLIENTNAME, location=RuleLocation(HBA, 2))
    page_text = steps(OTHER, MAPPED, poll=replace(poll, hba_lines=(elsewhere,)))
    assert "| + m alice replica" in page_text


def test_a_map_that_may_be_of_whole_names_says_so() -> None:
    in_force = known(rules(MAPPED), maps=(ANY,))
    page_text = page(judged_under(OTHER, unread(in_force)).remedy)
    assert page_text[: page_text.index("on the server: Load")].rstrip() == text(
        """
        on the server: NarrowMap(role='replica',
          unnamed=(OtherClient(application_name='standby', role='replica',
          address=IPv4Address('10.0.0.5'), security=<ClientSecurity.CERTIFICATE: 'certificate'>,
          certificate_name='alice', connections=1),), has_others=True)
            | pg_ident.conf /etc/pg_ident.conf line 1 incomplete
            | - m /.* replica
            | + m NAME_OF_ITS_CERTIFICATE replica
        """
    )


def test_names_in_a_map_are_written_as_pg_ident_reads_them() -> None:
    rule = replace(MAPPED, roles=("all",), options=('map=my "m"', "clientcert=verify-full"))
    for version, given, written in ((159999, "/x", '"/x"'), (160000, "all", "/^/x$")):
        poll = replace(
            POLL,
            server=replace(SERVER, version_number=version),
            ident=maps(mapping("/.*", given, 'my "m"')),
        )
        remedy_steps = judged(showing("/CN=/a.b", role="/x"), rule, poll=poll).remedy[0]
        assert file_edit(remedy_steps).new == (rf'"my ""m""" /^/a\.b$ {written}',)


def test_before_15_maps_are_checked_by_the_shipped_function() -> None:
    for version, expected in (
        (149999, "line_number, error FROM replication_cert_exporter.ident_mappings()"),
        (150000, "line_number, error FROM pg_ident_file_mappings"),
        (159999, "line_number, error FROM pg_ident_file_mappings"),
        (160000, "file_name, line_number, error FROM pg_ident_file_mappings"),
    ):
        poll = replace(ANY_NAME, server=replace(SERVER, version_number=version))
        check = judged(OTHER, MAPPED, poll=poll).remedy[1]
        assert check.kind == LoadMaps(version)
        assert lines(check)[0] == f"SELECT {expected} WHERE error IS NOT NULL;"


def test_tls_that_is_too_old() -> None:
    assert steps(replace(STANDBY, tls=replace(TLS, version="TLSv1.1")), CERT) == text(
        """
        on the standby or client: UseNewerTls(version=<TlsVersion.TLS_1_2: 'TLSv1.2'>)
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        on the server: CheckTlsVersions(version=<TlsVersion.TLS_1_2: 'TLSv1.2'>)
        on the server: RequireTlsVersion(version=<TlsVersion.TLS_1_2: 'TLSv1.2'>)
            | postgresql.conf
            | ssl_min_protocol_version: TLSv1.2
        """
    )


def test_tls_that_is_too_old_comes_after_what_the_certificate_needs() -> None:
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.1"))
    assert steps(old, HOSTSSL_SCRAM) == "\n".join([steps(STANDBY, HOSTSSL_SCRAM), steps(old, CERT)])
