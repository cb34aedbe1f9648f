"""Verifies whether a chain is accepted, and until when.

Between two dates of the certificates and lists at hand OpenSSL's answer does not change. So an
answer is kept from one date to the next. When a chain fails is found by verifying it at the end of
each certificate and list in its path: at each of these times OpenSSL may find another path (a root
renewed with the same key).
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.judgement import ForecastCause
from exporter.model.verification import VERIFIED, Purpose, Trust, Verification, Verify
from exporter.observe.certificates.parse import openssl
from exporter.observe.certificates.parse.openssl import Outcome
from exporter.observe.certificates.tls import host_names

_SECOND = timedelta(seconds=1)
_MOST_PATHS = 20
"""Renewals that are followed; no chain outlasts more, and each costs a verification."""
_MOST_ANSWERS = 20_000

# x509_vfy.h; every other error concerns the authorities or the path to them
_OF_LEAF = {
    9: ForecastCause.NOT_YET_VALID,
    10: ForecastCause.EXPIRED,
    13: ForecastCause.NOT_YET_VALID,  # notBefore cannot be read
    14: ForecastCause.EXPIRED,
}
_OF_ANY = {
    3: ForecastCause.CRL,  # no list
    5: ForecastCause.CRL,
    8: ForecastCause.CRL,  # signature
    11: ForecastCause.CRL,  # not yet valid
    12: ForecastCause.CRL,  # expired
    15: ForecastCause.CRL,
    16: ForecastCause.CRL,
    23: ForecastCause.REVOKED,
    26: ForecastCause.PURPOSE,
    33: ForecastCause.CRL,  # no issuer of the list
    35: ForecastCause.CRL,  # the issuer may not sign lists
    36: ForecastCause.CRL,  # a critical extension of the list
    44: ForecastCause.CRL,  # scope
    54: ForecastCause.CRL,  # path of the list's issuer
}

_Trusted = tuple[tuple[str, ...], tuple[str, ...], bool]
_Key = tuple[tuple[str, ...], _Trusted, Purpose, str | None]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """An answer and the period for which it is valid; its end is exclusive."""

    begins: datetime
    ends: datetime
    answer: Verification


class Verifier:
    """Verifies chains and remembers the answers: each poll needs them for each connection."""

    def __init__(self) -> None:
        self._answers: OrderedDict[_Key, _Remembered] = OrderedDict()
        self._lock = Lock()  # judgements in other threads call it too

    def __call__(
        self,
        chain: Sequence[Certificate],
        trust: Trust,
        purpose: Purpose,
        *,
        at: datetime,
        host: str | None = None,
    ) -> Verification:
        """Return the answer that exporter.model.verification.Verify defines."""
        key = (
            tuple([each.fingerprint for each in chain]),
            _trusted(trust),
            purpose,
            host,
        )
        with self._lock:
            known = self._answers.get(key)
            if known is not None and known.begins <= at < known.ends:
                self._answers.move_to_end(key)
                return known.answer
        answer = _verify(chain, trust, purpose, at, host)
        begins, ends = _around(at, chain, trust)
        with self._lock:
            self._answers[key] = _Remembered(begins, ends, answer)
            self._answers.move_to_end(key)
            if len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
        return answer


verify: Verify = Verifier()
"""OpenSSL, as a function."""


@lru_cache(maxsize=256)
def _trusted(trust: Trust) -> _Trusted:
    # one object for all answers: thousands may be kept, of hundreds of authorities
    return (
        tuple([each.fingerprint for each in trust.authorities]),
        tuple([each.fingerprint for each in trust.revocation_lists]),
        trust.demands_lists,
    )


def _verify(
    chain: Sequence[Certificate],
    trust: Trust,
    purpose: Purpose,
    at: datetime,
    host: str | None,
) -> Verification:
    at = at.replace(microsecond=0)  # as OpenSSL counts
    outcome = openssl.ask(chain, trust, purpose, at)
    if outcome.error != openssl.OK:
        return Verification(outcome.words, _cause(outcome))
    if host is not None and not host_names.carries(chain[0], host):
        address = host_names.is_address(host)
        words = "IP address mismatch" if address else "hostname mismatch"  # those of OpenSSL
        return Verification(words, ForecastCause.NAME)
    breaks_at, breaks_cause = _break(outcome, chain, trust, purpose, at)
    return Verification(VERIFIED, ForecastCause.NONE, breaks_at, breaks_cause)


def _break(
    outcome: Outcome, chain: Sequence[Certificate], trust: Trust, purpose: Purpose, at: datetime
) -> tuple[datetime | None, ForecastCause]:
    """Return when the chain that is valid at ``at`` fails, and what expires then."""
    for _ in range(_MOST_PATHS):
        boundaries = _validity_boundaries(outcome.path, chain, trust)
        boundary = min((each for each in boundaries if each >= at), default=None)
        if boundary is None or (after := _next_second(boundary)) is None:
            return None, ForecastCause.NONE
        outcome, at = openssl.ask(chain, trust, purpose, after), after
        if outcome.error != openssl.OK:
            return boundary, _cause(outcome)
    # made to have more renewals than are followed; its own end is known in any case
    return chain[0].not_after, ForecastCause.EXPIRED


def _validity_boundaries(
    path: Sequence[Certificate], chain: Sequence[Certificate], trust: Trust
) -> Iterator[datetime]:
    """Yield the dates at which OpenSSL may no longer accept ``path``.

    These are the ends of its certificates and of the lists that it needs; and beginnings, as
    OpenSSL may from then on find another certificate or list first, and reject that.
    """
    for certificate in path:
        yield certificate.not_after
    for certificate in (*trust.authorities, *chain):
        yield certificate.not_before
    issuers = {_loosely(certificate.issuer) for certificate in path}
    for one in trust.revocation_lists:
        yield one.this_update
        if one.next_update is not None and _loosely(one.issuer) in issuers:
            yield one.next_update


def _loosely(name: DistinguishedName) -> str:
    # OpenSSL compares names without regard to case and to the number of blanks
    return " ".join(name.rfc2253.split()).casefold()


def _around(at: datetime, chain: Sequence[Certificate], trust: Trust) -> tuple[datetime, datetime]:
    """Return the dates before and after ``at`` between which no answer changes.

    A date counts to the full second before and after: OpenSSL took notAfter itself for expired
    until 4.0 and does not any more.
    """
    begins, ends = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for date in _dates(chain, trust):
        for edge in (date, _next_second(date)):
            if edge is None:
                continue
            if edge <= at:
                begins = max(begins, edge)
            else:
                ends = min(ends, edge)
    return begins, ends


def _dates(chain: Sequence[Certificate], trust: Trust) -> Iterator[datetime]:
    for certificate in (*chain, *trust.authorities):
        yield certificate.not_before
        yield certificate.not_after
    for one in trust.revocation_lists:
        yield one.this_update
        if one.next_update is not None:
            yield one.next_update


def _next_second(date: datetime) -> datetime | None:
    try:
        return date + _SECOND
    except OverflowError:
        return None  # 99991231235959Z: never (RFC 5280, section 4.1.2.5)


def _cause(outcome: Outcome) -> ForecastCause:
    if outcome.depth == 0 and outcome.error in _OF_LEAF:
        return _OF_LEAF[outcome.error]
    return _OF_ANY.get(outcome.error, ForecastCause.AUTHORITY)
