"""What to do where a client shows a certificate: whole remedies, as somebody follows them."""

from dataclasses import replace

from exporter.model.hba import ConnectionType, HbaRule, LineTraits, RuleLocation
from exporter.model.observation import Observation
from exporter.model.wal_sender import OtherPeer, SlashName, WalSender
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


def part(told: str, begins: str, until: str) -> str:
    return told[told.index(begins) : told.index(until)].rstrip()


def test_what_is_best_needs_nothing() -> None:
    local = replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    assert steps(STANDBY, CERT) == ""
    assert steps(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), local) == ""


def test_a_certificate_that_is_not_demanded() -> None:
    assert steps(STANDBY, HOSTSSL_SCRAM) == text(
        """
        on the server: Require the certificate: replace line 1 of /etc/pg_hba.conf. Before you
          load it, check that every client that logs in as replica from these addresses presents
          a certificate that the line accepts: it refuses all others. The line requests no
          password, which a client may insist on: take channel_binding=require and require_auth
          out of its connection string first, and of a subscription whose owner is not a
          superuser set password_required = false (16 and up; a superuser must do that)
            | - hostssl replication replica 10.0.0.0/8 scram-sha-256
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


def test_a_certificate_that_is_not_demanded_of_a_server_that_asks_nobody_any_more() -> None:
    told = steps(STANDBY, HOSTSSL_SCRAM, poll=NOT_ASKING)
    first, rest = told.split("on the server: Require", 1)
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
    assert "on the server: Require" + rest == steps(STANDBY, HOSTSSL_SCRAM)


def test_a_certificate_of_another_name_is_replaced_before_the_role_s_is_demanded() -> None:
    told = steps(OTHER, HOSTSSL_SCRAM)
    first, rest = told.split("on the server: Require", 1)
    assert first.rstrip() == text(
        """
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica (its CN is alice now), signed by a CA in the server's
          ssl_ca_file, and put it and its key in place of those that the client uses, at the
          same paths. Without it, the client is refused after the following steps
            | subject: CN=replica
        on the standby or client: Check that the common name (CN) of the certificate is replica.
          If it is not, stop: the client is refused when it reconnects; issue a certificate with
          that name first
            | openssl x509 -in client.crt -noout -subject -nameopt RFC2253
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        """
    )
    assert "on the server: Require" + rest == steps(STANDBY, HOSTSSL_SCRAM)


def test_a_certificate_whose_name_cannot_be_told() -> None:
    told = steps(NAMELESS, HOSTSSL_SCRAM)
    first = told[: told.index("on the server: Require")]
    assert first.rstrip() == text(
        """
        on the standby or client: Check that the common name (CN) of the certificate is replica.
          If it is not, stop: the client is refused when it reconnects; issue a certificate with
          that name first
            | openssl x509 -in client.crt -noout -subject -nameopt RFC2253
        """
    )


def test_a_rule_that_checks_the_chain_only_keeps_its_method() -> None:
    told = steps(STANDBY, replace(CHAIN, options=("clientcert=verify-ca", "x=a b")))
    demand = part(told, "on the server: Require", "on the server: Make")
    assert demand == text(
        """
        on the server: Require the certificate: replace line 1 of /etc/pg_hba.conf. Before you
          load it, check that every client that logs in as replica from these addresses presents
          a certificate that the line accepts: it refuses all others
            | - hostssl replication replica 10.0.0.0/8 scram-sha-256 clientcert=verify-ca "x=a
            |   b"
            | + hostssl replication replica 10.0.0.0/8 scram-sha-256 "x=a b"
            |   clientcert=verify-full
            | + host replication replica 10.0.0.0/8 reject
        """
    )
    assert told.startswith(demand)


def test_under_a_password_no_map_can_give_the_role_to_another_name() -> None:
    told = steps(OTHER, CHAIN)
    first = told[: told.index("on the server: Require")]
    assert first.rstrip() == text(
        """
        on the standby or client: Issue a client certificate with the common name (CN) replica,
          accepted for role replica (its CN is alice now), signed by a CA in the server's
          ssl_ca_file, and put it and its key in place of those that the client uses, at the
          same paths. Without it, the client is refused after the following steps
            | subject: CN=replica
        on the standby or client: Check that the common name (CN) of the certificate is replica.
          If it is not, stop: the client is refused when it reconnects; issue a certificate with
          that name first
            | openssl x509 -in client.crt -noout -subject -nameopt RFC2253
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        for the exporter: Check that the certificate is presented: the posture is now
          certificate_unconfirmed or better
            | pg-replication-cert-exporter explain TARGET
        """
    )


def test_trust_that_checks_the_chain_only_becomes_cert() -> None:
    told = steps(OTHER, replace(CHAIN, auth_method="trust"))
    demand = part(told, "on the server: Require", "on the server: Make")
    assert demand == text(
        """
        on the server: Require the certificate: replace line 1 of /etc/pg_hba.conf. Before you
          load it, check that every client that logs in as replica from these addresses presents
          a certificate that the line accepts: it refuses all others. The line requests no
          password, which a client may insist on: take channel_binding=require and require_auth
          out of its connection string first, and of a subscription whose owner is not a
          superuser set password_required = false (16 and up; a superuser must do that)
            | - hostssl replication replica 10.0.0.0/8 trust clientcert=verify-ca
            | + hostssl replication replica 10.0.0.0/8 cert
            | + host replication replica 10.0.0.0/8 reject
        """
    )
    assert told.startswith(part(steps(OTHER, HOSTSSL_SCRAM), "on", "on the server: Require"))


def test_a_map_that_lets_several_names_in_keeps_the_name_that_is_shown() -> None:
    assert steps(OTHER, MAPPED, poll=ANY_NAME) == text(
        """
        on the server: Accept one name only for role replica: replace line 1 of
          /etc/pg_ident.conf (and the lines that continue it, if it ends with a backslash). A
          client that uses this line and is not connected now is refused afterwards unless it
          gets a line of its own: add one for each before you load the file
            | - m /.* replica
            | + m alice replica
        on the server: Make sure that no line of pg_ident.conf is in error (the query must find
          none: a reload with an error keeps all old maps), then load the maps
            | SELECT file_name, line_number, error FROM pg_ident_file_mappings WHERE error IS
            |   NOT NULL;
            | SELECT pg_reload_conf();
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )


def test_a_map_without_a_name_to_keep() -> None:
    told = steps(NAMELESS, MAPPED, poll=ANY_NAME)
    assert "| + m NAME_OF_ITS_CERTIFICATE replica" in told


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
    told = steps(OTHER, MAPPED, poll=poll)
    assert told[: told.index("on the server: Make")].rstrip() == text(
        """
        on the server: Accept one name only for role replica: replace line 1 of
          /etc/pg_ident.conf (and the lines that continue it, if it ends with a backslash). A
          client that uses this line and is not connected now is refused afterwards unless it
          gets a line of its own: add one for each before you load the file
            | - m /.* replica
            | + m "CN=alice,O=Lab" replica
        """
    )
    assert "| + m NAME_OF_ITS_CERTIFICATE replica" in steps(NAMELESS, MAPPED, poll=poll)
    elsewhere = replace(WITH_CLIENTNAME, location=RuleLocation(HBA, 2))
    told = steps(OTHER, MAPPED, poll=replace(poll, hba_lines=(elsewhere,)))
    assert "| + m alice replica" in told


def test_a_map_that_may_be_of_whole_names_says_so() -> None:
    in_force = known(rules(MAPPED), maps=(ANY,))
    told = page(judged_under(OTHER, unread(in_force)).remedy)
    assert told[: told.index("on the server: Make")].rstrip() == text(
        """
        on the server: Accept one name only for role replica: replace line 1 of
          /etc/pg_ident.conf (and the lines that continue it, if it ends with a backslash). A
          client that uses this line and is not connected now is refused afterwards unless it
          gets a line of its own: add one for each before you load the file. The name by which
          these clients use the line cannot be determined from here; write their lines too:
          standby (role replica, 10.0.0.5, certificate alice)
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
        told = judged(showing("/CN=/a.b", role="/x"), rule, poll=poll).remedy[0]
        assert told.edit is not None
        assert told.edit.new == (rf'"my ""m""" /^/a\.b$ {written}',)


def test_before_15_maps_are_checked_by_the_shipped_function() -> None:
    for version, expected in (
        (149999, "line_number, error FROM replication_cert_exporter.ident_mappings()"),
        (150000, "line_number, error FROM pg_ident_file_mappings"),
        (159999, "line_number, error FROM pg_ident_file_mappings"),
        (160000, "file_name, line_number, error FROM pg_ident_file_mappings"),
    ):
        poll = replace(ANY_NAME, server=replace(SERVER, version_number=version))
        check = judged(OTHER, MAPPED, poll=poll).remedy[1]
        assert check.lines[0] == f"SELECT {expected} WHERE error IS NOT NULL;"


def test_tls_that_is_too_old() -> None:
    assert steps(replace(STANDBY, tls=replace(TLS, version="TLSv1.1")), CERT) == text(
        """
        on the standby or client: Use a libpq and OpenSSL that support TLSv1.2, and remove
          ssl_max_protocol_version where it is lower, on the client and on the server
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        on the server: Check that no connection uses a version older than TLSv1.2. The query
          must find none, of applications neither: the following step refuses them all
            | SELECT usename, application_name, client_addr, version FROM pg_stat_ssl JOIN
            |   pg_stat_activity USING (pid) WHERE ssl AND version < 'TLSv1.2';
        on the server: Once no connection uses an older version, require TLSv1.2: set this in
          postgresql.conf and reload
            | ssl_min_protocol_version = 'TLSv1.2'
            | SELECT pg_reload_conf();
        """
    )


def test_tls_that_is_too_old_comes_after_what_the_certificate_needs() -> None:
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.1"))
    assert steps(old, HOSTSSL_SCRAM) == "\n".join([steps(STANDBY, HOSTSSL_SCRAM), steps(old, CERT)])
