"""OpenSSL's verdict and when it changes, on every kind of chain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.certificate import Certificate
from exporter.model.judgement import ForecastCause
from exporter.model.verification import Purpose, Trust, Verification
from exporter.observe.certificates.parse import openssl
from exporter.observe.certificates.tls import verification
from exporter.observe.certificates.tls.verification import verify
from lab.pki import lab_name
from tests.chains import DAY, NOW, Case, Made, cases, make, make_list, read, read_list

SECOND = timedelta(seconds=1)
openssl_ask = openssl.ask
CASES = {(purpose, case.name): case for purpose in Purpose for case in cases(purpose, NOW)}
ALL = tuple(CASES.values())


@pytest.mark.parametrize(("purpose", "name"), CASES, ids=str)
def test_every_kind_of_chain_is_judged_as_openssl_does(purpose: Purpose, name: str) -> None:
    case = CASES[purpose, name]
    answer = verify(case.chain, case.trust, purpose, at=NOW)
    assert answer.cause is case.cause, answer
    assert (answer.result == "ok") == (case.cause is ForecastCause.NONE)


def test_the_result_is_in_the_words_of_openssl() -> None:
    words = {
        CASES[Purpose.CLIENT, name].name: _ask(CASES[Purpose.CLIENT, name]).result
        for name in ("leaf expired", "leaf revoked", "intermediate missing", "no usage")
    }
    assert words == {
        "leaf expired": "certificate has expired",
        "leaf revoked": "certificate revoked",
        "intermediate missing": "unable to get local issuer certificate",
        "no usage": "ok",
    }


def _ask(case: Case, at: datetime = NOW) -> Verification:
    return verify(case.chain, case.trust, Purpose.CLIENT, at=at)


def _authority(
    name: str,
    issuer: Made | None = None,
    *,
    begins: datetime = NOW - 100 * DAY,
    ends: datetime,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Made:
    return make(lab_name(name), issuer, authority=True, begins=begins, ends=ends, key=key)


def _leaf(issuer: Made, ends: datetime) -> Made:
    return make(lab_name("standby"), issuer, begins=NOW - DAY, ends=ends)


def _chain(*made: Made) -> tuple[Certificate, ...]:
    return tuple(read(one.certificate) for one in made)


def _break(chain: Sequence[Certificate], trust: Trust) -> tuple[timedelta | None, ForecastCause]:
    """Return how long after NOW the chain breaks, and by what; hold it against OpenSSL."""
    answer = verify(chain, trust, Purpose.CLIENT, at=NOW)
    assert answer.result == "ok"
    if answer.breaks_at is None:
        return None, answer.breaks_cause
    before, after = answer.breaks_at - SECOND, answer.breaks_at + SECOND
    assert openssl.ask(chain, trust, Purpose.CLIENT, before).error == openssl.OK
    assert openssl.ask(chain, trust, Purpose.CLIENT, after).error != openssl.OK
    return answer.breaks_at - NOW, answer.breaks_cause


@pytest.mark.parametrize(
    ("leaf", "issuing", "root", "expected"),
    [
        (10, 20, 30, (10 * DAY, ForecastCause.EXPIRED)),
        (20, 10, 30, (10 * DAY, ForecastCause.AUTHORITY)),
        (20, 30, 10, (10 * DAY, ForecastCause.AUTHORITY)),
    ],
)
def test_a_chain_breaks_with_what_ends_first(
    leaf: int, issuing: int, root: int, expected: tuple[timedelta, ForecastCause]
) -> None:
    top = _authority("Root", ends=NOW + root * DAY)
    middle = _authority("Issuing", top, ends=NOW + issuing * DAY)
    chain = _chain(_leaf(middle, NOW + leaf * DAY), middle)
    assert _break(chain, Trust(_chain(top))) == expected


def test_a_chain_breaks_with_the_first_list_that_it_needs() -> None:
    root = _authority("Root", ends=NOW + 90 * DAY)
    other = _authority("Other", ends=NOW + 90 * DAY)
    lists = [
        make_list(issuer, begins=NOW - DAY, ends=NOW + days * DAY)
        for issuer, days in ((root, 7), (root, 14), (other, 3))
    ]
    trust = Trust(_chain(root, other), tuple(read_list(one) for one in lists))
    chain = _chain(_leaf(root, NOW + 20 * DAY))
    assert _break(chain, trust) == (14 * DAY, ForecastCause.CRL)
    assert _break(chain, replace(trust, revocation_lists=trust.revocation_lists[::-1])) == (
        14 * DAY,
        ForecastCause.CRL,
    )


def test_a_list_that_outlives_the_leaf_breaks_nothing() -> None:
    root = _authority("Root", ends=NOW + 90 * DAY)
    ending = read_list(make_list(root, begins=NOW - DAY, ends=NOW + 50 * DAY))
    chain = _chain(_leaf(root, NOW + 20 * DAY))
    assert _break(chain, Trust(_chain(root), (ending,))) == (20 * DAY, ForecastCause.EXPIRED)


def test_of_a_crowd_of_renewals_only_some_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit of chains, the leaf's own notAfter is reported."""
    old = _authority("Root", ends=NOW + DAY)
    crowd = [_authority("Root", ends=NOW + d * DAY, key=old.key) for d in range(2, 40)]
    asked: list[datetime] = []

    def ask(
        chain: Sequence[Certificate], trust: Trust, purpose: Purpose, at: datetime
    ) -> openssl.Outcome:
        asked.append(at)
        return openssl_ask(chain, trust, purpose, at)

    monkeypatch.setattr(openssl, "ask", ask)
    chain = _chain(_leaf(old, NOW + 90 * DAY))
    answer = verify(chain, Trust(_chain(old, *crowd)), Purpose.CLIENT, at=NOW)
    assert len(asked) == 21
    assert (answer.breaks_at, answer.breaks_cause) == (NOW + 90 * DAY, ForecastCause.EXPIRED)


@pytest.mark.parametrize("renewed_first", [True, False])
def test_a_renewed_authority_carries_the_chain_on(*, renewed_first: bool) -> None:
    old = _authority("Root", ends=NOW + 5 * DAY)
    new = _authority("Root", ends=NOW + 50 * DAY, key=old.key)
    bundle = _chain(new, old) if renewed_first else _chain(old, new)
    assert _break(_chain(_leaf(old, NOW + 90 * DAY)), Trust(bundle)) == (
        50 * DAY,
        ForecastCause.AUTHORITY,
    )


def test_an_authority_renewed_without_a_gap_carries_the_chain_on() -> None:
    old = _authority("Root", ends=NOW + 5 * DAY)
    new = _authority("Root", begins=NOW + 5 * DAY, ends=NOW + 50 * DAY, key=old.key)
    chain = _chain(_leaf(old, NOW + 20 * DAY))
    assert _break(chain, Trust(_chain(old, new))) == (20 * DAY, ForecastCause.EXPIRED)


def test_a_gap_between_an_authority_and_its_renewal_breaks_the_chain() -> None:
    old = _authority("Root", ends=NOW + 5 * DAY)
    new = _authority("Root", begins=NOW + 6 * DAY, ends=NOW + 50 * DAY, key=old.key)
    chain = _chain(_leaf(old, NOW + 20 * DAY))
    assert _break(chain, Trust(_chain(old, new))) == (5 * DAY, ForecastCause.AUTHORITY)


def test_what_never_ends_never_breaks() -> None:
    # RFC 5280, section 4.1.2.5
    never = NOW.replace(year=9999, month=12, day=31, hour=23, minute=59, second=59)
    root = _authority("Root", ends=never)
    assert _break(_chain(_leaf(root, never)), Trust(_chain(root))) == (None, ForecastCause.NONE)


def test_what_fails_already_has_no_moment_to_break() -> None:
    for case in ALL:
        answer = _ask(case)
        assert (answer.breaks_at is None) == (answer.result != "ok")
        assert (answer.breaks_cause is ForecastCause.NONE) == (answer.result != "ok")


def test_a_folder_of_lists_requires_them_also_while_it_is_empty() -> None:
    root = _authority("Root", ends=NOW + 90 * DAY)
    chain = _chain(_leaf(root, NOW + 20 * DAY))
    trust = Trust(_chain(root), demands_lists=True)
    answer = verify(chain, trust, Purpose.CLIENT, at=NOW)
    assert answer.cause is ForecastCause.CRL
    assert answer.result == "unable to get certificate CRL"


def test_a_fraction_of_a_second_changes_nothing() -> None:
    root = _authority("Root", ends=NOW + 90 * DAY)
    chain = _chain(_leaf(root, NOW + 20 * DAY))
    end = NOW + 20 * DAY
    for at in (end - SECOND, end, end + SECOND):
        whole, part = (
            verify(chain, Trust(_chain(root)), Purpose.CLIENT, at=each)
            for each in (at, at + timedelta(milliseconds=900))
        )
        assert whole == part


def test_a_remembered_answer_is_that_of_openssl_at_every_date() -> None:
    """Walk through all dates twice, forth and back: what is remembered is what would be asked."""
    old = _authority("Root", ends=NOW + 5 * DAY)
    new = _authority("Root", begins=NOW + 3 * DAY, ends=NOW + 50 * DAY, key=old.key)
    lists = [
        make_list(old, begins=NOW + begins * DAY, ends=NOW + ends * DAY)
        for begins, ends in ((-1, 8), (7, 30))
    ]
    trust = Trust(_chain(old, new), tuple(read_list(one) for one in lists))
    chain = _chain(_leaf(old, NOW + 20 * DAY))
    dates = [-101, -100, -2, -1, 0, 3, 5, 7, 8, 20, 30, 50, 60]
    moments = [
        NOW + days * DAY + seconds * SECOND for days in dates for seconds in (-1, 0, 1, 3600)
    ]
    for at in (*moments, *moments[::-1]):
        outcome = openssl.ask(chain, trust, Purpose.CLIENT, at)
        assert verify(chain, trust, Purpose.CLIENT, at=at).result == outcome.words, at
    results = [verify(chain, trust, Purpose.CLIENT, at=at).result for at in moments]
    assert {one for pair in pairwise(results) if pair[0] != pair[1] for one in pair} > {"ok"}


def test_answers_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    ask = openssl.ask

    def counted(*arguments: Any) -> openssl.Outcome:
        nonlocal asked
        asked += 1
        return ask(*arguments)

    monkeypatch.setattr(openssl, "ask", counted)
    monkeypatch.setattr(verification, "_MOST_ANSWERS", 2)
    verifier = verification.Verifier()
    names = ("wrong usage", "leaf expired", "leaf revoked")
    wrong, expired, revoked = (CASES[Purpose.CLIENT, name] for name in names)
    for case, asks in [
        (wrong, 1),
        (wrong, 0),
        (expired, 1),
        (wrong, 0),
        (revoked, 1),  # in place of the one that was asked for longest ago
        (wrong, 0),
        (expired, 1),
    ]:
        asked = 0
        verifier(case.chain, case.trust, Purpose.CLIENT, at=NOW)
        assert asked == asks, case.name


def test_nothing_sent_is_refused_in_words() -> None:
    assert verify((), Trust(()), Purpose.SERVER, at=NOW).result == "no certificate"


CERTIFICATES = tuple(
    dict.fromkeys(one for case in ALL for one in (*case.chain, *case.trust.authorities))
)
LISTS = tuple(dict.fromkeys(one for case in ALL for one in case.trust.revocation_lists))


@st.composite
def _damaged(draw: st.DrawFn) -> Certificate:
    """A certificate some bytes of which are others, as if it had been read all the same."""
    one = draw(st.sampled_from(CERTIFICATES))
    der = bytearray(one.der)
    for _ in range(draw(st.integers(0, 3))):
        der[draw(st.integers(0, len(der) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.one_of(st.just(len(der)), st.integers(0, len(der))))
    return replace(one, der=bytes(der[:cut]), fingerprint=sha256(der[:cut]).hexdigest())


@settings(max_examples=300, deadline=None)
@given(
    chain=st.lists(st.one_of(st.sampled_from(CERTIFICATES), _damaged()), max_size=4),
    authorities=st.lists(st.one_of(st.sampled_from(CERTIFICATES), _damaged()), max_size=4),
    lists=st.lists(st.sampled_from(LISTS), max_size=3),
    at=st.datetimes(NOW.replace(year=1, tzinfo=None), NOW.replace(year=9990, tzinfo=None)),
    host=st.one_of(st.none(), st.text(max_size=20)),
)
def test_whatever_the_certificates_there_is_an_answer(
    chain: list[Certificate],
    authorities: list[Certificate],
    lists: list[object],
    at: datetime,
    host: str | None,
) -> None:
    trust = Trust(tuple(authorities), tuple(one for one in LISTS if one in lists))
    moment = at.replace(tzinfo=NOW.tzinfo)
    answer = verify(chain, trust, Purpose.CLIENT, at=moment, host=host)
    assert answer.result
    assert (answer.result == "ok") == (answer.cause is ForecastCause.NONE)
    if answer.breaks_at is not None:
        assert answer.breaks_at >= moment.replace(microsecond=0)
