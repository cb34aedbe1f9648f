"""Other rules that accept the role of a client with a certificate, without TLS."""

from dataclasses import replace

import pytest

from exporter.model.hba import ConnectionType, HbaRule, Quoting, RuleLocation
from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.observation import Observation
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    STANDBY,
    STARTED,
    TRUST,
    WITHOUT_CERTIFICATE,
    judged,
    judged_under,
    known,
    line,
    mapping,
    maps,
    rules,
)
from tests.unit.assess.remedies import (
    CHAIN,
    HOSTNOSSL_SCRAM,
    HOSTSSL_SCRAM,
    MAPPED,
    NOT_ASKING,
    TLS_OFF,
    Change,
    added,
    connected,
    edits,
    file_edit,
    kinds,
    remedy,
    showing,
    the,
)

ADMITS = Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE
HOSTGSSENC = replace(SCRAM, connection_type=ConnectionType.HOSTGSSENC, auth_method="gss")
SAME_NET = replace(SCRAM, address="samenet", netmask=None)


@pytest.mark.parametrize(
    "written",
    [
        (CERT, SCRAM),
        (CERT, TRUST),
        (CERT, HOSTNOSSL_SCRAM),
        (CERT, replace(SCRAM, roles=("all",))),
        (HOSTNOSSL_SCRAM, CERT),
        # by one transport of two
        (CERT, HOSTGSSENC),
        (CERT, replace(SCRAM, connection_type=ConnectionType.HOSTNOGSSENC)),
        # whichever of these governs
        (CERT, SAME_NET, SCRAM),
        (CERT, replace(SCRAM, options=("clientcert=no-verify",))),
    ],
)
def test_a_rule_that_accepts_the_role_without_tls_is_a_reason_that_lowers_nothing(
    written: tuple[HbaRule, ...],
) -> None:
    found = connected(STANDBY, *written)
    assert (found.posture, found.verdict) == (Posture.CERTIFICATE_REQUIRED, Verdict.SECURE)
    assert found.reasons == (ADMITS,)
    assert kinds(found.remedy) == ["close", "load rules"]


@pytest.mark.parametrize(
    "written",
    [
        (CERT,),
        (CERT, REJECT, SCRAM),
        (CERT, replace(SCRAM, roles=("bob",))),
        (CERT, replace(SCRAM, databases=("all",))),
        (CERT, replace(SCRAM, address="192.0.2.0")),
        (CERT, HOSTSSL_SCRAM),
        # it may be refused
        (CERT, SAME_NET),
        (CERT, replace(REJECT, address="samenet", netmask=None), SCRAM),
    ],
)
def test_a_rule_that_does_not_is_not_a_reason(written: tuple[HbaRule, ...]) -> None:
    found = connected(STANDBY, *written)
    assert found.posture is Posture.CERTIFICATE_REQUIRED
    assert (found.reasons, found.remedy) == ((), ())


@pytest.mark.parametrize("sender", [WITHOUT_CERTIFICATE, PLAIN])
def test_a_client_without_a_certificate_has_other_reasons(sender: WalSender) -> None:
    assert ADMITS not in connected(sender, CERT, SCRAM).reasons


@pytest.mark.parametrize("written", [(HOSTSSL_SCRAM, SCRAM), (SCRAM,)])
def test_a_rule_that_itself_requires_no_certificate_has_other_reasons(
    written: tuple[HbaRule, ...],
) -> None:
    assert ADMITS not in connected(STANDBY, *written).reasons


def test_where_the_rule_may_require_no_certificate_it_is_not_a_reason() -> None:
    near = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
    assert connected(STANDBY, near, CERT, SCRAM).reasons == (Reason.RULE_UNDECIDED,)


def test_a_weaker_requirement_has_the_reason_and_its_own() -> None:
    found = connected(STANDBY, CHAIN, SCRAM)
    assert found.reasons == (Reason.RULE_CHECKS_CHAIN_ONLY, ADMITS)
    poll = replace(POLL, ident=maps(mapping("/.*", "replica")))
    found = connected(STANDBY, MAPPED, SCRAM, poll=poll)
    assert found.reasons == (Reason.MAP_ADMITS_OTHER_NAMES, ADMITS)
    poll = replace(POLL, ident=maps(mapping("/.*", "/new")))
    found = connected(STANDBY, MAPPED, SCRAM, poll=poll)
    assert found.reasons == (Reason.MAP_UNREADABLE, ADMITS)


def test_it_comes_before_what_has_nothing_to_do_with_certificates() -> None:
    assert STANDBY.tls is not None
    old = replace(STANDBY, tls=replace(STANDBY.tls, version="TLSv1.1"))
    found = connected(old, CERT, SCRAM)
    assert found.reasons == (ADMITS, Reason.TLS_VERSION_TOO_OLD)
    assert kinds(found.remedy)[:3] == ["close", "load rules", "newer client"]


@pytest.mark.parametrize("poll", [TLS_OFF, NOT_ASKING])
def test_where_the_rule_refuses_the_connection_now_that_is_the_reason(poll: Observation) -> None:
    assert ADMITS not in connected(STANDBY, CERT, SCRAM, poll=poll).reasons


def test_an_unproven_name_has_the_reason_too() -> None:
    found = connected(replace(showing(None), backend_start=STARTED), CERT, SCRAM)
    assert found.reasons == (Reason.CERTIFICATE_NAME_UNPROVEN, ADMITS)
    # the name comes first
    assert kinds(found.remedy) == ["check name", "reconnect"]


# --- the line that closes


def test_the_first_of_several_rules_is_closed_for_all_transports() -> None:
    for written, number in (
        ((CERT, HOSTGSSENC, SCRAM), 2),
        ((CERT, replace(SCRAM, connection_type=ConnectionType.HOSTNOGSSENC), HOSTGSSENC), 2),
        ((HOSTGSSENC, CERT, SCRAM), 1),
        ((CERT, replace(SCRAM, roles=("bob",)), SCRAM), 3),
        ((CERT, SAME_NET, SCRAM), 2),
    ):
        steps = remedy(STANDBY, *written)
        (edit,) = edits(steps)
        assert (edit.line_number, edit.replaces) == (number, False)
        address = "10.0.0.5/32" if SAME_NET in written else "10.0.0.0/8"
        assert edit.new == (f"hostnossl replication replica {address} reject",)


def test_a_rule_by_name_is_closed_for_the_client_s_own_address() -> None:
    everywhere = replace(SCRAM, address="all", netmask=None)
    assert added(remedy(STANDBY, CERT, everywhere)) == ["hostnossl replication replica all reject"]
    # the host of that name
    quoted = line(RuleLocation(HBA, 2), quoted=Quoting((False,), (False,), address=True))
    steps = remedy(STANDBY, CERT, everywhere, SCRAM, poll=replace(POLL, hba_lines=(quoted,)))
    assert edits(steps) == [
        Change(HBA, 2, replaces=False, new=("hostnossl replication replica 10.0.0.5/32 reject",))
    ]


def test_what_only_may_accept_the_client_is_closed_where_it_is_secured() -> None:
    steps = remedy(PLAIN, CERT, SAME_NET)
    assert kinds(steps)[-2:] == ["close", "load rules"]
    assert added(steps) == ["hostnossl replication replica 10.0.0.5/32 reject"]


def test_rules_of_several_contents_are_closed_before_the_first() -> None:
    contents = (rules(CERT, SCRAM), rules(CERT, REJECT, TRUST), rules(CERT, REJECT, SCRAM))
    steps = judged_under(PLAIN, known(*contents, state=HbaState.PENDING)).remedy
    assert file_edit(the("close", steps)).line_number == 2
    assert edits(steps) == []


def test_nothing_that_stays_open_is_nothing_to_close() -> None:
    assert "close" not in kinds(remedy(WITHOUT_CERTIFICATE, CERT))
    assert "close" not in kinds(remedy(WITHOUT_CERTIFICATE, CERT, REJECT))


def test_over_a_unix_socket_there_is_no_other_way() -> None:
    local = replace(TRUST, connection_type=ConnectionType.LOCAL, address=None, netmask=None)
    connection = judged(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), local, SCRAM)
    assert connection.reasons == ()
    assert connection.remedy == ()
