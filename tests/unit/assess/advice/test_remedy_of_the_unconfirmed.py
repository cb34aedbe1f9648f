"""What to do where it is not known what the rules demand, or where they would refuse."""

from dataclasses import replace

from exporter.assess.advice.rules_remedy import INSTALL, LOAD_ONCE, check_and_load
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.remedy import Place
from exporter.model.wal_sender import OtherPeer, SlashName, WalSender
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TLS,
    judged,
    judged_under,
    known,
    mapping,
    maps,
    rules,
)
from tests.unit.assess.reading import page, text

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
CHAIN = replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",))
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
ANY_NAME = replace(POLL, ident=maps(mapping("/.*", "replica")))
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


# --- rules that are not known


def unknown(state: HbaState) -> str:
    return page(judged_under(STANDBY, known(state=state)).remedy)


def unknown_map(state: HbaState) -> str:
    return page(judged_under(STANDBY, known(rules(MAPPED), ident_state=state)).remedy)


def test_rules_that_are_pending() -> None:
    assert unknown(HbaState.PENDING) == text(
        """
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_rules_that_were_rejected() -> None:
    told = unknown(HbaState.REJECTED)
    first, rest = told.split("on the server: Make", 1)
    assert first.rstrip() == text(
        """
        on the server: Correct the lines of pg_hba.conf that are in error (explain lists them
          with what to write)
            | pg-replication-cert-exporter explain TARGET
        """
    )
    assert "on the server: Make" + rest == unknown(HbaState.PENDING)


def test_maps_that_are_pending() -> None:
    assert unknown_map(HbaState.PENDING) == text(
        """
        on the server: Make sure that no line of pg_ident.conf is in error (the query must find
          none: a reload with an error keeps all old maps), then load the maps
            | SELECT file_name, line_number, error FROM pg_ident_file_mappings WHERE error IS
            |   NOT NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_maps_that_were_rejected() -> None:
    told = unknown_map(HbaState.REJECTED)
    first, rest = told.split("on the server: Make", 1)
    assert first.rstrip() == text(
        """
        on the server: Correct the lines of pg_ident.conf that are in error, which this query
          lists
            | SELECT file_name, line_number, error FROM pg_ident_file_mappings WHERE error IS
            |   NOT NULL;
        """
    )
    assert "on the server: Make" + rest == unknown_map(HbaState.PENDING)


def test_rules_and_maps_that_are_pending_are_both_checked() -> None:
    both = known(state=HbaState.PENDING, ident_state=HbaState.PENDING)
    told = page(judged_under(STANDBY, both).remedy)
    assert told == f"{unknown(HbaState.PENDING)}\n{unknown_map(HbaState.PENDING)}"


def test_rules_whose_load_was_not_seen() -> None:
    expected = page([INSTALL, LOAD_ONCE])
    assert unknown(HbaState.UNVERIFIED) == expected
    assert unknown_map(HbaState.UNVERIFIED) == expected


def test_rules_or_maps_that_cannot_be_read() -> None:
    assert unknown(HbaState.UNREADABLE) == page([INSTALL])
    assert unknown_map(HbaState.UNREADABLE) == page([INSTALL])


def test_a_map_that_cannot_be_decided_is_written_out() -> None:
    poll = replace(POLL, ident=maps(mapping("/.*", "/new")))
    assert steps(STANDBY, MAPPED, poll=poll) == text(
        """
        on the server: Accept one name only for role replica: replace line 1 of
          /etc/pg_ident.conf (and the lines that continue it, if it ends with a backslash). A
          client that uses this line and is not connected now is refused afterwards unless it
          gets a line of its own: add one for each before you load the file
            | - m /.* /new
            | + m replica replica
        on the server: Make sure that no line of pg_ident.conf is in error (the query must find
          none: a reload with an error keeps all old maps), then load the maps
            | SELECT file_name, line_number, error FROM pg_ident_file_mappings WHERE error IS
            |   NOT NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_every_map_that_cannot_be_decided_is_written_out() -> None:
    near = replace(CERT, address="samenet", netmask=None)
    mapped = replace(near, options=("map=n", "clientcert=verify-full"))
    poll = replace(POLL, ident=maps(mapping("/.*", "/new", "m"), mapping("/.*", "/new", "n")))
    for above, expected in ((mapped, ["n", "m"]), (near, ["m"])):  # from below
        told = judged(STANDBY, above, MAPPED, poll=poll).remedy
        given = [step.lines for step in told if step.action.startswith("Accept one name only")]
        assert given == [(f"- {n} /.* /new", f"+ {n} replica replica") for n in expected]


def test_a_name_that_is_not_proven() -> None:
    assert steps(replace(NAMELESS, backend_start=STARTED), CERT) == text(
        """
        on the standby or client: Check that the common name (CN) of the certificate is replica.
          If it is not, stop: the client is refused when it reconnects; issue a certificate with
          that name first
            | openssl x509 -in client.crt -noout -subject -nameopt RFC2253
        on the server: Force a reconnect: an established connection is never authenticated
          again, and a reload of the standby does not end it where primary_conninfo is unchanged
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )


def test_a_hidden_connection() -> None:
    assert steps(replace(PLAIN, peer=OtherPeer.HIDDEN), CERT) == page([INSTALL])


# --- a session that the rules would not admit like this again


def test_a_rule_that_is_not_decided() -> None:
    assert steps(STANDBY, NEAR, CERT) == text(
        """
        on the server: Require the certificate: insert directly before line 1 of
          /etc/pg_hba.conf. Before you load it, check that every client that logs in as replica
          from these addresses presents a certificate that the line accepts: it refuses all
          others. The line requests no password, which a client may insist on: take
          channel_binding=require and require_auth out of its connection string first, and of a
          subscription whose owner is not a superuser set password_required = false (16 and up;
          a superuser must do that)
            | + hostssl replication replica 10.0.0.5/32 cert
            | + host replication replica 10.0.0.5/32 reject
            |   hostssl replication replica samenet scram-sha-256
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_rules_that_all_demand_a_certificate_are_made_one_that_demands_the_role_s() -> None:
    near = replace(CHAIN, address="samenet", netmask=None)
    told = steps(STANDBY, near, CERT)
    assert told.replace(" clientcert=verify-ca", "") == steps(STANDBY, NEAR, CERT)
    assert judged(STANDBY, near, CERT, poll=NOT_ASKING).remedy[1:] == ()


def test_another_name_under_a_rule_that_is_not_decided() -> None:
    told = judged(OTHER, NEAR, CERT).remedy
    issue, check, require, *_ = told
    assert issue.lines == ("subject: CN=replica",)
    assert check.action.startswith("Check that the common name (CN) of the certificate is replica")
    assert require.action.startswith("Require the certificate")
    # it is ended only after the rule that accepts it stands
    assert "pg_terminate_backend" in told[-2].lines[0]


def test_a_session_that_would_be_refused() -> None:
    assert steps(STANDBY, REJECT) == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          insert directly before line 1 of /etc/pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
            |   host replication replica 10.0.0.0/8 reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_a_session_of_another_name_that_would_be_refused_is_not_ended_before_it_is_accepted() -> (
    None
):
    told = judged(OTHER, REJECT).remedy
    assert told[:2] == judged(STANDBY, REJECT).remedy
    issue, check, reconnect, see = told[2:]
    assert issue.lines == ("subject: CN=replica",)
    assert check.action.startswith("Check that the common name (CN) of the certificate is replica")
    assert "pg_terminate_backend" in reconnect.lines[0]
    assert see.place is Place.EXPORTER


def test_a_session_that_no_rule_matches() -> None:
    told = steps(STANDBY)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Accept the client over TLS with its certificate, which no rule does now:
          write as the first rules of pg_hba.conf
            | + hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_right_rules_on_a_server_without_tls_need_only_the_server() -> None:
    for poll, tls in ((TLS_OFF, "ssl = on"), (NOT_ASKING, "ssl_ca_file = 'root.crt'")):
        for rule in (CERT, CHAIN):
            (step,) = judged(STANDBY, rule, poll=poll).remedy
            assert step.lines[0] == tls


def test_other_rules_on_a_server_without_tls_are_written_too() -> None:
    told = judged(STANDBY, HOSTSSL_SCRAM, poll=TLS_OFF).remedy
    assert [step.lines[0] for step in told] == [
        "ssl = on",
        "- hostssl replication replica 10.0.0.0/8 scram-sha-256",
        check_and_load(170000).lines[0],
    ]
