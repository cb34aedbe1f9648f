"""While no date passes and nothing else changes, what is known stays equal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.assess.certificates.connection import certificates_known
from exporter.assess.certificates.passed_dates import other_boundaries, passed, validity_boundaries
from exporter.model.certificate import Certificate, RevocationList
from exporter.model.failure import FailureReason, Unread
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from tests.unit.assess.facts import NOW, STANDBY
from tests.unit.assess.with_certificates import (
    CA,
    DAY,
    ENDS,
    NO_LISTS,
    OWN,
    PRIMARY,
    RENEWED,
    SEEN,
    SERVED,
    SERVER_LEAF,
    STANDBY_TARGET,
    TLS_FILES,
    OpenSsl,
    certificate,
    crl,
    inventory,
    known,
    name,
    of_standby,
    sending,
    using,
)

SECOND = timedelta(seconds=1)
NEVER = datetime.max.replace(tzinfo=UTC)
UNREAD = Unread(FailureReason.PERMISSION)
EVERYTHING = replace(SEEN, tls_files=replace(TLS_FILES, revocation=replace(NO_LISTS, path="x")))


def test_a_date_counts_at_its_second_and_after_it() -> None:
    assert validity_boundaries([OWN, CA]) == tuple(
        sorted(
            edge
            for date in (OWN.not_before, OWN.not_after, CA.not_before, CA.not_after)
            for edge in (date, date + SECOND)
        )
    )


def test_the_last_possible_date_is_not_an_error() -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    before = never - SECOND
    assert validity_boundaries([certificate(since=before, until=never)]) == (
        before,
        never,
        never,
        never,
    )
    assert validity_boundaries([certificate(since=NOW, until=NOW)]) == (
        NOW,
        NOW,
        NOW + SECOND,
        NOW + SECOND,
    )


def test_a_moment_lies_between_the_last_turn_and_the_next_of_both_kinds() -> None:
    one, other = (NOW, NOW + 2 * DAY), (NOW - DAY, NOW + DAY)
    assert passed(one, other, NOW - SECOND) == (NOW - DAY, NOW)
    assert passed(one, other, NOW) == (NOW, NOW)
    assert passed(one, other, NOW + SECOND) == (NOW, NOW + DAY)
    assert passed(one, other, NOW + DAY + SECOND) == (NOW + DAY, NOW + 2 * DAY)
    assert passed(one, other, NOW + 3 * DAY) == (NOW + 2 * DAY, NEVER)
    assert passed(one, other, NOW - 2 * DAY) == (None, NOW - DAY)
    assert passed((), (), NOW) == (None, NEVER)


def test_dates_of_all_that_is_known_besides_the_inventory_count() -> None:
    def of(*certificates: Certificate, lists: tuple[RevocationList, ...] = ()) -> list[datetime]:
        dates = [d for c in certificates for d in (c.not_before, c.not_after)]
        dates += [d for one in lists for d in (one.this_update, one.next_update) if d]
        return sorted(edge for d in dates for edge in (d, d + SECOND))

    files = replace(
        TLS_FILES, revocation=replace(NO_LISTS, revocation_lists=(crl(), crl("B", None)))
    )
    knowledge = replace(of_standby(sending(RENEWED, CA)), served=SERVED)
    poll = replace(SEEN, tls_files=files)
    lists = (crl(), crl("B", None))
    assert list(other_boundaries(poll, knowledge)) == of(
        RENEWED, CA, SERVER_LEAF, CA, SERVER_LEAF, lists=lists
    )
    nothing = replace(SEEN, tls_files=UNREAD)
    assert other_boundaries(nothing, Knowledge(OpenSsl())) == ()
    unread = of_standby(replace(sending(OWN), certificate=UNREAD))
    assert other_boundaries(nothing, replace(unread, served=UNREAD)) == ()
    half = replace(SEEN, tls_files=replace(TLS_FILES, authority=UNREAD, revocation=UNREAD))
    assert list(other_boundaries(half, Knowledge(OpenSsl()))) == of(SERVER_LEAF)


CHAINED = (known(OWN, certificate(name("CN=sub"), until=ENDS + 9 * DAY, authority=True)),)
STORED = replace(of_standby(sending(RENEWED)), inventory=inventory(*CHAINED), served=SERVED)


def same(poll: Observation, knowledge: Knowledge, then: datetime, *, before: datetime) -> bool:
    first = certificates_known(SEEN, PRIMARY, STORED, now=before)
    return first == certificates_known(poll, PRIMARY, knowledge, now=then)


def test_equal_knowledge_is_equal_until_a_date_passes() -> None:
    assert same(SEEN, STORED, NOW + DAY, before=NOW)
    # another OpenSSL with the same answers is the same
    assert same(SEEN, replace(STORED, verify=OpenSsl()), NOW, before=NOW)
    for date in (OWN.not_after, RENEWED.not_after, CA.not_after, ENDS + 9 * DAY):
        assert not same(SEEN, STORED, date, before=date - SECOND)
        assert not same(SEEN, STORED, date + SECOND / 2, before=date)
        assert not same(SEEN, STORED, date + SECOND, before=date + SECOND / 2)


@pytest.mark.parametrize(
    ("poll", "knowledge"),
    [
        (SEEN, replace(STORED, inventory=None)),
        (SEEN, replace(STORED, inventory=inventory())),
        (SEEN, replace(STORED, standbys=())),
        (SEEN, replace(STORED, standbys=(replace(STANDBY_TARGET, receiver=sending(OWN)),))),
        (SEEN, replace(STORED, served=None)),
        (SEEN, replace(STORED, served=replace(SERVED, certificates=(OWN,)))),
        (replace(SEEN, wal_senders=(using(RENEWED),)), STORED),
        (replace(SEEN, wal_senders=(replace(STANDBY, application_name="x"),)), STORED),
    ],
)
def test_other_knowledge_is_other(poll: Observation, knowledge: Knowledge) -> None:
    assert not same(poll, knowledge, NOW, before=NOW)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=4), st.datetimes(), st.datetimes())
def test_between_two_moments_with_no_date_nothing_passes(
    dates: list[datetime], one: datetime, other: datetime
) -> None:
    early, late = sorted((one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)))
    ordered = validity_boundaries([certificate(since=d, until=d) for d in dates])
    between = any(early <= edge <= late for edge in ordered)
    if early != late:
        unchanged = passed(ordered, (), early) == passed((), ordered, late)
        assert unchanged is not between


FEW_SECONDS = st.integers(0, 9).map(lambda seconds: NOW + seconds * SECOND)


@given(st.lists(FEW_SECONDS, max_size=3), st.lists(FEW_SECONDS, max_size=3), FEW_SECONDS)
def test_whatever_else_is_known_meanwhile_a_date_that_passes_counts(
    dates: list[datetime], later_dates: list[datetime], early: datetime
) -> None:
    late = early + 2 * SECOND
    first, second = (
        validity_boundaries([certificate(since=d, until=d) for d in known_then])
        for known_then in (dates, later_dates)
    )
    if passed((), first, early) == passed((), second, late):
        assert not any(early <= edge <= late for edge in (*first, *second))
