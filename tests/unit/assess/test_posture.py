"""How a connection is secured: what was presented, compared with what is required now."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from exporter.assess.posture import (
    demanded_of,
    posture,
    shown_certificate,
    shown_subject,
)
from exporter.assess.rules.outcome import Outcomes
from exporter.model.judgement import Demand, Posture
from exporter.model.report import NoRule
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    PLAIN,
    SERVER,
    STANDBY,
    WITHOUT_CERTIFICATE,
)

SHOWN = STANDBY
CERTIFICATE_ONLY = frozenset({Demand.CERTIFICATE})
NOTHING = frozenset({Demand.NOTHING})
REFUSES = frozenset({Demand.REFUSES})


def reached(wal_sender: WalSender, *required: Demand, name_unproven: bool = False) -> Posture:
    return posture(wal_sender, frozenset(required), name_unproven=name_unproven)


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        ({Demand.CERTIFICATE}, Posture.CERTIFICATE_REQUIRED),
        ({Demand.CHAIN}, Posture.CERTIFICATE_CHAIN_REQUIRED),
        ({Demand.CHAIN_BY_MAP}, Posture.CERTIFICATE_CHAIN_REQUIRED),
        ({Demand.CHAIN, Demand.CHAIN_BY_MAP}, Posture.CERTIFICATE_CHAIN_REQUIRED),
        ({Demand.NOTHING}, Posture.CERTIFICATE_OPTIONAL),
        ({Demand.UNKNOWN}, Posture.CERTIFICATE_UNCONFIRMED),
        ({Demand.CERTIFICATE, Demand.CHAIN}, Posture.CERTIFICATE_UNCONFIRMED),
        ({Demand.CERTIFICATE, Demand.NOTHING}, Posture.CERTIFICATE_UNCONFIRMED),
        ({Demand.CHAIN, Demand.NOTHING}, Posture.CERTIFICATE_UNCONFIRMED),
        (set(), Posture.CERTIFICATE_UNCONFIRMED),
    ],
)
def test_the_posture_of_a_presented_certificate_depends_on_what_is_required(
    required: set[Demand], expected: Posture
) -> None:
    assert reached(SHOWN, *required) is expected
    # a rule that may refuse it accepts no client without a certificate either
    with_refusal = expected if required else Posture.CERTIFICATE_UNCONFIRMED
    assert reached(SHOWN, *required, Demand.REFUSES) is with_refusal


def test_a_name_that_is_not_proven_leaves_open_only_what_depends_on_the_name() -> None:
    for demand, expected in (
        (Demand.CERTIFICATE, Posture.CERTIFICATE_UNCONFIRMED),
        (Demand.CHAIN, Posture.CERTIFICATE_CHAIN_REQUIRED),
        (Demand.NOTHING, Posture.CERTIFICATE_OPTIONAL),
    ):
        assert reached(SHOWN, demand, name_unproven=True) is expected


@pytest.mark.parametrize("demand", Demand)
def test_without_a_certificate_the_posture_is_how_the_client_comes(demand: Demand) -> None:
    postures = {
        "hidden": reached(replace(PLAIN, peer=OtherPeer.HIDDEN), demand),
        "socket": reached(replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), demand),
        "plain": reached(PLAIN, demand),
        "gss": reached(replace(PLAIN, gss_encrypted=True), demand),
        "tls": reached(WITHOUT_CERTIFICATE, demand),
    }
    assert postures == {
        "hidden": Posture.HIDDEN,
        "socket": Posture.UNIX_SOCKET,
        "plain": Posture.PLAINTEXT,
        "gss": Posture.GSS_ENCRYPTED,
        "tls": Posture.TLS_WITHOUT_CERTIFICATE,
    }


def test_the_certificate_shown_is_that_of_the_handshake() -> None:
    assert shown_certificate(SHOWN) == CERTIFICATE
    assert shown_certificate(WITHOUT_CERTIFICATE) is None
    assert shown_certificate(PLAIN) is None
    assert shown_subject(SHOWN) == CERTIFICATE.subject
    assert shown_subject(WITHOUT_CERTIFICATE) is None


# --- what is required of one connection


def required(
    wal_sender: WalSender, by_rules: AbstractSet[Demand], *, tls: bool = True, asks: bool = True
) -> AbstractSet[Demand]:
    found = Outcomes(
        match=NoRule(), agreed=True, possible=((CERT, frozenset(by_rules)),) if by_rules else ()
    )
    server = replace(SERVER, tls_enabled=tls, requests_client_certificate=asks)
    return demanded_of(wal_sender, found, server)


@pytest.mark.parametrize(
    "demand", [Demand.CERTIFICATE, Demand.CHAIN, Demand.CHAIN_BY_MAP, Demand.UNKNOWN]
)
def test_a_required_certificate_refuses_clients_that_send_none_or_are_not_asked(
    demand: Demand,
) -> None:
    assert required(SHOWN, {demand}) == {demand}
    assert required(SHOWN, {demand}, asks=False) == REFUSES
    assert required(WITHOUT_CERTIFICATE, {demand}) == REFUSES
    assert required(PLAIN, {demand}) == REFUSES
    assert required(WITHOUT_CERTIFICATE, {demand, Demand.NOTHING}) == {
        Demand.NOTHING,
        Demand.REFUSES,
    }


def test_a_client_that_needs_no_certificate_is_accepted_without() -> None:
    for sender in (SHOWN, WITHOUT_CERTIFICATE, PLAIN):
        assert required(sender, NOTHING) == NOTHING
        assert required(sender, NOTHING, asks=False) == NOTHING


def test_once_tls_is_off_no_client_connects_over_tls() -> None:
    assert required(SHOWN, NOTHING, tls=False, asks=False) == REFUSES
    assert required(WITHOUT_CERTIFICATE, NOTHING, tls=False, asks=False) == REFUSES
    assert required(PLAIN, NOTHING, tls=False, asks=False) == NOTHING


def test_nothing_follows_from_rules_that_are_not_known() -> None:
    assert required(SHOWN, set()) == frozenset()
    assert required(SHOWN, set(), tls=False, asks=False) == frozenset()
    assert required(PLAIN, set()) == frozenset()
