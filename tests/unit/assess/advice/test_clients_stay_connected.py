"""Remedies that once did not work, or locked out a client that was connected: one fact each."""

from dataclasses import replace

import pytest

from exporter.model.certificate import CertificateSource
from exporter.model.client_steps import KnownCertificate, UseCertificate
from exporter.model.hba import HbaRule, RuleLocation
from exporter.model.judgement import Forecast, Posture, Reason, Verdict
from exporter.model.knowledge import Knowledge
from exporter.model.report import Governs
from exporter.model.server_steps import CompletePattern
from exporter.model.wal_sender import WalSender
from tests.steps import action
from tests.steps import lines as printed
from tests.unit.assess.facts import (
    CERT,
    HBA,
    IDENT,
    PLAIN,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    WITHOUT_CERTIFICATE,
    line,
    mapping,
    maps,
    report,
)
from tests.unit.assess.pg_hba import read
from tests.unit.assess.remedies import (
    CHAIN,
    HOSTNOSSL_SCRAM,
    HOSTSSL_SCRAM,
    MAPPED,
    PRESENT,
    REQUIRE,
    Change,
    added,
    connected,
    edited,
    edits,
    fact,
    kinds,
    lines,
    remedy,
    showing,
    the,
)
from tests.unit.assess.with_certificates import (
    OWN,
    OpenSsl,
    certificate,
    inventory,
    judged,
    known,
    name,
    using,
)


def test_the_name_to_issue_is_one_that_the_map_accepts() -> None:
    poll = replace(POLL, ident=maps(mapping("machine-7", "replica")))
    steps = remedy(PLAIN, HOSTNOSSL_SCRAM, MAPPED, poll=poll)
    assert kinds(steps) == [*PRESENT, "close", "load rules"]
    assert printed(the("issue", steps)) == ("subject: CN=machine-7",)


def test_the_name_to_issue_is_a_whole_one_where_the_rule_compares_that() -> None:
    poll = replace(
        POLL,
        ident=maps(mapping("CN=machine-7,O=Lab", "replica")),
        hba_lines=(line(RuleLocation(HBA, 2), clientname="DN"),),
    )
    steps = remedy(PLAIN, HOSTNOSSL_SCRAM, MAPPED, poll=poll)
    assert printed(the("issue", steps)) == ("subject: CN=machine-7,O=Lab",)


def test_the_name_in_a_map_follows_from_the_value_of_clientname() -> None:
    for value, written in (("CN", "m observer replica"), ("DN", 'm "CN=observer,O=Lab" replica')):
        poll = replace(
            POLL,
            ident=maps(mapping("/^.*$", "replica")),
            hba_lines=(line(RuleLocation(HBA, 1), clientname=value),),
        )
        steps = remedy(showing("/O=Lab/CN=observer"), MAPPED, poll=poll)
        assert kinds(steps) == ["narrow", "load maps", "reconnect"]
        assert edits(steps) == [Change(IDENT, 1, replaces=True, new=(written,))]


@pytest.mark.parametrize("role", ["replication", "repl user", "all", 'x"y', "+staff"])
def test_the_lines_that_a_remedy_writes_are_judged(role: str) -> None:
    for version in (130000, 180000):
        poll = replace(POLL, server=replace(SERVER, version_number=version))
        steps = remedy(
            replace(WITHOUT_CERTIFICATE, role=role), replace(SCRAM, roles=("all",)), poll=poll
        )
        files = {HBA: ["host replication all 10.0.0.0/8 scram-sha-256"]}
        for edit in edits(steps):
            files = edited(edit, files)
        content = read(HBA, files[HBA])
        lines_read = () if content.lines is None else tuple(content.lines.values())
        after = replace(poll, hba=content, hba_lines=lines_read)
        outcome = report(replace(after, wal_senders=(showing(f"/CN={role}", role=role),)))
        assert isinstance(outcome.connections, tuple)
        (connection,) = outcome.connections
        assert connection.rule_match == Governs(content.rules[0])
        assert connection.posture is Posture.CERTIFICATE_REQUIRED
        assert connection.remedy == ()


def person(role: str, common_name: str) -> WalSender:
    return replace(showing(f"/CN={common_name}", role=role), application_name=role)


USERS = replace(MAPPED, roles=("+users",))
PEOPLE = {role: frozenset({role, "users"}) for role in ("alice", "bob", "ann")}


def test_a_pattern_that_others_use_is_completed() -> None:
    poll = replace(
        POLL,
        ident=maps(mapping(r"/^(.*)\.user\.example\.com", r"\1")),
        role_memberships=PEOPLE,
    )
    alice, bob = (person(role, f"{role}.user.example.com") for role in ("alice", "bob"))
    ann = person("ann", "ann.user.example.com.x")
    steps = remedy(alice, USERS, others=(bob, ann), poll=poll)
    assert kinds(steps) == ["complete", "load maps", "reconnect"]
    completed = r"m /^(.*)\.user\.example\.com$ \1"
    written = (completed, "m ann.user.example.com.x ann")
    assert edits(steps) == [Change(IDENT, 1, replaces=True, new=written)]
    # ann, who is not connected now, may be anybody
    steps = remedy(alice, USERS, others=(bob,), poll=poll)
    assert edits(steps) == [Change(IDENT, 1, replaces=True, new=(completed,))]
    assert fact(CompletePattern, steps) == CompletePattern(unnamed=(), has_others=True)


def test_a_certificate_that_is_in_use_and_accepted_is_not_a_step() -> None:
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN)))
    assert kinds(judged(stored, HOSTSSL_SCRAM, sender=using(OWN)).remedy) == REQUIRE


def test_a_certificate_that_is_known_and_not_in_use_is_the_one_to_use() -> None:
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN, roles=["replica"])))
    for sender in (PLAIN, WITHOUT_CERTIFICATE):
        steps = judged(stored, SCRAM, sender=sender).remedy
        assert kinds(steps) == ["use", *PRESENT[1:], *REQUIRE]
        used = KnownCertificate(OWN, CertificateSource.INVENTORY, "/inventory/replica.crt")
        assert fact(UseCertificate, steps) == UseCertificate(used, "replica")


def test_another_rule_that_accepts_the_role_is_closed_and_lowers_nothing() -> None:
    found = connected(STANDBY, CERT, SCRAM)
    assert (found.posture, found.verdict) == (Posture.CERTIFICATE_REQUIRED, Verdict.SECURE)
    assert found.reasons == (Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE,)
    assert kinds(found.remedy) == ["close", "load rules"]
    assert edits(found.remedy) == [
        Change(HBA, 2, replaces=False, new=("hostnossl replication replica 10.0.0.0/8 reject",))
    ]


def test_the_rule_is_closed_also_for_the_client_that_uses_it() -> None:
    steps = remedy(PLAIN, CERT, SCRAM)
    assert kinds(steps) == [*PRESENT, "close", "load rules"]
    # and is still advised once the certificate is presented
    assert added(steps) == added(remedy(STANDBY, CERT, SCRAM))


def test_where_only_the_chain_is_checked_a_name_is_nothing_to_repair() -> None:
    machine = certificate(name("CN=machine-7"))
    stored = Knowledge(OpenSsl(), inventory=inventory(known(machine)))
    found = judged(stored, CHAIN, sender=using(machine))
    assert found.forecast is Forecast.ADMITTED_WITH_CERTIFICATE
    assert kinds(found.remedy) == ["replace", "check name", "reconnect", "see", *REQUIRE]
    assert printed(the("replace", found.remedy)) == ("subject: CN=replica",)


def test_under_patroni_no_file_is_edited_by_hand() -> None:
    header = line(RuleLocation(HBA, 1), patroni=True)
    poll = replace(POLL, hba_lines=(header,), ident=maps(mapping("/^.*$", "replica")))
    for sender, rule, key in (
        (PLAIN, SCRAM, "in the key postgresql.pg_hba ("),
        (showing("/CN=machine-7"), MAPPED, "in the key postgresql.pg_ident ("),
    ):
        steps = remedy(sender, rule, poll=poll)
        assert edits(steps) == []
        assert any(key in action(step) for step in steps)
        assert not any("ALTER SYSTEM" in written for written in lines(steps))
    assert "sslrootcert" in action(the("set", remedy(PLAIN, SCRAM, poll=poll)))


# --- found by looking for more of the same kind

SAME_HOST: HbaRule = replace(MAPPED, address="samehost", netmask=None)


def test_a_client_goes_on_under_its_name_where_a_rule_that_may_govern_accepts_no_other() -> None:
    poll = replace(POLL, ident=maps(mapping("machine-7", "replica")))
    steps = remedy(showing("/CN=machine-7"), SAME_HOST, HOSTSSL_SCRAM, poll=poll)
    # with the CN replica, the rule of line 1 would refuse it
    assert kinds(steps) == ["require", "load rules"]
    assert added(steps) == [
        "hostssl replication replica 10.0.0.5/32 cert map=m",
        "host replication replica 10.0.0.5/32 reject",
    ]


def test_a_map_that_only_may_govern_is_narrowed_before_another_name_is_asked_for() -> None:
    poll = replace(POLL, ident=maps(mapping("/^machine-.*$", "replica")))
    steps = remedy(showing("/CN=machine-7"), SAME_HOST, CHAIN, poll=poll)
    assert kinds(steps) == ["narrow", "load maps", "reconnect"]
    assert edits(steps)[0].new == ("m machine-7 replica",)


def test_clients_under_two_rules_of_one_map_are_each_kept_by_the_name_that_is_compared() -> None:
    mapped = (replace(MAPPED, roles=(role,)) for role in ("alice", "bob"))
    poll = replace(
        POLL,
        ident=maps(mapping("/^.*$", "all")),
        role_memberships=PEOPLE,
        hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),),
    )
    alice, bob = (person(role, f"{role}.example") for role in ("alice", "bob"))
    steps = remedy(alice, *mapped, others=(bob,), poll=poll)
    assert edits(steps)[0].new == ("m CN=alice.example alice", "m bob.example bob")


def test_a_name_that_the_map_accepts_now_is_issued_where_the_map_is_narrowed() -> None:
    for system_name, issued in (
        ("machine-7", "machine-7"),
        ("/^machine-.*$", None),
        ("/machine", "machine"),
        ("/.*", "replica"),
        ("/replica", "replica"),
    ):
        ident = maps(mapping(system_name, "all" if system_name == "machine-7" else "replica"))
        steps = remedy(PLAIN, MAPPED, SCRAM, poll=replace(POLL, ident=ident))
        assert printed(the("issue", steps)) == (
            () if issued is None else (f"subject: CN={issued}",)
        )


@pytest.mark.parametrize("pattern", ["/", "/^", "/$", "/^$"])
def test_a_pattern_is_never_completed_to_the_empty_name(pattern: str) -> None:
    poll = replace(POLL, ident=maps(mapping(pattern, "replica")))
    assert "m /^$ replica" not in added(remedy(showing("/CN=x"), MAPPED, poll=poll))
