"""The lines of pg_hba.conf that demand a certificate of one client, and where they go."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.hba_match import Client
from exporter.assess.rule_to_write import (
    certificate_rule,
    closing_rule,
    opening_rule,
    with_name_check,
)
from exporter.model.hba import ConnectionType, HbaRule, LineTraits, RuleLocation
from exporter.model.report import Place, Step
from exporter.model.wal_sender import ReplicationKind, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    TRUST,
    at,
    judged,
    mapping,
    maps,
)

PHYSICAL = Client(
    kind=ReplicationKind.PHYSICAL,
    role="replica",
    database=None,
    address=ip_address("10.0.0.5"),
    tls=True,
    gss_encrypted=False,
)
NEAR = replace(CERT, address="samenet", netmask=None)
LOGICAL = replace(PHYSICAL, kind=ReplicationKind.LOGICAL, database="shop")


def written(client: Client, before: HbaRule | None, version: int = 170000) -> tuple[str, ...]:
    return certificate_rule(client, before, version, method="cert").lines


@pytest.mark.parametrize(
    ("rule", "address"),
    [
        (SCRAM, "10.0.0.0/8"),
        (replace(SCRAM, netmask="255.0.255.0"), "10.0.0.0 255.0.255.0"),
        (replace(SCRAM, address="::", netmask="::"), "::/0"),
        (replace(SCRAM, address="all", netmask=None), "all"),
        (replace(SCRAM, address="samenet", netmask=None), "samenet"),
        (replace(SCRAM, address=None, netmask=None), "10.0.0.5/32"),
        (REJECT, "10.0.0.5/32"),
        (None, "10.0.0.5/32"),
    ],
)
def test_a_line_has_the_address_of_the_rule_that_lets_the_client_in(
    rule: HbaRule | None, address: str
) -> None:
    assert written(PHYSICAL, rule) == (
        f"hostssl replication replica {address} cert",
        f"host replication replica {address} reject",
    )


def test_a_client_of_ipv6_has_an_address_of_128_bits() -> None:
    assert written(replace(PHYSICAL, address=ip_address("fd00::5")), None)[0] == (
        "hostssl replication replica fd00::5/128 cert"
    )


def test_a_client_without_an_address_is_written_for_all() -> None:
    assert written(replace(PHYSICAL, address=None), None)[0] == (
        "hostssl replication replica all cert"
    )


def test_names_are_written_as_the_server_s_version_reads_them() -> None:
    client = replace(LOGICAL, role="/x", database="/shop")
    assert written(client, SCRAM, 159999)[0] == 'hostssl "/shop" "/x" 10.0.0.0/8 cert'
    assert written(client, SCRAM, 160000)[0] == "hostssl /^/shop$ /^/x$ 10.0.0.0/8 cert"
    keywords = replace(LOGICAL, role="all", database="replication")
    assert written(keywords, SCRAM)[0] == 'hostssl "replication" "all" 10.0.0.0/8 cert'


@pytest.mark.parametrize(
    ("rule", "client", "place"),
    [
        (SCRAM, PHYSICAL, "in place of"),
        (replace(SCRAM, databases=("shop",)), LOGICAL, "in place of"),
        (TRUST, PHYSICAL, "in place of"),
        (REJECT, PHYSICAL, "directly before"),
        (replace(SCRAM, roles=("replica", "other")), PHYSICAL, "directly before"),
        (replace(SCRAM, roles=("+staff",)), PHYSICAL, "directly before"),
        (replace(SCRAM, roles=("all",)), PHYSICAL, "directly before"),
        (replace(SCRAM, roles=("all",)), replace(PHYSICAL, role="all"), "directly before"),
        (replace(SCRAM, databases=("replication", "shop")), PHYSICAL, "directly before"),
        (replace(SCRAM, databases=("all",)), LOGICAL, "directly before"),
        (
            replace(SCRAM, databases=("all",)),
            replace(LOGICAL, database="all"),
            "directly before",
        ),
        (replace(SCRAM, databases=("shop", "other")), LOGICAL, "directly before"),
        (SCRAM, replace(LOGICAL, database="replication"), "directly before"),
    ],
)
def test_only_a_rule_for_this_client_alone_is_replaced(
    rule: HbaRule, client: Client, place: str
) -> None:
    action = certificate_rule(client, at(4, rule), 170000, method="cert").action
    assert action.startswith(f"Demand the certificate: {place} line 4 of {HBA} (host ")


def test_the_first_rule_of_a_client_may_be_one_that_rejects_it_without_tls() -> None:
    reject = replace(REJECT, connection_type=ConnectionType.HOSTNOSSL)
    hostssl = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
    (demand,) = (
        step for step in judged(PLAIN, reject, hostssl).remedy if step.action.startswith("Demand")
    )
    assert f"directly before line 1 of {HBA} (hostnossl" in demand.action


def test_closing_and_opening_name_the_rule_that_they_stand_before() -> None:
    assert closing_rule(LOGICAL, at(4, SCRAM), 170000) == Step(
        Place.SERVER,
        "Over TLS a certificate is demanded already. Refuse what comes without: directly before "
        f"line 4 of {HBA} (host replication replica 10.0.0.0/8 scram-sha-256) write; every client "
        "that logs in as replica from there must use TLS then, so see first that all of them do",
        ("hostnossl shop replica 10.0.0.0/8 reject",),
    )
    assert opening_rule(LOGICAL, at(4, SCRAM), 170000) == Step(
        Place.SERVER,
        "Let it in over TLS with its certificate, which no rule does now: write this directly "
        f"before line 4 of {HBA} (host replication replica 10.0.0.0/8 scram-sha-256)",
        ("hostssl shop replica 10.0.0.5/32 cert",),
    )


def test_opening_and_closing_write_names_as_the_server_s_version_reads_them() -> None:
    client = replace(LOGICAL, role="/x", database="/shop")
    for version, names in ((159999, '"/shop" "/x"'), (160000, "/^/shop$ /^/x$")):
        assert opening_rule(client, None, version).lines == (f"hostssl {names} 10.0.0.5/32 cert",)
        assert closing_rule(client, SCRAM, version).lines == (
            f"hostnossl {names} 10.0.0.0/8 reject",
        )


@pytest.mark.parametrize("version", [150000, 160000])
@pytest.mark.parametrize(
    ("wal_sender", "written", "line"),
    [
        (PLAIN, (SCRAM,), "hostssl replication {} 10.0.0.0/8 cert"),
        (PLAIN, (CERT, SCRAM), "hostnossl replication {} 10.0.0.0/8 reject"),
        (PLAIN, (), "hostssl replication {} 10.0.0.5/32 cert"),
        (STANDBY, (REJECT,), "hostssl replication {} 10.0.0.5/32 cert"),
        (STANDBY, (NEAR, SCRAM), "hostssl replication {} 10.0.0.5/32 cert"),
    ],
)
def test_every_remedy_writes_a_role_as_the_server_s_version_reads_it(
    wal_sender: WalSender, written: tuple[HbaRule, ...], line: str, version: int
) -> None:
    poll = replace(POLL, server=replace(SERVER, version_number=version))
    sender = replace(wal_sender, role="/x")
    told = judged(sender, *(replace(rule, roles=("all",)) for rule in written), poll=poll)
    expected = line.format("/^/x$" if version == 160000 else '"/x"')
    assert expected in [found for step in told.remedy for found in step.lines]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (replace(CERT, auth_method="trust", options=("clientcert=verify-ca",)), "cert"),
        (replace(SCRAM, options=("clientcert=verify-ca",)), "scram-sha-256 clientcert=verify-full"),
        (
            replace(SCRAM, auth_method="ldap", options=("ldapserver=x", "ldapbasedn=a b")),
            'ldap ldapserver=x "ldapbasedn=a b" clientcert=verify-full',
        ),
    ],
)
def test_a_method_keeps_its_options_beside_the_name_check(rule: HbaRule, expected: str) -> None:
    assert with_name_check(rule, whole_name=False) == expected


GSS = replace(CERT, auth_method="gss", options=("clientcert=verify-ca", "map=m"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GSS, "gss map=m clientname=DN clientcert=verify-full"),
        # the whole name is never the role's, its CN may be
        (replace(GSS, options=("clientcert=verify-ca",)), "gss clientcert=verify-full"),
        (replace(GSS, auth_method="trust"), "cert"),
    ],
)
def test_the_whole_name_goes_on_to_be_compared_where_a_map_takes_it(
    rule: HbaRule, expected: str
) -> None:
    assert with_name_check(rule, whole_name=True) == expected


def test_a_rule_that_is_written_anew_keeps_clientname() -> None:
    line = LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=False,
        holds_file_reference=False,
        holds_clientname=True,
        continues=False,
        clientname="DN",
    )
    poll = replace(POLL, ident=maps(mapping("/.*", "replica")))
    for traits, method in (((line,), "gss map=m clientname=DN"), ((), "gss map=m")):
        told = judged(STANDBY, GSS, poll=replace(poll, hba_lines=traits)).remedy
        lines = [written for step in told for written in step.lines]
        expected = f"hostssl replication replica 10.0.0.0/8 {method} clientcert=verify-full"
        assert expected in lines
