"""Certificates with odd names and numbers, as pg_stat_ssl shows them: matched, or ambiguous.

Never wrongly matched: the server cuts names at 63 bytes and escapes neither slashes nor equals
signs (backend_status.h, PgBackendSSLStatus; be-secure-openssl.c, X509_NAME_to_cstring()).
"""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from exporter.model.certificates_report import Ambiguous, Matched, Unmatched
from exporter.model.judgement import Reason
from lab.odd_certificates import common_name as odd_name
from lab.odd_certificates import issue_odd
from lab.pki import Authority, Issued
from lab.replication import ReplicationClient
from tests.live.certificates.house import OLDEST_AND_NEWEST, ROLE, House, house
from tests.live.primaries import Primaries

pytestmark = pytest.mark.live

PASSWORD = f"hostssl replication {ROLE} 127.0.0.1/32 scram-sha-256\n"


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


O, OU, CN = NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME  # noqa: E741

SUBJECTS = {
    "plain": name((O, "Lab"), (CN, ROLE)),
    "empty": x509.Name([]),
    "slashes": name((O, "x/CN=boss"), (CN, ROLE)),
    "their rival": name((O, "x"), (CN, "boss"), (CN, ROLE)),
    "equals": name((O, "a=b=c"), (CN, ROLE)),
    "several names": name((CN, "first"), (CN, ROLE)),
    "together": x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(OU, "one"), x509.NameAttribute(OU, "two")]
            ),
            x509.RelativeDistinguishedName([x509.NameAttribute(CN, ROLE)]),
        ]
    ),
    "cut in a character": name((O, "x" * 56 + "Zürich"), (CN, ROLE)),
    "cut": name((O, "y" * 64), (OU, "z" * 64), (CN, ROLE)),
    "other letters": name((O, "Fabrik Zürich 日本"), (CN, ROLE)),
    "escaped": name((O, 'Comma, Inc/Slash+Plus "quoted" \\ <>;'), (CN, " # blank ")),
}


@pytest.fixture(scope="module", params=OLDEST_AND_NEWEST)
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[House]:
    with house(primaries, request.param, PASSWORD) as made:
        yield made


def match_of(shared: House, issued: Issued) -> Matched | Ambiguous | Unmatched:
    with ReplicationClient(shared.parameters(issued)) as client:
        connection = shared.connection(client)
    assert connection.in_use is not None
    return connection.in_use


def test_every_odd_subject_is_matched_among_all_the_others(shared: House) -> None:
    # all have one serial number, so that only the subject distinguishes them
    all_of = {
        which: shared.authority.issue(subject=subject, serial_number=4711)
        for which, subject in SUBJECTS.items()
    }
    shared.own(*all_of.values())
    rivals = {"slashes": "their rival", "their rival": "slashes"}
    for which, issued in all_of.items():
        found = match_of(shared, issued)
        if which in rivals:
            # the server shows both alike
            assert isinstance(found, Ambiguous), which
            numbers = {c.subject.rfc2253 for c in found.candidates}
            assert len(numbers) == 2, which
        else:
            assert isinstance(found, Matched), which
            assert found.certificate.der == der(issued), which


SERIALS = {
    "negative": -5,
    "zero": 0,
    "one": 1,
    "twenty bytes": (1 << 159) - 1,
    "the largest that is negative": -(1 << 159),
}


def test_serial_numbers_of_every_size_and_sign_are_distinguished(shared: House) -> None:
    owned = {
        serial: issue_odd(shared.authority, f"serial{n}", odd_name(ROLE), serial_number=serial)
        for n, serial in enumerate(SERIALS.values())
    }
    shared.own(*(certificate for certificate, _ in owned.values()))
    for serial, (certificate, key) in owned.items():
        parameters = {**shared.parameters(None), "sslcert": str(certificate), "sslkey": str(key)}
        with ReplicationClient(parameters) as client:
            found = shared.connection(client).in_use
        assert isinstance(found, Matched), serial
        assert found.certificate.serial_number == serial


def der(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(Encoding.DER)


def test_equal_serial_numbers_of_different_issuers_are_distinguished(shared: House) -> None:
    below = shared.authority.intermediate()
    shared.trust([shared.authority.certificate])
    one = shared.authority.issue(common_name=ROLE, serial_number=99)
    other = below.issue(common_name=ROLE, serial_number=99)
    shared.own(one, other)
    for issued in (one, other):
        found = match_of(shared, issued)
        assert isinstance(found, Matched)
        assert found.certificate.der == der(issued)


def test_issuers_that_are_alike_as_far_as_they_are_shown_are_ambiguous(shared: House) -> None:
    long = "i" * 64
    authorities = [
        Authority.create(shared.directory / "pki", subject=name((O, long), (CN, which)))
        for which in ("one", "two")
    ]
    shared.trust([a.certificate for a in authorities])
    issued = [a.issue(common_name=ROLE, serial_number=5) for a in authorities]
    shared.own(*issued)
    for each in issued:
        found = match_of(shared, each)
        assert isinstance(found, Ambiguous)
        assert len(found.candidates) == 2
    shared.trust([shared.authority.certificate])


def test_what_is_not_known_or_not_known_for_sure_is_a_reason_and_no_verdict(
    shared: House,
) -> None:
    issued = shared.authority.issue(common_name=ROLE)
    shared.own(shared.authority.issue(common_name=ROLE))
    with ReplicationClient(shared.parameters(issued)) as client:
        connection = shared.connection(client)
        assert connection.in_use == Unmatched()
        assert Reason.CERTIFICATE_UNKNOWN in connection.reasons
        known = shared.authority.issue(common_name=ROLE, serial_number=6)
        shared.own(issued, known)
        now_known = shared.connection(client)
    assert isinstance(now_known.in_use, Matched)
    assert Reason.CERTIFICATE_UNKNOWN not in now_known.reasons
    assert (now_known.posture, now_known.verdict) == (connection.posture, connection.verdict)
