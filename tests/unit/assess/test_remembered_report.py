"""A reused report equals the one that a new judgement would give, whatever changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.assess.certificates.passed_dates import list_boundaries, next_boundary
from exporter.assess.certificates.server_findings import EXPIRES_SOON, expiry_dates
from exporter.assess.report import assess
from exporter.model.failure import FailureReason, Unread
from exporter.model.history import Judgements, RulesHistory
from exporter.model.judgement import Reason
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.policy import Exemption, Policy
from exporter.model.report import TargetReport
from exporter.model.target import Target
from exporter.model.verification import Trust, Verification
from tests.unit.assess.facts import BEGAN, NOW, SERVER, STANDBY, connections, rules
from tests.unit.assess.with_certificates import (
    CA,
    DAY,
    NO_LISTS,
    OWN,
    PRIMARY,
    RENEWED,
    SEEN,
    SERVED,
    SERVER_LEAF,
    TLS_FILES,
    OpenSsl,
    certificate,
    crl,
    file,
    inventory,
    known,
    name,
    of_standby,
    sending,
    using,
)

SECOND = timedelta(seconds=1)
START = NOW + timedelta(hours=1)
"""The expiry of the server's certificate begins to be reported exactly at NOW."""
UNREAD = Unread(FailureReason.PERMISSION, "")
IN_INVENTORY = known(OWN, certificate(name("CN=sub"), until=NOW + 20 * DAY, authority=True))
TRUSTED = certificate(name("CN=trusted"), until=NOW + 5 * DAY, authority=True)
LISTED = replace(NO_LISTS, path="x", revocation_lists=(crl(),))
POLL = replace(SEEN, tls_files=replace(TLS_FILES, revocation=LISTED), wal_senders=(using(OWN),))
SIGNED_OFF = Exemption(
    name="signed off", reason="why", roles=frozenset({"replica"}), until=NOW + 3 * DAY
)
TARGET = replace(PRIMARY, policy=Policy(exemptions=(SIGNED_OFF,), exempt_loopback=False))
KNOWLEDGE = replace(
    of_standby(sending(RENEWED)),
    inventory=inventory(IN_INVENTORY),
    served=replace(SERVED, trust=Trust((TRUSTED,), (crl("T", NOW + 2 * DAY),))),
)
DATES = {
    "signed off": NOW + 3 * DAY,
    "in use": OWN.not_after,
    "authority in the inventory": NOW + 20 * DAY,
    "file of the standby": RENEWED.not_after,
    "served": SERVER_LEAF.not_after,
    "authority of the server": CA.not_after,
    "list of the server": NOW + 7 * DAY,
    "trusted authority": TRUSTED.not_after,
    "list of the trusted": NOW + 2 * DAY,
    "authority of the server is reported": CA.not_after - EXPIRES_SOON,
}


def _steady(
    poll: Observation = POLL, knowledge: Knowledge = KNOWLEDGE, *, at: datetime = START
) -> tuple[TargetReport, RulesHistory]:
    """Return the third of three equal polls."""
    report, history = assess(poll, TARGET, RulesHistory(), knowledge, now=at)
    for _ in range(2):
        report, history = assess(poll, TARGET, history, knowledge, now=at)
    assert history.last is not None
    return report, history


def _again(
    history: RulesHistory,
    poll: Observation = POLL,
    target: Target = TARGET,
    knowledge: Knowledge = KNOWLEDGE,
    *,
    now: datetime = START,
) -> TargetReport:
    """Return what the next poll is given, which is what it were without memory."""
    forgetful = replace(history, judged=Judgements(), last=None)
    given = assess(poll, target, history, knowledge, now=now)[0]
    assert given == assess(poll, target, forgetful, knowledge, now=now)[0]
    return given


def test_the_same_is_reported_again_with_the_times_of_the_poll() -> None:
    first, history = _steady()
    later = replace(POLL, at=NOW + DAY, duration_seconds=0.5)
    given, after = assess(later, TARGET, history, KNOWLEDGE, now=NOW + DAY)
    assert given == replace(first, polled_at=NOW + DAY, duration_seconds=0.5)
    assert given.connections is first.connections
    assert after is history


def test_what_one_poll_learned_about_the_rules_is_not_reported_again() -> None:
    _, history = assess(POLL, TARGET, RulesHistory(), KNOWLEDGE, now=START)
    assert history.last is None


@pytest.mark.parametrize("date", DATES.values(), ids=DATES)
def test_time_alone_changes_it_at_every_date_that_counts(date: datetime) -> None:
    before = date - 2 * SECOND
    first, history = _steady(at=before)
    assert _again(history, now=date - SECOND).connections is first.connections
    for moment in (date, date + SECOND / 2, date + SECOND, date + 2 * SECOND):
        assert _again(history, now=moment).connections is not first.connections


def test_a_date_that_passes_counts_even_if_the_server_sends_less_meanwhile() -> None:
    date, intermediate = OWN.not_after, certificate(name("CN=intermediate"), authority=True)
    chain = replace(SERVED, certificates=(*SERVED.certificates, intermediate))
    alone = replace(chain, certificates=SERVED.certificates)
    _, history = _steady(knowledge=replace(KNOWLEDGE, served=chain), at=date - 30 * SECOND)
    later = _again(history, knowledge=replace(KNOWLEDGE, served=alone), now=date + 30 * SECOND)
    (connection,) = connections(later)
    assert Reason.CERTIFICATE_EXPIRED_IN_USE in connection.reasons


def test_the_expiry_of_what_is_served_is_reported_in_time() -> None:
    served = certificate(name("CN=db1"), serial=51, until=NOW + DAY + EXPIRES_SOON)
    knowledge = replace(KNOWLEDGE, served=replace(SERVED, certificates=(served,)))
    poll = replace(POLL, tls_files=TLS_FILES)
    first, history = _steady(poll, knowledge)
    reported = _again(history, poll, knowledge=knowledge, now=NOW + DAY).certificates.findings
    assert set(reported) > set(first.certificates.findings)


def test_it_is_forgotten_at_no_other_time() -> None:
    _, history = _steady()
    assert history.last is not None
    assert history.last.until == min(DATES.values()) == NOW + 2 * DAY


def test_a_clock_that_goes_backwards_is_no_ground_either() -> None:
    first, history = _steady()
    assert _again(history, now=START).connections is first.connections
    assert _again(history, now=START - SECOND).connections is not first.connections


def test_a_date_that_is_now_counts_from_now_on() -> None:
    first, history = _steady(at=OWN.not_after)
    for moment in (OWN.not_after, OWN.not_after + SECOND / 2, OWN.not_after + SECOND):
        assert _again(history, now=moment).connections is not first.connections


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, hba=rules()),
        lambda p: replace(p, hba=UNREAD),
        lambda p: replace(p, ident=UNREAD),
        lambda p: replace(p, file_times=UNREAD),
        lambda p: replace(p, role_memberships=UNREAD),
        lambda p: replace(p, regular_expressions=UNREAD),
        lambda p: replace(p, server=replace(SERVER, configuration_loaded_at=BEGAN)),
        lambda p: replace(p, server=replace(SERVER, system_identifier="another")),
        lambda p: replace(p, wal_senders=(replace(STANDBY, pid=1),)),
        lambda p: replace(p, wal_senders=()),
        lambda p: replace(p, wal_senders=UNREAD),
        lambda p: replace(p, tls_files=UNREAD),
        lambda p: replace(p, receiver=sending(OWN)),
    ],
)
def test_whatever_else_was_read_is_judged(change: Callable[[Observation], Observation]) -> None:
    first, history = _steady()
    changed = change(POLL)
    assert _again(history, changed) != first
    assert _again(_steady(changed)[1], changed) == _steady(changed)[0]


@pytest.mark.parametrize(
    "knowledge",
    [
        replace(KNOWLEDGE, inventory=None),
        replace(KNOWLEDGE, inventory=inventory()),
        replace(KNOWLEDGE, served=None),
        replace(KNOWLEDGE, served=UNREAD),
        replace(KNOWLEDGE, served=replace(SERVED, trust=None)),
        replace(KNOWLEDGE, served=replace(SERVED, trust=UNREAD)),
        replace(KNOWLEDGE, standbys=()),
        replace(KNOWLEDGE, seen=(RENEWED,)),
        replace(KNOWLEDGE, verify=OpenSsl({CA: Verification("unknown")})),
    ],
)
def test_by_other_knowledge_it_is_judged_again(knowledge: Knowledge) -> None:
    first, history = _steady()
    assert _again(history, knowledge=knowledge).connections is not first.connections
    steady = _steady(knowledge=knowledge)
    assert _again(steady[1], knowledge=knowledge) == steady[0]


def test_what_was_looked_up_for_a_client_goes_with_it() -> None:
    """Unused certificates are reported if a role may log in with them."""
    leaves = replace(STANDBY, pid=1, role="leaving", application_name="leaving")
    unbound = [known(certificate(name(f"CN={role}"))) for role in ("replica", "leaving")]
    knowledge = replace(KNOWLEDGE, inventory=inventory(*unbound))
    both = replace(POLL, wal_senders=(using(OWN), leaves))
    report, history = _steady(both, knowledge)
    names = {v.certificate.subject.slash for v in report.certificates.verified}
    assert {"/CN=replica", "/CN=leaving"} <= names
    stayed = _again(history, knowledge=knowledge)
    assert "/CN=leaving" not in {v.certificate.subject.slash for v in stayed.certificates.verified}


def test_another_configuration_is_judged_by() -> None:
    first, history = _steady()
    strict = replace(TARGET, policy=Policy(exempt_loopback=False))
    assert _again(history, target=strict).connections is not first.connections


def test_an_inventory_of_the_same_certificates_is_the_same_if_it_hands_out_the_same() -> None:
    first, history = _steady()
    assert KNOWLEDGE.inventory is not None
    later = replace(KNOWLEDGE.inventory, read_at=NOW + DAY)
    again = _again(history, knowledge=replace(KNOWLEDGE, inventory=later))
    assert again.connections is first.connections


def test_the_next_of_several_turns_is_the_first_that_is_not_before() -> None:
    one, other = (NOW, NOW + 2 * DAY), (NOW + DAY,)
    assert next_boundary(NOW, one, other) == NOW
    assert next_boundary(NOW + SECOND, one, other) == NOW + DAY
    assert next_boundary(NOW + DAY + SECOND, one, other) == NOW + 2 * DAY
    assert next_boundary(NOW + 3 * DAY, one, other) == datetime.max.replace(tzinfo=UTC)
    assert next_boundary(NOW) == datetime.max.replace(tzinfo=UTC)


def test_turns_of_lists_are_both_their_dates_if_they_have_them() -> None:
    listed = crl()
    assert listed.next_update is not None
    dates = (listed.this_update, listed.next_update)
    assert list_boundaries([listed]) == tuple(sorted(e for d in dates for e in (d, d + SECOND)))
    assert list_boundaries([crl(until=None)]) == (listed.this_update, listed.this_update + SECOND)


def test_expiries_are_reported_for_what_is_served_and_for_the_files() -> None:
    read = replace(TLS_FILES, revocation=LISTED)
    assert set(expiry_dates(read, SERVED)) == {SERVER_LEAF.not_after, CA.not_after, NOW + 7 * DAY}
    assert set(expiry_dates(UNREAD, SERVED)) == {SERVER_LEAF.not_after}
    assert set(expiry_dates(UNREAD, None)) == set()


def test_an_end_long_ago_is_not_an_error() -> None:
    ancient = certificate(name("CN=old"), until=datetime(1, 1, 2, tzinfo=UTC), authority=True)
    poll = replace(POLL, tls_files=replace(TLS_FILES, authority=file("root.crt", ancient)))
    first, history = _steady(poll)
    assert _again(history, poll).connections is first.connections
