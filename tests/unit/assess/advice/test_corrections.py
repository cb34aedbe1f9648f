"""Verdicts that a DBA could have proved wrong, one fact each."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.assess.rules.demand import demands
from exporter.assess.rules.identity import binds, certificate_name, gives, proves
from exporter.assess.rules.load_state import follow, in_force
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.hba import ConnectionType, ErrorLine, HbaContent, RuleLocation
from exporter.model.history import FileHistory
from exporter.model.judgement import Demand, Forecast, HbaState, Posture, Reason, Verdict
from exporter.model.policy import Exemption, Policy
from exporter.model.report import Undecided
from exporter.model.rule_text import literal, rule_text
from exporter.model.wal_sender import OtherPeer, SlashName
from tests.unit.assess.facts import (
    CERT,
    HBA,
    LOADED,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TRUST,
    at,
    judged,
    mapping,
    rules,
)
from tests.unit.assess.remedies import added, lines

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
NEW = Surroundings(180000, frozenset({"replica"}), {})
OLD = replace(NEW, server_version_number=150000)
HOUR = timedelta(hours=1)


# --- a server that no longer does what admitted the session


def test_a_tls_session_older_than_tls_turned_off_is_not_secure() -> None:
    poll = replace(
        POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
    )
    connection = judged(STANDBY, CERT, poll=poll)
    assert (connection.posture, connection.verdict) == (
        Posture.CERTIFICATE_UNCONFIRMED,
        Verdict.UNKNOWN,
    )
    assert connection.reasons == (Reason.SERVER_TLS_OFF, Reason.RULES_WOULD_REFUSE)
    assert connection.forecast is Forecast.REFUSED
    assert "ssl = on" in lines(connection.remedy)
    assert added(connection.remedy) == []


def test_a_certificate_that_no_client_is_asked_for_any_more_is_not_required() -> None:
    poll = replace(POLL, server=replace(SERVER, requests_client_certificate=False))
    connection = judged(STANDBY, CERT, poll=poll)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.reasons == (Reason.SERVER_REQUESTS_NO_CERTIFICATE, Reason.RULES_WOULD_REFUSE)
    assert connection.forecast is Forecast.REFUSED


def test_a_hidden_connection_is_matched_to_no_rule() -> None:
    local = replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    connection = judged(replace(PLAIN, peer=OtherPeer.HIDDEN), local)
    assert isinstance(connection.rule_match, Undecided)
    assert connection.rule_match.candidates == ()
    assert connection.forecast is Forecast.UNKNOWN
    assert connection.reasons == (Reason.STATISTICS_HIDDEN,)


def test_two_rules_that_may_govern_and_have_no_reason_in_common_are_undecided() -> None:
    may = replace(TRUST, connection_type=ConnectionType.HOSTSSL, address="samenet", netmask=None)
    connection = judged(STANDBY, may, HOSTSSL_SCRAM)
    assert connection.posture is Posture.CERTIFICATE_OPTIONAL
    assert connection.reasons == (Reason.RULE_UNDECIDED,)


def test_an_exemption_by_application_name_alone_covers_nothing() -> None:
    exemption = Exemption("x", "y", None, application_names=frozenset({"standby"}))
    connection = judged(PLAIN, SCRAM, policy=Policy(exempt_loopback=False, exemptions=(exemption,)))
    assert connection.verdict is Verdict.INSECURE


# --- maps and names


def test_an_empty_map_name_is_not_a_map() -> None:
    rule = replace(CERT, options=("map=", "clientcert=verify-full"))
    assert demands(rule, "replica", (), NEW) == {Demand.CERTIFICATE}


@pytest.mark.parametrize(
    ("around", "given", "expected"),
    [
        (NEW, r"\1", Truth.YES),
        (NEW, r"rep\1", Truth.YES),
        (NEW, r"x\1", Truth.NO),
        (NEW, r"+\1", Truth.NO),
        (NEW, r"/\1", Truth.MAY),
        (OLD, r"/\1", Truth.NO),
        (NEW, "all", Truth.YES),
        (OLD, "all", Truth.NO),
    ],
)
def test_a_back_reference_is_not_replaced_in_what_has_a_meaning_of_its_own(
    around: Surroundings, given: str, expected: Truth
) -> None:
    assert gives(mapping("/^(.*)$", given), "replica", around) is expected


def test_a_part_of_the_role_from_the_one_group_binds_one_name() -> None:
    line = mapping(r"/^(.*)@example\.com$", r"rep\1")
    assert binds(line, "replica")
    assert proves(line, "lica@example.com", "replica")
    assert not proves(line, "other@example.com", "replica")


def test_a_line_break_at_the_end_of_a_name_is_part_of_it() -> None:
    name = certificate_name(SlashName(r"/CN=replica\0A", may_be_cut=False))
    assert name == "replica\n"
    assert not proves(mapping("/^(.*)$", r"\1"), name, "replica")
    assert certificate_name(SlashName(r"/CN=a\,b", may_be_cut=False)) == "a,b"


# --- what is loaded

A, B = rules(CERT), rules(TRUST)
BROKEN = HbaContent((), (ErrorLine(RuleLocation(HBA, 1), "x", blocks_loading=True),), "broken")
Poll = tuple[HbaContent, datetime, datetime | None]


def states(*polls: Poll) -> tuple[list[HbaState], tuple[HbaContent, ...]]:
    history: FileHistory[HbaContent] = FileHistory()
    reported: list[HbaState] = []
    loaded = LOADED
    for content, loaded, newest in polls:
        state, history = follow(
            history, content, loaded_at=loaded, started_at=STARTED, newest=newest
        )
        reported.append(state)
    return reported, in_force(history, reported[-1], loaded_at=loaded)


@pytest.mark.parametrize("newest", [STARTED, LOADED, None])
def test_what_appears_under_the_same_load_time_is_not_loaded_whatever_its_times(
    newest: datetime | None,
) -> None:
    hba_states, candidates = states(
        (A, LOADED, STARTED), (B, LOADED, newest), (B, LOADED, newest), (A, LOADED, newest)
    )
    assert hba_states == [HbaState.LOADED, HbaState.PENDING, HbaState.PENDING, HbaState.LOADED]
    assert candidates == (A,)


def test_what_appears_broken_under_the_same_load_time_was_not_rejected_yet() -> None:
    hba_states, candidates = states(
        (A, LOADED, STARTED), (BROKEN, LOADED, LOADED), (BROKEN, LOADED + HOUR, LOADED)
    )
    assert hba_states == [HbaState.LOADED, HbaState.PENDING, HbaState.REJECTED]
    assert candidates == (A,)


def test_without_file_times_an_unseen_order_of_edit_and_reload_stays_unverified() -> None:
    hba_states, candidates = states(
        (A, LOADED, STARTED),
        (BROKEN, LOADED + HOUR, None),
        (BROKEN, LOADED + HOUR, None),
        (BROKEN, LOADED + 2 * HOUR, None),
    )
    assert hba_states == [
        HbaState.LOADED,
        HbaState.UNVERIFIED,
        HbaState.UNVERIFIED,
        HbaState.REJECTED,
    ]
    assert candidates == (A,)


def test_a_reload_that_postgresql_conf_s_syntax_error_hides_leaves_both_contents_possible() -> None:
    # the load time stays, and pg_hba.conf is loaded all the same
    hba_states, candidates = states((A, LOADED, STARTED), (B, LOADED, LOADED + HOUR))
    assert hba_states[-1] is HbaState.PENDING
    assert candidates == (A, B)


# --- what is written


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("/x.y", 160000, r"/^/x\.y$"),
        ("/x.y", 159999, '"/x.y"'),
        ("a\nhost all all 0.0.0.0/0 trust", 180000, None),
        ("a\r", 130000, None),
    ],
)
def test_a_name_that_no_line_can_hold_is_an_expression(
    name: str, version: int, expected: str | None
) -> None:
    text = literal(name, version)
    assert "\n" not in text
    assert "\r" not in text
    if expected is not None:
        assert text == expected


def test_a_group_whose_name_needs_quotes_keeps_its_plus_outside() -> None:
    assert rule_text(at(1, replace(CERT, roles=("+my group",)))) == (
        'hostssl replication +"my group" 10.0.0.0/8 cert'
    )


def test_ipv4_addresses_are_written_as_prefix_or_mask() -> None:
    odd = replace(CERT, netmask="255.0.255.0")
    assert rule_text(odd) == "hostssl replication replica 10.0.0.0 255.0.255.0 cert"
