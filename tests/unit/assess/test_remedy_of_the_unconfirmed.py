"""What to do where it is not known what the rules demand, or where they would refuse."""

from dataclasses import replace

from exporter.assess.rules_remedy import INSTALL, LOAD_ONCE, check_and_load
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
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
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
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
        on the server: Give the role to one name only: in pg_ident.conf, in place of the lines
          of map m that let several names in as replica (the second field is the CN of the
          client's certificate)
            | m  replica  replica
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
    for above, expected in ((mapped, ["n", "m"]), (near, ["m"])):
        told = judged(STANDBY, above, MAPPED, poll=poll).remedy
        given = [step.lines for step in told if step.action.startswith("Give the role")]
        assert given == [(f"{name}  replica  replica",) for name in expected]


def test_a_name_that_is_not_proven() -> None:
    assert steps(replace(NAMELESS, backend_start=STARTED), CERT) == text(
        """
        on the standby or client: See that the certificate's common name (CN) is one that the
          rule lets in as replica; with another it would be locked out by the next step
            | openssl x509 -in client.crt -noout -subject
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
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
        on the server: Demand the certificate: write this before every other rule of
          pg_hba.conf; every client that logs in as replica from there must show its certificate
          then, so see first that all of them do
            | hostssl replication replica 10.0.0.5/32 cert
            | host replication replica 10.0.0.5/32 reject
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_rules_that_all_demand_a_certificate_are_made_one_that_demands_the_role_s() -> None:
    near = replace(CHAIN, address="samenet", netmask=None)
    assert steps(STANDBY, near, CERT) == steps(STANDBY, NEAR, CERT)
    assert judged(STANDBY, near, CERT, poll=NOT_ASKING).remedy[1:] == ()


def test_another_name_under_a_rule_that_is_not_decided() -> None:
    told = steps(OTHER, NEAR, CERT)
    first, rest = told.split("on the server: Demand", 1)
    assert first.rstrip() == text(
        """
        on the standby or client: Put a certificate there whose common name (CN) is replica, or
          plan a map= with a line in pg_ident.conf; else the rule below locks it out (the CN
          shown now is alice)
        on the server: Let the connection begin anew (nothing is checked again while it lasts)
            | SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename =
            |   'replica' AND application_name = 'standby' AND client_addr = '10.0.0.5';
        """
    )
    assert "on the server: Demand" + rest == steps(STANDBY, NEAR, CERT)


def test_a_session_that_would_be_refused() -> None:
    assert steps(STANDBY, REJECT) == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this directly before line 1 of /etc/pg_hba.conf (host replication replica 10.0.0.0/8
          reject)
            | hostssl replication replica 10.0.0.5/32 cert
        on the server: Make sure that no line is in error (the query must find none: a reload
          with an error keeps all old rules, and the next restart fails), then load the rules
            | SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE error IS NOT
            |   NULL OR type IS NULL;
            | SELECT pg_reload_conf();
        """
    )


def test_a_session_of_another_name_that_would_be_refused_is_not_ended() -> None:
    told = steps(OTHER, REJECT)
    first, rest = told.split("on the server: Let it in", 1)
    assert first.rstrip() == text(
        """
        on the standby or client: Put a certificate there whose common name (CN) is replica, or
          plan a map= with a line in pg_ident.conf; else the rule below locks it out (the CN
          shown now is alice)
        """
    )
    assert "on the server: Let it in" + rest == steps(STANDBY, REJECT)


def test_a_session_that_no_rule_matches() -> None:
    told = steps(STANDBY)
    first = told[: told.index("on the server: Make")]
    assert first.rstrip() == text(
        """
        on the server: Let it in over TLS with its certificate, which no rule does now: write
          this before every other rule of pg_hba.conf
            | hostssl replication replica 10.0.0.5/32 cert
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
        "hostssl replication replica 10.0.0.0/8 cert",
        check_and_load(170000).lines[0],
    ]
