"""Why a posture is not the best one: the reasons of a connection, most important first."""

from dataclasses import replace

import pytest

from exporter.assess.connection import RulesInForce
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import HbaState, Posture, Reason
from exporter.model.observation import Observation
from exporter.model.policy import Policy, TlsVersion
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    TLS,
    TRUST,
    WITHOUT_CERTIFICATE,
    judged,
    judged_under,
    known,
    mapping,
    maps,
    rules,
)

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
CHAIN = replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",))
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
GSS = replace(PLAIN, gss_encrypted=True)
HOSTGSSENC = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
TLS_OFF = replace(
    POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
)
NOT_ASKING = replace(POLL, server=replace(SERVER, requests_client_certificate=False))
OTHER_NAME = replace(
    STANDBY,
    backend_start=SERVER.started_at,
    tls=replace(TLS, client_certificate=replace(CERTIFICATE, subject=None)),
)


def why(wal_sender: WalSender, *written: HbaRule, poll: Observation = POLL) -> tuple[Reason, ...]:
    return judged(wal_sender, *written, poll=poll).reasons


# --- of the client and the server


def test_the_best_postures_have_no_reason() -> None:
    local = replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    assert why(STANDBY, CERT) == ()
    assert why(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), local) == ()
    assert why(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), CERT, poll=TLS_OFF) == ()


def test_a_client_without_tls() -> None:
    assert why(PLAIN, SCRAM) == (
        Reason.CLIENT_WITHOUT_TLS,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
    )


def test_a_client_without_tls_of_a_server_without_tls() -> None:
    assert why(PLAIN, SCRAM, poll=TLS_OFF) == (
        Reason.SERVER_TLS_OFF,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
    )


def test_a_client_that_was_asked_for_a_certificate_and_sent_none() -> None:
    assert why(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM) == (
        Reason.CLIENT_SENT_NO_CERTIFICATE,
        Reason.RULE_USES_PASSWORD,
    )


def test_a_client_that_was_not_asked_for_a_certificate() -> None:
    assert why(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, poll=NOT_ASKING) == (
        Reason.SERVER_REQUESTS_NO_CERTIFICATE,
        Reason.RULE_USES_PASSWORD,
    )
    assert why(PLAIN, SCRAM, poll=NOT_ASKING)[0] is Reason.CLIENT_WITHOUT_TLS


def test_a_client_that_chose_gssapi() -> None:
    assert why(GSS, HOSTGSSENC) == (Reason.CLIENT_USED_GSS, Reason.RULE_USES_OTHER_METHOD)
    assert why(GSS, HOSTGSSENC, poll=TLS_OFF)[0] is Reason.CLIENT_USED_GSS


def test_a_certificate_that_need_not_have_been_shown() -> None:
    assert why(STANDBY, HOSTSSL_SCRAM) == (Reason.RULE_USES_PASSWORD,)
    assert why(STANDBY, HOSTSSL_SCRAM, poll=NOT_ASKING) == (
        Reason.SERVER_REQUESTS_NO_CERTIFICATE,
        Reason.RULE_USES_PASSWORD,
    )


def test_tls_that_is_too_old_is_one_more_reason() -> None:
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.2"))
    policy = Policy(exempt_loopback=False, minimum_tls_version=TlsVersion.TLS_1_3)
    assert judged(old, CERT, policy=policy).reasons == (Reason.TLS_VERSION_TOO_OLD,)
    assert judged(old, HOSTSSL_SCRAM, policy=policy).reasons == (
        Reason.RULE_USES_PASSWORD,
        Reason.TLS_VERSION_TOO_OLD,
    )
    assert why(old, CERT) == ()


# --- of the rule


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("trust", Reason.RULE_TRUSTS),
        ("scram-sha-256", Reason.RULE_USES_PASSWORD),
        ("md5", Reason.RULE_USES_PASSWORD),
        ("password", Reason.RULE_USES_PASSWORD),
        ("ldap", Reason.RULE_USES_OTHER_METHOD),
        ("pam", Reason.RULE_USES_OTHER_METHOD),
    ],
)
def test_a_rule_accepts_by_its_method(method: str, reason: Reason) -> None:
    assert why(STANDBY, replace(HOSTSSL_SCRAM, auth_method=method)) == (reason,)


@pytest.mark.parametrize(
    ("connection_type", "allows"),
    [
        (ConnectionType.HOST, True),
        (ConnectionType.HOSTNOGSSENC, True),
        (ConnectionType.HOSTSSL, False),
    ],
)
def test_a_rule_that_is_not_for_tls_alone_allows_plaintext(
    connection_type: ConnectionType, *, allows: bool
) -> None:
    reasons = why(STANDBY, replace(SCRAM, connection_type=connection_type))
    assert (Reason.RULE_ALLOWS_PLAINTEXT in reasons) is allows


def test_a_rule_for_what_comes_without_tls_allows_plaintext() -> None:
    assert Reason.RULE_ALLOWS_PLAINTEXT in why(
        PLAIN, replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL)
    )
    assert Reason.RULE_ALLOWS_PLAINTEXT not in why(GSS, HOSTGSSENC)


def test_a_rule_that_checks_the_chain_only() -> None:
    assert why(STANDBY, CHAIN) == (Reason.RULE_CHECKS_CHAIN_ONLY,)


def test_a_map_that_admits_other_names() -> None:
    poll = replace(POLL, ident=maps(mapping("/.*", "replica")))
    assert why(STANDBY, MAPPED, poll=poll) == (Reason.MAP_ADMITS_OTHER_NAMES,)


def test_rules_that_would_refuse_a_connection_that_lasts() -> None:
    for written in ((), (REJECT,), (replace(CERT, roles=("other",)),)):
        assert why(STANDBY, *written) == (Reason.RULES_WOULD_REFUSE,)
    assert why(WITHOUT_CERTIFICATE, CERT) == (
        Reason.CLIENT_SENT_NO_CERTIFICATE,
        Reason.RULES_WOULD_REFUSE,
    )


# --- a rule above another


def test_a_rule_shadows_one_below_it_that_would_require_the_certificate() -> None:
    shadowed = (
        Reason.CLIENT_WITHOUT_TLS,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
        Reason.RULE_SHADOWS_CERTIFICATE_RULE,
    )
    assert why(PLAIN, SCRAM, CERT) == shadowed
    assert why(PLAIN, SCRAM, replace(CERT, roles=("other",)), REJECT, CERT) == shadowed
    assert why(STANDBY, SCRAM, CERT) == shadowed[1:]
    assert Reason.RULE_SHADOWS_CERTIFICATE_RULE in why(GSS, replace(SCRAM, auth_method="gss"), CERT)


@pytest.mark.parametrize(
    "written",
    [
        (CERT, SCRAM),
        (SCRAM, CHAIN),
        (SCRAM, HOSTSSL_SCRAM),
        (SCRAM, replace(CERT, roles=("other",))),
        (SCRAM, replace(CERT, address="samenet", netmask=None)),
        (replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL), CERT),
    ],
)
def test_a_rule_that_takes_nothing_from_one_below_it_shadows_none(
    written: tuple[HbaRule, ...],
) -> None:
    assert why(PLAIN, *written) == (
        Reason.CLIENT_WITHOUT_TLS,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
    )


def test_a_rule_for_gssapi_takes_nothing_from_one_for_tls() -> None:
    assert why(GSS, HOSTGSSENC, CERT) == (Reason.CLIENT_USED_GSS, Reason.RULE_USES_OTHER_METHOD)


def test_a_map_below_that_admits_several_names_is_shadowed_too() -> None:
    for lines in ((mapping("/.*", "replica"),), (mapping("alice", "replica"),)):
        reasons = why(PLAIN, SCRAM, MAPPED, poll=replace(POLL, ident=maps(*lines)))
        assert Reason.RULE_SHADOWS_CERTIFICATE_RULE in reasons
    unmapped = why(PLAIN, SCRAM, MAPPED, poll=replace(POLL, ident=maps()))
    assert Reason.RULE_SHADOWS_CERTIFICATE_RULE not in unmapped


def test_a_rule_that_only_may_match_shadows_none() -> None:
    may = replace(SCRAM, address="samenet", netmask=None)
    assert why(PLAIN, may, CERT) == (
        Reason.CLIENT_WITHOUT_TLS,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
    )


# --- what is not known of the rules


def why_of(wal_sender: WalSender, rules_in_force: RulesInForce) -> tuple[Reason, ...]:
    return judged_under(wal_sender, rules_in_force).reasons


OF_STATE = {
    HbaState.PENDING: Reason.RULES_PENDING,
    HbaState.REJECTED: Reason.RULES_REJECTED,
    HbaState.UNVERIFIED: Reason.RULES_LOAD_UNVERIFIED,
}
OF_HBA_STATE = {**OF_STATE, HbaState.UNREADABLE: Reason.RULES_UNREADABLE}
OF_IDENT_STATE = {**OF_STATE, HbaState.UNREADABLE: Reason.MAP_UNREADABLE}


@pytest.mark.parametrize(("state", "reason"), OF_HBA_STATE.items())
def test_rules_that_are_not_known_are_so_for_the_reason_of_their_state(
    state: HbaState, reason: Reason
) -> None:
    assert why_of(STANDBY, known(state=state)) == (reason,)
    assert why_of(PLAIN, known(state=state)) == (Reason.CLIENT_WITHOUT_TLS, reason)


@pytest.mark.parametrize(("state", "reason"), OF_HBA_STATE.items())
def test_contents_that_do_not_agree_are_undecided_for_the_reason_of_their_state(
    state: HbaState, reason: Reason
) -> None:
    assert why_of(STANDBY, known(rules(CERT), rules(HOSTSSL_SCRAM), state=state)) == (reason,)
    trusts = replace(HOSTSSL_SCRAM, auth_method="trust")
    both = known(rules(trusts), rules(HOSTSSL_SCRAM), state=state)
    assert why_of(STANDBY, both) == (reason,)


def test_what_contents_have_in_common_is_reported_though_they_do_not_agree() -> None:
    both = known(rules(SCRAM), rules(CERT, SCRAM), state=HbaState.PENDING)
    assert why_of(PLAIN, both) == (
        Reason.CLIENT_WITHOUT_TLS,
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
    )


def test_one_shadow_is_reported_only_if_every_content_casts_it() -> None:
    same = known(rules(SCRAM, CERT), rules(SCRAM, CERT, TRUST), state=HbaState.PENDING)
    assert Reason.RULE_SHADOWS_CERTIFICATE_RULE in why_of(PLAIN, same)
    one = known(rules(SCRAM, CERT), rules(SCRAM), state=HbaState.PENDING)
    assert Reason.RULE_SHADOWS_CERTIFICATE_RULE not in why_of(PLAIN, one)
    moved = known(rules(SCRAM, CERT), rules(REJECT, SCRAM, CERT), state=HbaState.PENDING)
    assert Reason.RULE_SHADOWS_CERTIFICATE_RULE not in why_of(PLAIN, moved)


@pytest.mark.parametrize(("state", "reason"), OF_IDENT_STATE.items())
def test_a_map_that_is_not_known_is_so_for_the_reason_of_its_state(
    state: HbaState, reason: Reason
) -> None:
    assert why_of(STANDBY, known(rules(MAPPED), ident_state=state)) == (reason,)


@pytest.mark.parametrize(("state", "reason"), OF_IDENT_STATE.items())
def test_maps_that_do_not_agree_are_undecided_for_the_reason_of_their_state(
    state: HbaState, reason: Reason
) -> None:
    contents = (maps(mapping("replica", "replica")), maps(mapping("/.*", "replica")))
    assert why_of(STANDBY, known(rules(MAPPED), maps=contents, ident_state=state)) == (reason,)
    unmapped = (maps(mapping("/.*", "replica")), maps())
    assert why_of(STANDBY, known(rules(MAPPED), maps=unmapped, ident_state=state)) == (
        Reason.MAP_ADMITS_OTHER_NAMES,
    )


def test_a_map_that_was_read_and_cannot_be_decided_is_reported_as_unreadable() -> None:
    poll = replace(POLL, ident=maps(mapping("/.*", "/new")))
    assert why(STANDBY, MAPPED, poll=poll) == (Reason.MAP_UNREADABLE,)


def test_rules_that_hang_on_what_only_the_server_sees_are_undecided() -> None:
    assert why(STANDBY, NEAR, CERT) == (Reason.RULE_UNDECIDED,)
    chain = replace(CHAIN, address="samenet", netmask=None)
    poll = replace(POLL, ident=maps(mapping("/.*", "replica")))
    assert why(STANDBY, chain, MAPPED, poll=poll) == (Reason.RULE_UNDECIDED,)
    assert why(STANDBY, chain, replace(CHAIN, auth_method="md5")) == (
        Reason.RULE_CHECKS_CHAIN_ONLY,
    )


def test_a_rule_that_may_refuse_changes_no_reason_if_another_accepts() -> None:
    near = replace(REJECT, address="samenet", netmask=None)
    assert why(STANDBY, near, HOSTSSL_SCRAM) == (Reason.RULE_USES_PASSWORD,)


def test_an_older_session_whose_name_is_not_seen_is_unproven() -> None:
    connection = judged(OTHER_NAME, CERT)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.reasons == (Reason.CERTIFICATE_NAME_UNPROVEN,)
    near = replace(REJECT, address="samenet", netmask=None)
    assert why(OTHER_NAME, near, CERT) == (Reason.CERTIFICATE_NAME_UNPROVEN,)


def test_an_unproven_name_matters_only_where_the_certificate_is_required() -> None:
    assert why(OTHER_NAME, NEAR, CERT) == (Reason.RULE_UNDECIDED,)
    assert why(OTHER_NAME, HOSTSSL_SCRAM) == (Reason.RULE_USES_PASSWORD,)


def test_a_hidden_connection_has_one_reason() -> None:
    assert why(replace(PLAIN, peer=OtherPeer.HIDDEN), SCRAM, poll=TLS_OFF) == (
        Reason.STATISTICS_HIDDEN,
    )
