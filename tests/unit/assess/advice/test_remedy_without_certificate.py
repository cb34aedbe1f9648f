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
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica, signed by a CA in the server's ssl_ca_file. Put it, its key
          (readable by its owner only: chmod 600) and root.crt (the CA of the server's
          certificate) on the client. Do not change the running connection yet
            | subject: CN=replica
        on the standby or client: Try it beside the running connection, as the operating system
          user of the client, with the full paths of the files and the other parameters that the
          client has already. HOST is the host name of this server that it uses; verify-full
          compares it with the server's certificate. Go on only if it prints a row
            | psql 'host=HOST port=PORT user=replica sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key replication=true' -c IDENTIFY_SYSTEM
        on the standby or client: Add these to primary_conninfo of the standby, then reload the
          standby: its WAL receiver reconnects at once with them. A client that is not a standby
          (pg_receivewal, a backup program) has its own connection string: set them there and
          restart it
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
            | SELECT pg_reload_conf();
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Require the certificate: replace line 1 of /etc/pg_hba.conf. Before you
          load it, check that every client that logs in as replica from these addresses presents
          a certificate that the line accepts: it refuses all others. The line requests no
          password, which a client may insist on: take channel_binding=require and require_auth
          out of its connection string first, and of a subscription whose owner is not a
          superuser set password_required = false (16 and up; a superuser must do that)
            | - host replication replica 10.0.0.0/8 scram-sha-256
            | + hostssl replication replica 10.0.0.0/8 cert
            | + host replication replica 10.0.0.0/8 reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )


def test_a_subscription_under_a_rule_for_everybody() -> None:
    rule = replace(SCRAM, databases=("all",), roles=("all",), address="all", netmask=None)
    assert steps(LOGICAL, rule) == text(
        """
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica, signed by a CA in the server's ssl_ca_file. Put it, its key
          (readable by its owner only: chmod 600) and root.crt (the CA of the server's
          certificate) on the client. Do not change the running connection yet
            | subject: CN=replica
        on the standby or client: Try it beside the running connection, as the operating system
          user of the client, with the full paths of the files and the other parameters that the
          client has already. HOST is the host name of this server that it uses; verify-full
          compares it with the server's certificate. Go on only if it prints a row
            | psql 'host=HOST port=PORT user=replica sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key dbname=shop replication=database' -c
            |   IDENTIFY_SYSTEM
        on the standby or client: Set these in the connection string of the subscription (ALTER
          SUBSCRIPTION ... CONNECTION '...', with the parameters that it has already). Its
          workers reconnect by themselves. If its owner is not a superuser, a superuser first
          sets password_required = false (16 and up): a rule with method cert requests no
          password. A client that is not a subscription has its own connection string: set them
          there and restart it
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Require the certificate: insert directly before line 1 of
          /etc/pg_hba.conf. Before you load it, check that every client that logs in as replica
          to database shop from these addresses, for replication or not, presents a certificate
          that the line accepts: it refuses all others. The line requests no password, which a
          client may insist on: take channel_binding=require and require_auth out of its
          connection string first, and of a subscription whose owner is not a superuser set
          password_required = false (16 and up; a superuser must do that)
            | + hostssl shop replica all cert
            | + host shop replica all reject
            |   host all all all scram-sha-256
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'shop''s sub' AND client_addr = '10.0.0.5';
        """
    )


def test_a_server_without_tls() -> None:
    told = steps(PLAIN, SCRAM, poll=TLS_OFF)
    first, rest = told.split("on the standby or client", 1)
    assert first.rstrip() == text(
        """
        on the server: Let the server request client certificates: set these in postgresql.conf
          (server.crt and server.key must be in place) and reload. root.crt holds the
          certificate authority (CA) of the client certificates. From then on a client that
          presents a certificate of another CA is refused; a client without a certificate is not
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
        on the server: Let the server request client certificates: set these in postgresql.conf
          (server.crt and server.key must be in place) and reload. root.crt holds the
          certificate authority (CA) of the client certificates. From then on a client that
          presents a certificate of another CA is refused; a client without a certificate is not
            | ssl_ca_file = 'root.crt'
            | SELECT pg_reload_conf();
        """
    )
    assert "on the standby or client" + rest == steps(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM)


def test_a_client_that_the_rules_demand_a_certificate_of_already() -> None:
    assert steps(WITHOUT_CERTIFICATE, CERT) == text(
        """
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica, signed by a CA in the server's ssl_ca_file. Put it, its key
          (readable by its owner only: chmod 600) and root.crt (the CA of the server's
          certificate) on the client. Do not change the running connection yet
            | subject: CN=replica
        on the standby or client: Try it beside the running connection, as the operating system
          user of the client, with the full paths of the files and the other parameters that the
          client has already. HOST is the host name of this server that it uses; verify-full
          compares it with the server's certificate. Go on only if it prints a row
            | psql 'host=HOST port=PORT user=replica sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key replication=true' -c IDENTIFY_SYSTEM
        on the standby or client: Add these to primary_conninfo of the standby, then reload the
          standby: its WAL receiver reconnects at once with them. A client that is not a standby
          (pg_receivewal, a backup program) has its own connection string: set them there and
          restart it
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
            | SELECT pg_reload_conf();
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        """
    )


def test_a_client_whose_rule_over_tls_demands_the_certificate_already() -> None:
    told = steps(PLAIN, CERT, SCRAM)
    last = told[told.index("on the server: Refuse this role") :]
    assert last == text(
        """
        on the server: Refuse this role without TLS, which another rule still accepts without a
          certificate: insert directly before line 2 of /etc/pg_hba.conf. Before you load it,
          check that every client that logs in as replica from these addresses uses TLS: it
          refuses all others
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   host replication replica 10.0.0.0/8 scram-sha-256
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_a_client_that_would_be_refused_over_tls() -> None:
    assert steps(PLAIN, HOSTNOSSL_SCRAM) == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          insert directly before line 1 of /etc/pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostnossl replication replica 10.0.0.0/8 scram-sha-256
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica, signed by a CA in the server's ssl_ca_file. Put it, its key
          (readable by its owner only: chmod 600) and root.crt (the CA of the server's
          certificate) on the client. Do not change the running connection yet
            | subject: CN=replica
        on the standby or client: Try it beside the running connection, as the operating system
          user of the client, with the full paths of the files and the other parameters that the
          client has already. HOST is the host name of this server that it uses; verify-full
          compares it with the server's certificate. Go on only if it prints a row
            | psql 'host=HOST port=PORT user=replica sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key replication=true' -c IDENTIFY_SYSTEM
        on the standby or client: Add these to primary_conninfo of the standby, then reload the
          standby: its WAL receiver reconnects at once with them. A client that is not a standby
          (pg_receivewal, a backup program) has its own connection string: set them there and
          restart it
            | user=replica sslmode=verify-full sslrootcert=root.crt sslcert=client.crt
            |   sslkey=client.key
            | SELECT pg_reload_conf();
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Refuse this role without TLS, which another rule still accepts without a
          certificate: insert directly before line 2 of /etc/pg_hba.conf. Before you load it,
          check that every client that logs in as replica from these addresses uses TLS: it
          refuses all others
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   hostnossl replication replica 10.0.0.0/8 scram-sha-256
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_a_client_that_no_rule_lets_in_any_more() -> None:
    told = steps(PLAIN)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          write as the first rules of pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_a_client_that_a_rule_above_refuses_over_tls() -> None:
    told = steps(PLAIN, replace(REJECT, connection_type=ConnectionType.HOSTSSL), SCRAM)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          insert directly before line 1 of /etc/pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostssl replication replica 10.0.0.0/8 reject
        """
    )


def test_a_client_that_came_with_a_kerberos_ticket_leaves_gssapi_for_tls() -> None:
    gss = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
    assert steps(replace(PLAIN, gss_encrypted=True), gss) == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          insert directly before line 1 of /etc/pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
            |   hostgssenc replication replica 10.0.0.0/8 gss
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica, signed by a CA in the server's ssl_ca_file. Put it, its key
          (readable by its owner only: chmod 600) and root.crt (the CA of the server's
          certificate) on the client. Do not change the running connection yet
            | subject: CN=replica
        on the standby or client: Try it beside the running connection, as the operating system
          user of the client, with the full paths of the files and the other parameters that the
          client has already. HOST is the host name of this server that it uses; verify-full
          compares it with the server's certificate. Go on only if it prints a row
            | psql 'host=HOST port=PORT user=replica gssencmode=disable sslmode=verify-full
            |   sslrootcert=root.crt sslcert=client.crt sslkey=client.key replication=true' -c
            |   IDENTIFY_SYSTEM
        on the standby or client: Add these to primary_conninfo of the standby, then reload the
          standby: its WAL receiver reconnects at once with them. A client that is not a standby
          (pg_receivewal, a backup program) has its own connection string: set them there and
          restart it
            | user=replica gssencmode=disable sslmode=verify-full sslrootcert=root.crt
            |   sslcert=client.crt sslkey=client.key
            | SELECT pg_reload_conf();
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        on the server: Refuse this role without TLS, which another rule still accepts without a
          certificate: insert directly before line 2 of /etc/pg_hba.conf. Before you load it,
          check that every client that logs in as replica from these addresses uses TLS: it
          refuses all others
            | + hostnossl replication replica 10.0.0.0/8 reject
            |   hostgssenc replication replica 10.0.0.0/8 gss
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_a_client_under_rules_that_are_not_decided() -> None:
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    told = page(judged_under(PLAIN, both).remedy)
    demand = told[told.index("on the server: Require") : told.index("on the server: Make")]
    assert demand.rstrip() == text(
        """
        on the server: Require the certificate: insert directly before line 1 of
          /etc/pg_hba.conf. Before you load it, check that every client that logs in as replica
          from these addresses presents a certificate that the line accepts: it refuses all
          others. The line requests no password, which a client may insist on: take
          channel_binding=require and require_auth out of its connection string first, and of a
          subscription whose owner is not a superuser set password_required = false (16 and up;
          a superuser must do that). The line numbers are those of the content in force;
          pg_hba.conf on disk may have been changed since, so look for the line itself
            | + hostssl replication replica 10.0.0.5/32 cert
            | + host replication replica 10.0.0.5/32 reject
            |   host replication replica 10.0.0.0/8 scram-sha-256
        """
    )
    assert begins(told) == begins(steps(PLAIN, SCRAM))


def test_a_client_under_rules_that_cannot_be_read() -> None:
    unread = page(judged_under(PLAIN, known(state=HbaState.UNREADABLE)).remedy)
    both = known(rules(SCRAM), rules(TRUST), state=HbaState.PENDING)
    assert begins(unread) == begins(page(judged_under(PLAIN, both).remedy))
    assert "write as the first rules of" in " ".join(unread.split())


def test_a_backup_is_waited_for() -> None:
    backup = replace(WITHOUT_CERTIFICATE, activity=Activity.BACKUP)
    told = judged(backup, HOSTSSL_SCRAM).remedy
    assert "Wait for this backup to end; the next one reconnects" in [s.action for s in told]
    assert not any("pg_terminate_backend" in line for step in told for line in step.lines)


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
    told = [line for step in judged(sender, rule).remedy for line in step.lines]
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
