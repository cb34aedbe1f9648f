"""Lines that a remedy writes while other clients are connected: it names each that it refuses."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.rules.peers import MOST_PEERS
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.server_steps import ClientSecurity, CloseRule, OtherClient, RequireCertificate
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    PLAIN,
    POLL,
    SCRAM,
    STANDBY,
    WITHOUT_CERTIFICATE,
    mapping,
    maps,
)
from tests.unit.assess.remedies import added, edits, fact, remedy, showing

RULE = "10.0.0.0/8"
OWN = "10.0.0.5/32"
HERE, THERE, OUTSIDE = (TcpPeer(ip_address(a), 1) for a in ("10.0.0.5", "10.0.0.6", "192.0.2.1"))


def other(sender: WalSender, peer: TcpPeer) -> WalSender:
    return replace(sender, application_name="other", pid=2, peer=peer)


def addresses(*others: WalSender, rule: HbaRule = SCRAM) -> list[str]:
    """Return the addresses of the lines that require the certificate."""
    steps = remedy(WITHOUT_CERTIFICATE, rule, others=others)
    return [line.split()[3] for line in added(steps)]


@pytest.mark.parametrize(
    ("other_client", "address"),
    [
        (other(WITHOUT_CERTIFICATE, THERE), OWN),
        (other(PLAIN, THERE), OWN),
        (other(replace(PLAIN, gss_encrypted=True), THERE), OWN),
        (other(showing("/CN=machine-7"), THERE), OWN),
        (other(showing(None), THERE), OWN),
        # what the line accepts
        (other(STANDBY, THERE), RULE),
        # clients that it does not concern
        (other(WITHOUT_CERTIFICATE, OUTSIDE), RULE),
        (replace(other(WITHOUT_CERTIFICATE, THERE), role="bob"), RULE),
        (replace(other(WITHOUT_CERTIFICATE, THERE), database="shop"), RULE),
        (replace(other(PLAIN, THERE), peer=OtherPeer.UNIX_SOCKET), RULE),
        # a client that has the same address
        (other(WITHOUT_CERTIFICATE, HERE), RULE),
    ],
)
def test_clients_at_other_addresses_keep_their_rule(other_client: WalSender, address: str) -> None:
    assert addresses(other_client) == [address, address]


def test_a_rule_that_others_go_on_using_is_not_replaced() -> None:
    (alone,) = edits(remedy(WITHOUT_CERTIFICATE, SCRAM))
    other_client = [other(WITHOUT_CERTIFICATE, THERE)]
    (edit,) = edits(remedy(WITHOUT_CERTIFICATE, SCRAM, others=other_client))
    assert (alone.replaces, edit.replaces) == (True, False)


def test_an_address_that_is_everybody_s_is_that_of_the_others_too() -> None:
    everywhere = replace(SCRAM, address="all", netmask=None)
    assert addresses(rule=everywhere) == ["all", "all"]
    assert addresses(other(PLAIN, OUTSIDE), rule=everywhere) == [OWN, OWN]


@pytest.mark.parametrize(
    ("other_client", "security", "name"),
    [
        (other(WITHOUT_CERTIFICATE, HERE), ClientSecurity.TLS, None),
        (other(PLAIN, HERE), ClientSecurity.UNENCRYPTED, None),
        (other(replace(PLAIN, gss_encrypted=True), HERE), ClientSecurity.GSSAPI, None),
        (other(showing("/CN=machine-7"), HERE), ClientSecurity.CERTIFICATE, "machine-7"),
        (other(showing(None), HERE), ClientSecurity.CERTIFICATE, None),
    ],
)
def test_those_at_the_same_address_that_a_line_refuses_are_named(
    other_client: WalSender, security: ClientSecurity, name: str | None
) -> None:
    expected = (OtherClient("other", "replica", ip_address("10.0.0.5"), security, name, 1),)
    steps = remedy(WITHOUT_CERTIFICATE, SCRAM, others=[other_client])
    assert fact(RequireCertificate, steps).refused == expected
    # also where the lines are for its address alone
    far = replace(other(PLAIN, THERE), application_name="far-away")
    steps = remedy(WITHOUT_CERTIFICATE, SCRAM, others=[other_client, far])
    assert fact(RequireCertificate, steps).refused == expected


def test_those_that_a_line_accepts_are_not_named() -> None:
    steps = remedy(WITHOUT_CERTIFICATE, SCRAM, others=[other(STANDBY, HERE)])
    assert fact(RequireCertificate, steps).refused == ()


def test_with_too_many_connections_to_compare_the_lines_are_for_one_address() -> None:
    crowd = [
        replace(STANDBY, pid=n, application_name=f"standby {n}") for n in range(1, MOST_PEERS + 1)
    ]
    assert addresses(*crowd[1:]) == [RULE, RULE]
    assert addresses(*crowd) == [OWN, OWN]


def test_a_line_without_a_rule_that_is_known_names_those_at_the_same_address() -> None:
    near = replace(SCRAM, connection_type=ConnectionType.HOSTSSL, address="samenet", netmask=None)
    others = [other(PLAIN, HERE), replace(other(PLAIN, THERE), application_name="far-away")]
    steps = remedy(WITHOUT_CERTIFICATE, near, SCRAM, others=others)
    assert [line.split()[3] for line in added(steps)] == [OWN, OWN]
    (refused,) = fact(RequireCertificate, steps).refused
    assert (refused.application_name, refused.role) == ("other", "replica")


# --- closing what accepts the role without TLS


@pytest.mark.parametrize(
    ("other_client", "address", "is_named"),
    [
        # over TLS it is no matter what is presented
        (other(WITHOUT_CERTIFICATE, HERE), RULE, False),
        (other(WITHOUT_CERTIFICATE, THERE), RULE, False),
        (other(PLAIN, HERE), RULE, True),
        (other(PLAIN, THERE), OWN, False),
    ],
)
def test_a_line_that_closes_spares_those_at_other_addresses(
    other_client: WalSender, address: str, *, is_named: bool
) -> None:
    steps = remedy(STANDBY, CERT, SCRAM, others=[other_client])
    assert added(steps) == [f"hostnossl replication replica {address} reject"]
    refused = [(each.application_name, each.role) for each in fact(CloseRule, steps).refused]
    assert refused == ([("other", "replica")] if is_named else [])


def test_a_client_of_another_name_satisfies_the_map_that_the_line_uses() -> None:
    poll = replace(POLL, ident=maps(mapping("replica", "replica"), mapping("machine-7", "replica")))
    gss = replace(CERT, auth_method="gss", options=("clientcert=verify-ca", "map=m"))
    for name, address in (("machine-7", RULE), ("machine-8", OWN)):
        other_client = other(showing(f"/CN={name}"), THERE)
        steps = remedy(STANDBY, gss, others=[other_client], poll=poll)
        assert [line.split()[3] for line in added(steps)] == [address, address]
