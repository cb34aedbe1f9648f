"""What to do where a client shows no certificate: whole remedies, as somebody follows them."""

from dataclasses import replace

import pytest

from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.wal_sender import Activity, ReplicationKind, WalSender
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


def begins(told: str) -> list[str]:
    """Return the first words of each step."""
    return [
        line.partition(": ")[2][:22] for line in told.splitlines() if line[:3] in ("on ", "for")
    ]


def test_a_standby_without_tls_under_a_password_rule_of_its_own() -> None:
    assert steps(PLAIN, SCRAM) == text(
        """
        on the standby or client: Put a client certificate and its key there: signed by an
          authority of the server's ssl_ca_file, common name (CN) replica, the key readable by
          its owner only (chmod 600); and root.crt, the authority of the server's own
          certificate
        on the standby or client: Let it verify the server and show that certificate: in the
          standby's primary_conninfo (postgresql.conf or postgresql.auto.conf). Try it first
          beside the running connection, with psql -c IDENTIFY_SYSTEM and these and
          replication=true (verify-full holds host= against the server's certificate)
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: See that the certificate is shown: the posture is then
          certificate_optional or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Demand the certificate: in place of line 1 of /etc/pg_hba.conf (host
          replication replica 10.0.0.0/8 scram-sha-256) write; every client that logs in as
          replica from there must show its certificate then, so see first that all of them do
            | hostssl replication replica 10.0.0.0/8 cert
            | host replication replica 10.0.0.0/8 reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )


def test_a_subscription_under_a_rule_for_everybody() -> None:
    rule = replace(SCRAM, databases=("all",), roles=("all",), address="all", netmask=None)
    assert steps(LOGICAL, rule) == text(
        """
        on the standby or client: Put a client certificate and its key there: signed by an
          authority of the server's ssl_ca_file, common name (CN) replica, the key readable by
          its owner only (chmod 600); and root.crt, the authority of the server's own
          certificate
        on the standby or client: Let it verify the server and show that certificate: in the
          subscription's connection string (ALTER SUBSCRIPTION ... CONNECTION '...'). Try it
          first beside the running connection, with psql -c IDENTIFY_SYSTEM and these and
          replication=database (verify-full holds host= against the server's certificate)
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'shop''s sub' AND client_addr = '10.0.0.5';
        for the exporter: See that the certificate is shown: the posture is then
          certificate_optional or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Demand the certificate: directly before line 1 of /etc/pg_hba.conf (host
          all all all scram-sha-256) write; every client that logs in as replica from there must
          show its certificate then, so see first that all of them do
            | hostssl shop replica all cert
            | host shop replica all reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'shop''s sub' AND client_addr = '10.0.0.5';
        """
    )


def test_a_server_without_tls() -> None:
    told = steps(PLAIN, SCRAM, poll=TLS_OFF)
    first, rest = told.split("on the standby or client", 1)
    assert first.rstrip() == text(
        """
        on the server: Let the server ask for certificates: in postgresql.conf (with server.crt
          and server.key in place). It refuses nobody by this but clients that show a
          certificate of another authority
            | ssl = on
            | ssl_ca_file = 'root.crt'
            | SELECT pg_reload_conf();
        """
    )
    assert "on the standby or client" + rest == steps(PLAIN, SCRAM)


def test_a_server_that_asks_nobody_for_a_certificate() -> None:
    told = steps(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=NOT_ASKING)
    first, rest = told.split("on the standby or client", 1)
    assert first.rstrip() == text(
        """
        on the server: Let the server ask for certificates: in postgresql.conf (with server.crt
          and server.key in place). It refuses nobody by this but clients that show a
          certificate of another authority
            | ssl_ca_file = 'root.crt'
            | SELECT pg_reload_conf();
        """
    )
    assert "on the standby or client" + rest == steps(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM)


def test_a_client_that_the_rules_demand_a_certificate_of_already() -> None:
    assert steps(WITHOUT_CERTIFICATE, CERT) == text(
        """
        on the standby or client: Put a client certificate and its key there: signed by an
          authority of the server's ssl_ca_file, common name (CN) replica, the key readable by
          its owner only (chmod 600); and root.crt, the authority of the server's own
          certificate
        on the standby or client: Let it verify the server and show that certificate: in the
          standby's primary_conninfo (postgresql.conf or postgresql.auto.conf). Try it first
          beside the running connection, with psql -c IDENTIFY_SYSTEM and these and
          replication=true (verify-full holds host= against the server's certificate)
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: See that the certificate is shown: the posture is then
          certificate_optional or better
            | pg-replication-cert-exporter explain TARGET
        """
    )


def test_a_client_whose_rule_over_tls_demands_the_certificate_already() -> None:
    told = steps(PLAIN, CERT, SCRAM)
    last = told[told.index("on the server: Over TLS") :]
    assert last == text(
        """
        on the server: Over TLS a certificate is demanded already. Refuse what comes without:
          directly before line 2 of /etc/pg_hba.conf (host replication replica 10.0.0.0/8
          scram-sha-256) write; every client that logs in as replica from there must use TLS
          then, so see first that all of them do
            | hostnossl replication replica 10.0.0.0/8 reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )


def test_a_client_that_would_be_refused_over_tls() -> None:
    assert steps(PLAIN, HOSTNOSSL_SCRAM) == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this directly before line 1 of /etc/pg_hba.conf (hostnossl replication replica
          10.0.0.0/8 scram-sha-256)
            | hostssl replication replica 10.0.0.5/32 cert
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        on the standby or client: Put a client certificate and its key there: signed by an
          authority of the server's ssl_ca_file, common name (CN) replica, the key readable by
          its owner only (chmod 600); and root.crt, the authority of the server's own
          certificate
        on the standby or client: Let it verify the server and show that certificate: in the
          standby's primary_conninfo (postgresql.conf or postgresql.auto.conf). Try it first
          beside the running connection, with psql -c IDENTIFY_SYSTEM and these and
          replication=true (verify-full holds host= against the server's certificate)
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: See that the certificate is shown: the posture is then
          certificate_optional or better
            | pg-replication-cert-exporter explain TARGET
        """
    )


def test_a_client_that_no_rule_lets_in_any_more() -> None:
    told = steps(PLAIN)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this before every other rule of pg_hba.conf
            | hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_a_client_that_a_rule_above_refuses_over_tls() -> None:
    told = steps(PLAIN, replace(REJECT, connection_type=ConnectionType.HOSTSSL), SCRAM)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this directly before line 1 of /etc/pg_hba.conf (hostssl replication replica
          10.0.0.0/8 reject)
            | hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_a_client_that_came_with_a_kerberos_ticket_leaves_gssapi_for_tls() -> None:
    gss = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
    assert steps(replace(PLAIN, gss_encrypted=True), gss) == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this directly before line 1 of /etc/pg_hba.conf (hostgssenc replication replica
          10.0.0.0/8 gss)
            | hostssl replication replica 10.0.0.5/32 cert
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        on the standby or client: Put a client certificate and its key there: signed by an
          authority of the server's ssl_ca_file, common name (CN) replica, the key readable by
          its owner only (chmod 600); and root.crt, the authority of the server's own
          certificate
        on the standby or client: Let it verify the server and show that certificate: in the
          standby's primary_conninfo (postgresql.conf or postgresql.auto.conf). Try it first
          beside the running connection, with psql -c IDENTIFY_SYSTEM and these and
          replication=true (verify-full holds host= against the server's certificate)
            | user=replica gssencmode=disable sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: See that the certificate is shown: the posture is then
          certificate_optional or better
            | pg-replication-cert-exporter explain TARGET
        """
    )


def test_a_client_under_rules_that_are_not_decided() -> None:
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    told = page(judged_under(PLAIN, both).remedy)
    demand = told[told.index("on the server: Demand") : told.index("on the server: Make")]
    assert demand.rstrip() == text(
        """
        on the server: Demand the certificate: write this before every other rule of
          pg_hba.conf; every client that logs in as replica from there must show its certificate
          then, so see first that all of them do
            | hostssl replication replica 10.0.0.5/32 cert
            | host replication replica 10.0.0.5/32 reject
        """
    )
    assert begins(told) == begins(steps(PLAIN, SCRAM))


def test_a_client_under_rules_that_cannot_be_read() -> None:
    unread = page(judged_under(PLAIN, known(state=HbaState.UNREADABLE)).remedy)
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    assert unread == page(judged_under(PLAIN, both).remedy)


def test_a_backup_is_waited_for() -> None:
    backup = replace(WITHOUT_CERTIFICATE, activity=Activity.BACKUP)
    told = steps(backup, CERT)
    assert "\non the standby or client: Let this backup end; the next one begins anew\n" in told
    assert "pg_terminate_backend" not in told


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
    told = [line for step in judged(sender).remedy for line in step.lines]
    assert (
        f"user={parameter} sslmode=verify-full sslrootcert=root.crt sslcert=client.crt "
        "sslkey=client.key"
    ) in told
    assert (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = "
        f"{literal} AND application_name = {literal} AND client_addr = '10.0.0.5';"
    ) in told


def test_before_16_the_query_for_lines_in_error_has_no_file_names() -> None:
    server = replace(SERVER, version_number=159999)
    told = steps(PLAIN, SCRAM, poll=replace(POLL, server=server))
    assert "| SELECT line_number, error FROM pg_hba_file_rules WHERE" in told
    since = steps(PLAIN, SCRAM, poll=replace(POLL, server=replace(SERVER, version_number=160000)))
    assert "| SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE" in since
