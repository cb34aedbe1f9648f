"""What a new rule requires, where it is not decided which rule governs a client over TLS."""

from dataclasses import replace

import pytest

from exporter.model.client_steps import (
    CheckName,
    IssueCertificate,
    NameRequirement,
    ReplaceCertificate,
)
from exporter.model.hba import ConnectionType, RuleLocation
from exporter.model.remedy import FileEdit
from exporter.model.server_steps import AcceptClient
from exporter.model.wal_sender import TcpPeer
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    TRUST,
    WITHOUT_CERTIFICATE,
    line,
    mapping,
    maps,
)
from tests.unit.assess.remedies import (
    MAPPED,
    PRESENT,
    added,
    fact,
    kinds,
    remedy,
    showing,
)

OPEN = ["open", "load rules", *PRESENT, "close", "load rules"]
NEAR_REJECT = replace(
    REJECT, connection_type=ConnectionType.HOSTSSL, address="samenet", netmask=None
)
NEAR_MAPPED = replace(MAPPED, address="samenet", netmask=None)
NEAR_CERT = replace(CERT, address="samenet", netmask=None)
WIDE = replace(POLL, ident=maps(mapping("alice", "replica"), mapping("/^a.*$", "replica")))
EXACT = replace(POLL, ident=maps(mapping("alice", "replica")))


def test_a_client_that_may_be_rejected_over_tls_is_accepted_first() -> None:
    steps = remedy(PLAIN, NEAR_REJECT, SCRAM)
    assert kinds(steps) == OPEN
    assert added(steps) == [
        "hostssl replication replica 10.0.0.5/32 cert",
        "hostnossl replication replica 10.0.0.0/8 reject",
    ]
    assert fact(AcceptClient, steps) == AcceptClient("replica", None, is_refused=False)
    # its outcome over TLS is not known, but its outcome now is
    assert fact(AcceptClient, remedy(PLAIN)).is_refused


@pytest.mark.parametrize("name", ["machine", None])
def test_clients_over_tls_that_the_line_would_reject_are_named(name: str | None) -> None:
    sender = WITHOUT_CERTIFICATE if name is None else showing(f"/CN={name}")
    same = replace(sender, application_name="same", pid=2)
    far = replace(same, pid=3, peer=replace_address(same.peer))
    fits = replace(showing("/CN=replica"), application_name="fits", pid=4)
    steps = remedy(PLAIN, NEAR_REJECT, SCRAM, others=[same, far, fits])
    assert [c.application_name for c in fact(AcceptClient, steps).refused] == ["same"]


def replace_address(peer: object) -> TcpPeer:
    assert isinstance(peer, TcpPeer)
    return replace(peer, address=peer.address + 1)


def test_a_rule_that_rejects_the_name_may_govern() -> None:
    # it may govern, and compares the whole name, which is no role's
    poll = replace(POLL, hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),))
    assert kinds(remedy(PLAIN, NEAR_CERT, SCRAM, poll=poll)) == OPEN
    other_map = replace(NEAR_MAPPED, options=("map=other", "clientcert=verify-full"))
    both = replace(POLL, ident=maps(mapping("a", "replica"), mapping("b", "replica", "other")))
    assert kinds(remedy(PLAIN, NEAR_MAPPED, other_map, SCRAM, poll=both)) == OPEN


def test_a_client_that_uses_tls_already_is_not_cut_off_by_such_a_line() -> None:
    steps = remedy(WITHOUT_CERTIFICATE, NEAR_REJECT, replace(SCRAM, address="10.0.0.0"))
    assert "open" not in kinds(steps)


def test_a_map_that_accepts_several_names_is_narrowed_as_well() -> None:
    steps = remedy(PLAIN, NEAR_MAPPED, TRUST, poll=WIDE)
    assert kinds(steps) == [
        *PRESENT,
        *("require", "load rules", "narrow", "load maps", "reconnect"),
    ]
    name = NameRequirement("replica", is_whole=False, names=("alice",), map_name="m")
    assert fact(IssueCertificate, steps).name == name
    assert added(steps)[-1] == "m alice replica"
    assert "narrow" not in kinds(remedy(PLAIN, NEAR_MAPPED, TRUST, poll=EXACT))


def test_a_rule_whose_map_accepts_one_name_comes_first() -> None:
    other = replace(NEAR_MAPPED, options=("map=other", "clientcert=verify-full"))
    poll = replace(
        POLL,
        ident=maps(
            mapping("alice", "replica"),
            mapping("/^a.*$", "replica"),
            mapping("alice", "replica", "other"),
        ),
    )
    steps = remedy(PLAIN, NEAR_MAPPED, other, TRUST, poll=poll)
    assert kinds(steps) == [*PRESENT, "require", "load rules", "reconnect"]
    assert added(steps)[0].endswith("cert map=other")


def test_the_map_of_a_client_that_presents_its_certificate_is_narrowed_too() -> None:
    steps = remedy(showing("/CN=alice"), NEAR_MAPPED, SCRAM, poll=WIDE)
    assert [k for k in kinds(steps) if k in ("require", "narrow", "load maps")] == [
        "require",
        "narrow",
        "load maps",
    ]


ALL = replace(POLL, ident=maps(mapping("one", "all"), mapping("two", "all")))
OVER_TLS = replace(MAPPED, address="10.0.0.0")


def test_one_name_is_issued_tried_and_written_into_every_line_of_the_map() -> None:
    steps = remedy(PLAIN, MAPPED, SCRAM, poll=ALL)
    name = NameRequirement("replica", is_whole=False, names=("one",), map_name="m")
    assert fact(IssueCertificate, steps).name == name
    assert [added([s]) for s in steps if isinstance(s.edit, FileEdit)][:2] == [
        ["m one replica"],
        ["m one replica"],
    ]


def test_a_whole_name_that_no_certificate_can_have_is_not_written_into_the_map() -> None:
    poll = replace(
        POLL,
        ident=maps(mapping("CN=one, O=x", "all"), mapping("CN=two,O=x", "all")),
        hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),),
    )
    steps = remedy(PLAIN, MAPPED, SCRAM, poll=poll)
    assert {tuple(added([s])) for s in steps if kinds([s]) == ["narrow"]} == {
        ('m "CN=two,O=x" replica',)
    }


@pytest.mark.parametrize("lines", [["one", "two"], ["/^one"]])
def test_a_connection_older_than_its_map_gets_an_accepted_name_first(lines: list[str]) -> None:
    given = "replica" if lines[0].startswith("/") else "all"
    poll = replace(POLL, ident=maps(*(mapping(name, given) for name in lines)))
    steps = remedy(showing("/CN=old"), MAPPED, poll=poll)
    assert kinds(steps)[:2] == ["replace", "check name"]
    assert fact(ReplaceCertificate, steps).name.names == ("one",)
    assert fact(CheckName, steps).name.names == ("one",)
    # no line is removed without another in its place
    edits = [s.edit for s in steps if isinstance(s.edit, FileEdit)]
    assert edits
    assert all(edit.new for edit in edits)


def test_a_name_that_is_accepted_now_stays() -> None:
    steps = remedy(showing("/CN=two"), MAPPED, poll=ALL)
    assert kinds(steps)[0] == "narrow"
    assert "m two replica" in added(steps)


def test_a_rule_that_loses_clientname_compares_the_common_name() -> None:
    chain = replace(
        SCRAM, connection_type=ConnectionType.HOSTSSL, options=("clientcert=verify-ca",)
    )
    poll = replace(POLL, hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),))
    steps = remedy(PLAIN, chain, SCRAM, poll=poll)
    own = NameRequirement("replica", is_whole=False, names=("replica",))
    assert fact(IssueCertificate, steps).name == own


def test_whom_a_line_for_a_rejected_client_would_refuse_is_named_too() -> None:
    # over TLS a map rule rejects the client and accepts another at the same address
    mapped = replace(MAPPED, roles=("replica",))
    poll = replace(POLL, ident=maps(mapping("", "replica")))
    same = replace(showing("/CN=x"), application_name="same", pid=2)
    steps = remedy(PLAIN, mapped, SCRAM, poll=poll, others=[same])
    assert fact(AcceptClient, steps).is_refused
    assert [c.application_name for c in fact(AcceptClient, steps).refused] == ["same"]
