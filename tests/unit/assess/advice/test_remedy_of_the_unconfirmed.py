"""What to do where it is not known what the rules require, or where they would refuse."""

from dataclasses import replace

from exporter.assess.advice.rules_remedy import INSTALL, LOAD_ONCE
from exporter.model.client_steps import CheckName, NameRequirement
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.remedy import Place, Step
from exporter.model.server_steps import LoadRules, NarrowMap, RequireCertificate
from exporter.model.wal_sender import OtherPeer, SlashName, WalSender
from tests.steps import lines
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


def part(page_text: str, begins: str, until: str) -> str:
    return page_text[page_text.index(begins) : page_text.index(until)].rstrip()


# --- rules that are not known


def unknown(state: HbaState) -> str:
    return page(judged_under(STANDBY, known(state=state)).remedy)


def unknown_map(state: HbaState) -> str:
    return page(judged_under(STANDBY, known(rules(MAPPED), ident_state=state)).remedy)


def test_rules_that_are_pending() -> None:
    assert unknown(HbaState.PENDING) == text(
        """
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_rules_that_were_rejected() -> None:
    page_text = unknown(HbaState.REJECTED)
    first, rest = page_text.split("on the server: Load", 1)
    assert first.rstrip() == text(
        """
        on the server: CorrectRules()
        """
    )
    assert "on the server: Load" + rest == unknown(HbaState.PENDING)


def test_maps_that_are_pending() -> None:
    assert unknown_map(HbaState.PENDING) == text(
        """
        on the server: LoadMaps(server_version_number=170005)
        """
    )


def test_maps_that_were_rejected() -> None:
    page_text = unknown_map(HbaState.REJECTED)
    first, rest = page_text.split("on the server: Load", 1)
    assert first.rstrip() == text(
        """
        on the server: CorrectMaps(server_version_number=170005)
        """
    )
    assert "on the server: Load" + rest == unknown_map(HbaState.PENDING)


def test_rules_and_maps_that_are_pending_are_both_checked() -> None:
    both = known(state=HbaState.PENDING, ident_state=HbaState.PENDING)
    page_text = page(judged_under(STANDBY, both).remedy)
    assert page_text == f"{unknown(HbaState.PENDING)}\n{unknown_map(HbaState.PENDING)}"


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
        on the server: NarrowMap(role='replica', unnamed=(), has_others=True)
            | pg_ident.conf /etc/pg_ident.conf line 1
            | - m /.* /new
            | + m replica replica
        on the server: LoadMaps(server_version_number=170005)
        """
    )


def test_every_map_that_cannot_be_decided_is_written_out() -> None:
    near = replace(CERT, address="samenet", netmask=None)
    mapped = replace(near, options=("map=n", "clientcert=verify-full"))
    poll = replace(POLL, ident=maps(mapping("/.*", "/new", "m"), mapping("/.*", "/new", "n")))
    for above, expected in ((mapped, ["n", "m"]), (near, ["m"])):  # from below
        remedy_steps = judged(STANDBY, above, MAPPED, poll=poll).remedy
        given = [lines(step) for step in remedy_steps if isinstance(step.kind, NarrowMap)]
        assert given == [(f"- {n} /.* /new", f"+ {n} replica replica") for n in expected]


def test_a_name_that_is_not_proven() -> None:
    assert steps(replace(NAMELESS, backend_start=STARTED), CERT) == text(
        """
        on the standby or client: CheckName(name=NameRequirement(role='replica', is_whole=False,
          names=('replica',), patterns=(), map_name=None))
        on the server: Reconnect(role='replica', application_name='standby',
          address=IPv4Address('10.0.0.5'))
        """
    )


def test_a_hidden_connection() -> None:
    assert steps(replace(PLAIN, peer=OtherPeer.HIDDEN), CERT) == page([INSTALL])


# --- a session that the rules would not admit like this again


def test_a_rule_that_is_not_decided() -> None:
    assert steps(STANDBY, NEAR, CERT) == text(
        """
        on the server: RequireCertificate(role='replica', database=None, refused=(),
          requests_no_password=True)
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl replication replica 10.0.0.5/32 cert
            | + host replication replica 10.0.0.5/32 reject
            |   hostssl replication replica samenet scram-sha-256
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_rules_that_all_require_a_certificate_become_one_that_requires_the_role_s() -> None:
    near = replace(CHAIN, address="samenet", netmask=None)
    page_text = steps(STANDBY, near, CERT)
    assert page_text.replace(" clientcert=verify-ca", "") == steps(STANDBY, NEAR, CERT)
    assert judged(STANDBY, near, CERT, poll=NOT_ASKING).remedy[1:] == ()


def test_another_name_under_a_rule_that_is_not_decided() -> None:
    remedy_steps = judged(OTHER, NEAR, CERT).remedy
    issue, check, require, *_ = remedy_steps
    assert lines(issue) == ("subject: CN=replica",)
    assert check.kind == CheckName(NameRequirement("replica", is_whole=False, names=("replica",)))
    assert isinstance(require.kind, RequireCertificate)
    # it is terminated only after the rule that accepts it is in place
    assert "pg_terminate_backend" in lines(remedy_steps[-2])[0]


def test_a_session_that_would_be_refused() -> None:
    assert steps(STANDBY, REJECT) == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf /etc/pg_hba.conf line 1
            | + hostssl replication replica 10.0.0.5/32 cert
            |   host replication replica 10.0.0.0/8 reject
        on the server: LoadRules(server_version_number=170005)
        """
    )


def test_a_session_of_another_name_that_would_be_refused_is_not_ended_before_it_is_accepted() -> (
    None
):
    remedy_steps = judged(OTHER, REJECT).remedy
    assert remedy_steps[:2] == judged(STANDBY, REJECT).remedy
    issue, check, reconnect, see = remedy_steps[2:]
    assert lines(issue) == ("subject: CN=replica",)
    assert check.kind == CheckName(NameRequirement("replica", is_whole=False, names=("replica",)))
    assert "pg_terminate_backend" in lines(reconnect)[0]
    assert see.place is Place.EXPORTER


def test_a_session_that_no_rule_matches() -> None:
    page_text = steps(STANDBY)
    first = page_text[: page_text.index("on the server: Load")]
    assert first.rstrip() == text(
        """
        on the server: AcceptClient(role='replica', database=None, is_refused=True, refused=())
            | pg_hba.conf - line None no_rules
            | + hostssl replication replica 10.0.0.5/32 cert
        """
    )


def test_right_rules_on_a_server_without_tls_need_only_the_server() -> None:
    for poll, tls in ((TLS_OFF, "ssl = on"), (NOT_ASKING, "ssl_ca_file = 'root.crt'")):
        for rule in (CERT, CHAIN):
            (step,) = judged(STANDBY, rule, poll=poll).remedy
            assert lines(step)[0] == tls


def test_other_rules_on_a_server_without_tls_are_written_too() -> None:
    remedy_steps = judged(STANDBY, HOSTSSL_SCRAM, poll=TLS_OFF).remedy
    assert [lines(step)[0] for step in remedy_steps] == [
        "ssl = on",
        "- hostssl replication replica 10.0.0.0/8 scram-sha-256",
        lines(Step(Place.SERVER, LoadRules(170000)))[0],
    ]
