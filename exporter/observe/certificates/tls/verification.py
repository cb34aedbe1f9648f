"""Would this chain be accepted, and until when: OpenSSL asked at the moments that matter.

Between two dates of the certificates and lists at hand the answer does not change. So an answer is
kept from one date to the next, and when a chain breaks is found by asking at the ends of what it
was built of: at each of them OpenSSL may have another path (a root renewed with the same key).
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
"""Renewals that are followed; no chain lives through more, and each costs a question."""
_MOST_ANSWERS = 20_000

# x509_vfy.h; every other error is one of the authorities or of the way to them
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
    """An answer and the moments for which it is the answer, the last not among them."""

    begins: datetime
    ends: datetime
    answer: Verification


class Verifier:
    """Remembers its answers: they are asked for at each poll for each connection."""

    def __init__(self) -> None:
        self._answers: OrderedDict[_Key, _Remembered] = OrderedDict()
        self._lock = Lock()  # whoever judges in a thread may ask too

    def __call__(
        self,
        chain: Sequence[Certificate],
        trust: Trust,
        purpose: Purpose,
        *,
        at: datetime,
        host: str | None = None,
    ) -> Verification:
        """Answer as exporter.model.verification.Verify says."""
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
    """Return when the chain that holds at ``at`` fails, and what runs out then."""
    for _ in range(_MOST_PATHS):
        turns = _turns(outcome.path, chain, trust)
        turn = min((each for each in turns if each >= at), default=None)
        if turn is None or (after := _next_second(turn)) is None:
            return None, ForecastCause.NONE
        outcome, at = openssl.ask(chain, trust, purpose, after), after
        if outcome.error != openssl.OK:
            return turn, _cause(outcome)
    # made to go on; its own end is known in any case
    return chain[0].not_after, ForecastCause.EXPIRED


def _turns(
    path: Sequence[Certificate], chain: Sequence[Certificate], trust: Trust
) -> Iterator[datetime]:
    """Yield the dates at which ``path`` may cease to be the one that OpenSSL takes.

    Those are its ends and those of the lists it needs, and beginnings, which may turn OpenSSL to a
    certificate or list that it finds first and likes less.
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
