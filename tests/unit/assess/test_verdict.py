"""A posture compared with the policy: what is enough, what is exempt, what is not known."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

from exporter.assess.verdict import tls_version_too_old, verdict
from exporter.model.judgement import Posture, Verdict
from exporter.model.policy import Exemption, Policy, Requirement, TlsVersion
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.unit.assess.facts import NOW, PLAIN, STANDBY, TLS

STRICT = Policy(exempt_loopback=False)
SECURE, INSECURE, UNKNOWN = Verdict.SECURE, Verdict.INSECURE, Verdict.UNKNOWN
LAB = Exemption("lab", "only a lab", None, roles=frozenset({"replica"}))


def given(
    posture: Posture,
    policy: Policy = STRICT,
    wal_sender: WalSender = STANDBY,
    now: datetime = NOW,
) -> tuple[Verdict, str]:
    return verdict(wal_sender, posture, policy, now=now)


@pytest.mark.parametrize(
    ("posture", "certificate", "chain", "tls"),
    [
        (Posture.CERTIFICATE_REQUIRED, SECURE, SECURE, SECURE),
        (Posture.CERTIFICATE_CHAIN_REQUIRED, INSECURE, SECURE, SECURE),
        (Posture.CERTIFICATE_OPTIONAL, INSECURE, INSECURE, SECURE),
        (Posture.CERTIFICATE_UNCONFIRMED, UNKNOWN, UNKNOWN, SECURE),
        (Posture.TLS_WITHOUT_CERTIFICATE, INSECURE, INSECURE, SECURE),
        (Posture.GSS_ENCRYPTED, INSECURE, INSECURE, SECURE),
        (Posture.UNIX_SOCKET, SECURE, SECURE, SECURE),
        (Posture.PLAINTEXT, INSECURE, INSECURE, INSECURE),
        (Posture.HIDDEN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_what_is_enough_depends_on_the_requirement(
    posture: Posture, certificate: Verdict, chain: Verdict, tls: Verdict
) -> None:
    for requirement, expected in (
        (Requirement.CERTIFICATE, certificate),
        (Requirement.CERTIFICATE_CHAIN, chain),
        (Requirement.TLS, tls),
    ):
        assert given(posture, replace(STRICT, require=requirement)) == (expected, "")


def test_a_certificate_over_tls_that_is_too_old_is_insecure() -> None:
    old = replace(STANDBY, tls=replace(TLS, version="TLSv1.1"))
    assert given(Posture.CERTIFICATE_REQUIRED, wal_sender=old) == (INSECURE, "")
    allowed = replace(STRICT, minimum_tls_version=TlsVersion.TLS_1_1)
    assert given(Posture.CERTIFICATE_REQUIRED, allowed, old) == (SECURE, "")


@pytest.mark.parametrize(
    ("version", "allowed_from"),
    [
        ("SSLv3", []),
        ("TLSv1", [TlsVersion.TLS_1_0]),
        ("TLSv1.1", [TlsVersion.TLS_1_0, TlsVersion.TLS_1_1]),
        ("TLSv1.2", [TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2]),
        ("TLSv1.3", list(TlsVersion)),
        ("TLSv2", list(TlsVersion)),
        ("TLSv1.10", list(TlsVersion)),
    ],
)
def test_versions_are_compared_as_numbers(version: str, allowed_from: list[TlsVersion]) -> None:
    tls = replace(TLS, version=version)
    assert [v for v in TlsVersion if not tls_version_too_old(tls, v)] == allowed_from


def test_without_tls_no_version_is_too_old() -> None:
    assert not tls_version_too_old(None, TlsVersion.TLS_1_3)


# --- exemptions


def covered(exemption: Exemption, wal_sender: WalSender = PLAIN, now: datetime = NOW) -> bool:
    policy = replace(STRICT, exemptions=(exemption,))
    judgement = given(Posture.PLAINTEXT, policy, wal_sender, now)
    assert judgement in {(Verdict.EXEMPT, exemption.name), (INSECURE, "")}
    return judgement[0] is Verdict.EXEMPT


def test_an_exemption_covers_its_roles() -> None:
    assert covered(LAB)
    assert covered(replace(LAB, roles=frozenset({"other", "replica"})))
    assert not covered(replace(LAB, roles=frozenset({"other"})))


def test_an_exemption_covers_its_networks() -> None:
    lab = replace(LAB, roles=frozenset(), networks=(ip_network("10.0.0.0/8"),))
    assert covered(lab)
    assert covered(replace(lab, networks=(ip_network("fe80::/10"), *lab.networks)))
    assert not covered(replace(lab, networks=(ip_network("192.168.0.0/16"),)))
    assert not covered(replace(lab, networks=(ip_network("::/0"),)))
    assert not covered(lab, replace(PLAIN, peer=OtherPeer.HIDDEN))


def test_an_exemption_by_role_and_network_covers_what_is_in_both() -> None:
    both = replace(LAB, networks=(ip_network("10.0.0.0/8"),))
    assert covered(both)
    assert not covered(both, replace(PLAIN, role="other"))
    assert not covered(both, replace(PLAIN, peer=TcpPeer(ip_address("11.0.0.1"), 5)))


def test_an_application_name_narrows_an_exemption_and_is_none_by_itself() -> None:
    named = replace(LAB, application_names=frozenset({"standby"}))
    assert covered(named)
    assert not covered(named, replace(PLAIN, application_name="other"))
    assert not covered(replace(named, roles=frozenset()))
    network = replace(named, roles=frozenset(), networks=(ip_network("10.0.0.0/8"),))
    assert covered(network)
    assert not covered(network, replace(PLAIN, application_name="other"))


def test_an_exemption_ends_at_its_moment() -> None:
    ends = replace(LAB, until=NOW)
    assert covered(ends, now=NOW - timedelta(microseconds=1))
    assert not covered(ends, now=NOW)
    assert not covered(ends, now=NOW + timedelta(days=1))


def test_the_first_exemption_that_covers_is_reported() -> None:
    others = (replace(LAB, name="past", until=NOW), LAB, replace(LAB, name="later"))
    policy = replace(STRICT, exemptions=others)
    assert given(Posture.PLAINTEXT, policy, PLAIN) == (Verdict.EXEMPT, "lab")


def test_what_is_secure_or_hidden_is_not_exempt_and_what_is_unknown_is() -> None:
    policy = replace(STRICT, exemptions=(LAB,))
    assert given(Posture.CERTIFICATE_REQUIRED, policy) == (SECURE, "")
    assert given(Posture.HIDDEN, policy, PLAIN) == (UNKNOWN, "")
    assert given(Posture.CERTIFICATE_UNCONFIRMED, policy) == (Verdict.EXEMPT, "lab")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.9", "::1"])
def test_loopback_is_exempt_unless_it_is_switched_off(address: str) -> None:
    sender = replace(PLAIN, peer=TcpPeer(ip_address(address), 5))
    assert given(Posture.PLAINTEXT, Policy(), sender) == (Verdict.EXEMPT, "loopback")
    assert given(Posture.PLAINTEXT, STRICT, sender) == (INSECURE, "")


def test_the_user_s_own_exemptions_come_before_loopback() -> None:
    sender = replace(PLAIN, peer=TcpPeer(ip_address("127.0.0.1"), 5))
    judgement = given(Posture.PLAINTEXT, Policy(exemptions=(LAB,)), sender)
    assert judgement == (Verdict.EXEMPT, "lab")


def test_what_comes_from_elsewhere_is_not_loopback() -> None:
    assert given(Posture.PLAINTEXT, Policy(), PLAIN) == (INSECURE, "")
    old = replace(PLAIN, peer=OtherPeer.UNIX_SOCKET, tls=replace(TLS, version="TLSv1"))
    assert given(Posture.UNIX_SOCKET, Policy(), old) == (INSECURE, "")
