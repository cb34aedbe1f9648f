"""What to do where a client shows no certificate: whole remedies, as somebody follows them."""

from dataclasses import replace

import pytest

from exporter.model.client_steps import Reconnect, WaitForBackup
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.server_steps import LoadRules
from exporter.model.wal_sender import Activity, ReplicationKind, WalSender
from tests.steps import lines
from tests.unit.assess.facts import (
    CERT,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    TRUST,
    WITHOUT_CERTIFICATE,
    judged,
    judged_under,
    known,
    rules,
)
from tests.unit.assess.reading import page, text

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
HOSTNOSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL)
LOGICAL = replace(
    PLAIN, kind=ReplicationKind.LOGICAL, database="shop", application_name="shop's sub"
)
TLS_OFF = replace(
    POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
)
NOT_ASKING = replace(POLL, server=replace(SERVER, requests_client_certificate=False))


def steps(wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL) -> str:
    return page(judged(wal_sender, *written, poll=poll).remedy)


def begins(page_text: str) -> list[str]:
    """Return the kind of each step."""
    return [
        line.partition(": ")[2].partition("(")[0]
        for line in page_text.splitlines()
        if line[:3] in ("on ", "for")
    ]


def test_a_standby_without_tls_under_a_password_rule_of_its_own() -> None:
    assert steps(PLAIN, SCRAM) == text(
        """
        on the standby or client: IssueCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None))
        on the standby or client: TryConnection(database=None, parameters=(('user', 'replica'),
          ('sslmode', 'verify-full'), ('sslrootcert', 'root.crt'), ('sslcert', 'client.crt'),
          ('sslkey', 'client.key')))
        on the standby or client: ConfigureStandby(is_under_patroni=False)
            | primary_conninfo
            | user: replica
            | sslmode: verify-full
            | sslrootcert: root.crt
            | sslcert: client.crt
            | sslkey: client.key
        for the exporter: SeeCertificate()
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | - host replication replica 10.0.0.0/8 scram-sha-256
            | + hostssl replication replica 10.0.0.0/8 cert
            | + host replication replica 10.0.0.0/8 reject
        on the server: LoadRules(server_version_number=170005)
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        """
    )


def test_a_subscription_under_a_rule_for_everybody() -> None:
    rule = replace(SCRAM, databases=("all",), roles=("all",), address="all", netmask=None)
    assert steps(LOGICAL, rule) == text(
        """
        on the standby or client: IssueCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None))
        on the standby or client: TryConnection(database='shop', parameters=(('user',
          'replica'), ('sslmode', 'verify-full'), ('sslrootcert', 'root.crt'), ('sslcert',
          'client.crt'), ('sslkey', 'client.key')))
        on the standby or client: ConfigureSubscription()
            | subscription
            | user: replica
            | sslmode: verify-full
            | sslrootcert: root.crt
            | sslcert: client.crt
            | sslkey: client.key
        for the exporter: SeeCertificate()
        on the server: RequireCertificate(role='replica', database='shop', refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl shop replica all cert
            | + host shop replica all reject
            |   host all all all scram-sha-256
        on the server: LoadRules(server_version_number=170005)
        on the server: Reconnect(role='replica', application_name="shop's sub",
          address=IPv4Address('10.0.0.5'))
        """
    )


def test_a_server_without_tls() -> None:
    page_text = steps(PLAIN, SCRAM, poll=TLS_OFF)
    first, rest = page_text.split("on the standby or client", 1)
    assert first.rstrip() == text(
        """
        on the server: RequestCertificates()
            | postgresql.conf
            | ssl: on
            | ssl_ca_file: root.crt
        """
    )
    assert "on the standby or client" + rest == steps(PLAIN, SCRAM)


def test_a_server_that_asks_no_client_for_a_certificate() -> None:
    page_text = steps(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=NOT_ASKING)
    first, rest = page_text.split("on the standby or client", 1)
    assert first.rstrip() == text(
        """
        on the server: RequestCertificates()
            | postgresql.conf
            | ssl_ca_file: root.crt
        """
    )
    assert "on the standby or client" + rest == steps(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM)


def test_a_client_whose_rules_already_require_a_certificate() -> None:
    assert steps(WITHOUT_CERTIFICATE, CERT) == text(
        """
        on the standby or client: IssueCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None))
        on the standby or client: TryConnection(database=None, parameters=(('user', 'replica'),
          ('sslmode', 'verify-full'), ('sslrootcert', 'root.crt'), ('sslcert', 'client.crt'),
          ('sslkey', 'client.key')))
        on the standby or client: ConfigureStandby(is_under_patroni=False)
            | primary_conninfo
            | user: replica
            | sslmode: verify-full
            | sslrootcert: root.crt
            | sslcert: client.crt
            | sslkey: client.key
        for the exporter: SeeCertificate()
        """
    )


def test_a_client_whose_rule_over_tls_already_requires_the_certificate() -> None:
    page_text = steps(PLAIN, CERT, SCRAM)
    last = page_text[page_text.index("on the server: CloseRule") :]
    assert last == text(
        """
        on the server: CloseRule(role='replica', database=None, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 2
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   host replication replica 10.0.0.0/8 scram-sha-256
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_a_client_that_would_be_refused_over_tls() -> None:
    assert steps(PLAIN, HOSTNOSSL_SCRAM) == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostnossl replication replica 10.0.0.0/8 scram-sha-256
        on the server: LoadRules(server_version_number=170005)
        on the standby or client: IssueCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None))
        on the standby or client: TryConnection(database=None, parameters=(('user', 'replica'),
          ('sslmode', 'verify-full'), ('sslrootcert', 'root.crt'), ('sslcert', 'client.crt'),
          ('sslkey', 'client.key')))
        on the standby or client: ConfigureStandby(is_under_patroni=False)
            | primary_conninfo
            | user: replica
            | sslmode: verify-full
            | sslrootcert: root.crt
            | sslcert: client.crt
            | sslkey: client.key
        for the exporter: SeeCertificate()
        on the server: CloseRule(role='replica', database=None, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 2
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   hostnossl replication replica 10.0.0.0/8 scram-sha-256
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_a_client_that_no_rule_accepts_any_more() -> None:
    page_text = steps(PLAIN)
    first = page_text[: page_text.index("on the server: Load")]
    assert first.rstrip() == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf - line None no_rules
            | + hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_a_client_that_a_rule_above_refuses_over_tls() -> None:
    page_text = steps(PLAIN, replace(REJECT, connection_type=ConnectionType.HOSTSSL), SCRAM)
    first = page_text[: page_text.index("on the server: Load")]
    assert first.rstrip() == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostssl replication replica 10.0.0.0/8 reject
        """
    )


def test_a_client_that_came_with_a_kerberos_ticket_leaves_gssapi_for_tls() -> None:
    gss = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
    assert steps(replace(PLAIN, gss_encrypted=True), gss) == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostgssenc replication replica 10.0.0.0/8 gss
        on the server: LoadRules(server_version_number=170005)
        on the standby or client: IssueCertificate(name=NameRequirement(role='replica',
          is_whole=False, names=('replica',), patterns=(), map_name=None))
        on the standby or client: TryConnection(database=None, parameters=(('user', 'replica'),
          ('gssencmode', 'disable'), ('sslmode', 'verify-full'), ('sslrootcert', 'root.crt'),
          ('sslcert', 'client.crt'), ('sslkey', 'client.key')))
        on the standby or client: ConfigureStandby(is_under_patroni=False)
            | primary_conninfo
            | user: replica
            | gssencmode: disable
            | sslmode: verify-full
            | sslrootcert: root.crt
            | sslcert: client.crt
            | sslkey: client.key
        for the exporter: SeeCertificate()
        on the server: CloseRule(role='replica', database=None, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 2
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   hostgssenc replication replica 10.0.0.0/8 gss
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_a_client_under_rules_that_are_not_decided() -> None:
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    page_text = page(judged_under(PLAIN, both).remedy)
    demand = page_text[
        page_text.index("on the server: Require") : page_text.index("on the server: Load")
    ]
    assert demand.rstrip() == text(
        """
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1 changed
            | + hostssl replication replica 10.0.0.5/32 cert
            | + host replication replica 10.0.0.5/32 reject
            |   host replication replica 10.0.0.0/8 scram-sha-256
        """
    )
    assert begins(page_text) == begins(steps(PLAIN, SCRAM))


def test_a_client_under_rules_that_cannot_be_read() -> None:
    unread = page(judged_under(PLAIN, known(state=HbaState.UNREADABLE)).remedy)
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    assert begins(unread) == begins(page(judged_under(PLAIN, both).remedy))
    assert "| pg_hba.conf - line None no_rules\n" in unread


def test_a_backup_is_waited_for() -> None:
    backup = replace(WITHOUT_CERTIFICATE, activity=Activity.BACKUP)
    remedy_steps = judged(backup, HOSTSSL_SCRAM).remedy
    assert WaitForBackup() in [step.kind for step in remedy_steps]
    assert not any(isinstance(step.kind, Reconnect) for step in remedy_steps)
    assert not any("pg_terminate_backend" in line for step in remedy_steps for line in lines(step))


@pytest.mark.parametrize(
    ("role", "parameter", "literal"),
    [
        ("replica", "replica", "'replica'"),
        ("my role", "'my role'", "'my role'"),
        ("it's", r"'it\'s'", "'it''s'"),
        ("back\\", r"'back\\'", r"E'back\\'"),
        ("it's\\", r"'it\'s\\'", r"E'it''s\\'"),
        ("", "''", "''"),
    ],
)
def test_a_role_is_written_as_libpq_and_sql_read_it(
    role: str, parameter: str, literal: str
) -> None:
    sender = replace(PLAIN, role=role, application_name=role)
    rule = replace(SCRAM, roles=("all",))
    reported = [line for step in judged(sender, rule).remedy for line in lines(step)]
    assert (
        f"user={parameter} sslmode=verify-full sslrootcert=root.crt sslcert=client.crt "
        "sslkey=client.key"
    ) in reported
    assert (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = "
        f"{literal} AND application_name = {literal} AND client_addr = '10.0.0.5';"
    ) in reported


def test_before_16_the_query_for_lines_in_error_has_no_file_names() -> None:
    for version, columns in ((159999, "line_number, error"), (160000, "file_name, line_number, ")):
        poll = replace(POLL, server=replace(SERVER, version_number=version))
        (load,) = (
            s for s in judged(PLAIN, SCRAM, poll=poll).remedy if s.kind == LoadRules(version)
        )
        assert lines(load)[0].startswith(f"SELECT {columns}")
        assert " FROM pg_hba_file_rules WHERE" in lines(load)[0]
