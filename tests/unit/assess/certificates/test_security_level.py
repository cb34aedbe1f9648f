"""What the security level of the server's OpenSSL may refuse; the level cannot be read."""

from dataclasses import replace

import pytest

from exporter.assess.certificates.security_level import doubtful
from exporter.model.certificate import Certificate
from exporter.model.certificates_report import NameFit, NextCertificate, NextUnknown
from exporter.model.client_steps import UseCertificate
from exporter.model.finding import NextHandshake, Weakness
from exporter.model.hba import HbaRule
from exporter.model.judgement import Forecast, ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.verification import VERIFIED, Verification
from tests.unit.assess.facts import CERT, NOW, REJECT, SCRAM
from tests.unit.assess.with_certificates import (
    CA,
    DAY,
    OWN,
    REPLICA,
    OpenSsl,
    certificate,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
)

SHA1 = replace(OWN, signature_algorithm="ecdsa-with-SHA1")
INTERMEDIATE = certificate(name("CN=issuing"), serial=3, authority=True)
ROOT = replace(CA, signature_algorithm="sha1WithRSAEncryption")


def signed(algorithm: str) -> Certificate:
    return replace(OWN, signature_algorithm=algorithm)


def keyed(key_type: str) -> Certificate:
    return replace(OWN, key_type=key_type)


@pytest.mark.parametrize(
    "algorithm",
    [
        "sha1WithRSAEncryption",
        "shaWithRSAEncryption",
        "ecdsa-with-SHA1",
        "dsaWithSHA1",
        "md5WithRSAEncryption",
        "md4WithRSAEncryption",
        "md2WithRSAEncryption",
        "mdc2WithRSA",
        "ripemd160WithRSA",
    ],
)
def test_a_weak_digest_is_in_doubt(algorithm: str) -> None:
    assert doubtful([signed(algorithm)]) == Weakness(REPLICA, algorithm, "")


@pytest.mark.parametrize(
    "algorithm",
    [
        "sha224WithRSAEncryption",
        "sha256WithRSAEncryption",
        "sha512WithRSAEncryption",
        "ecdsa-with-SHA256",
        "RSA-SHA3-256",
        "rsassaPss",
        "ED25519",
        "1.2.3.4",
    ],
)
def test_another_digest_is_not(algorithm: str) -> None:
    assert doubtful([signed(algorithm)]) is None


@pytest.mark.parametrize(
    "key_type",
    ["RSA 512", "RSA 1024", "RSA 2047", "DSA 1024", "EC secp192r1", "EC secp160k1", "EC sect163k1"],
)
def test_a_short_key_is_in_doubt(key_type: str) -> None:
    assert doubtful([keyed(key_type)]) == Weakness(REPLICA, "", key_type)


@pytest.mark.parametrize(
    "key_type",
    [
        *("RSA 2048", "DSA 2048", "EC secp224r1", "EC secp256r1", "EC sect233k1", "EC sect571r1"),
        *("EC brainpoolP256r1", "Ed25519", "Ed448", "X25519", "1.2.3.4"),
    ],
)
def test_another_key_is_not(key_type: str) -> None:
    assert doubtful([keyed(key_type)]) is None


def test_the_whole_chain_counts_but_not_the_signature_of_a_root() -> None:
    assert doubtful([OWN, INTERMEDIATE]) is None
    weak = replace(INTERMEDIATE, signature_algorithm="sha1WithRSAEncryption")
    assert doubtful([OWN, weak]) == Weakness(INTERMEDIATE.subject, "sha1WithRSAEncryption", "")
    itself = replace(ROOT, issuer=ROOT.subject)
    assert doubtful([OWN, itself]) is None
    short = replace(itself, key_type="RSA 1024")
    assert doubtful([OWN, itself, short]) == Weakness(CA.subject, "", "RSA 1024")
    assert doubtful([]) is None


@pytest.mark.parametrize("rule", [CERT, SCRAM])
@pytest.mark.parametrize(
    "chain",
    [
        (SHA1,),
        (keyed("RSA 1024"),),
        (OWN, replace(INTERMEDIATE, signature_algorithm="sha1WithRSAEncryption")),
    ],
)
def test_whether_it_would_be_accepted_is_not_known(
    rule: HbaRule, chain: tuple[Certificate, ...]
) -> None:
    connection = judged(of_standby(sending(*chain)), rule)
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.UNKNOWN,
        ForecastCause.NONE,
    )
    (handshake,) = (f for f in connection.findings if isinstance(f, NextHandshake))
    weakness = doubtful(chain)
    assert weakness is not None
    assert handshake == NextHandshake(
        role="replica",
        name=NameFit.ADMITTED,
        verification=VERIFIED,
        weakness=weakness,
        compares_name=rule is CERT,
        is_required=False,
    )
    assert not any(isinstance(s.kind, UseCertificate) for s in connection.remedy)


def test_what_refuses_it_anyway_still_does() -> None:
    connection = judged(of_standby(sending(SHA1)), REJECT)
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.REFUSED,
        ForecastCause.RULE,
    )
    other = replace(certificate(name("CN=other")), signature_algorithm="sha1WithRSAEncryption")
    connection = judged(of_standby(sending(other)), CERT)
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.REFUSED,
        ForecastCause.NAME,
    )
    revoked = OpenSsl({SHA1: Verification("revoked", ForecastCause.REVOKED)})
    connection = judged(replace(of_standby(sending(SHA1)), verify=revoked), CERT)
    assert (connection.forecast, connection.forecast_cause) == (
        Forecast.REFUSED,
        ForecastCause.REVOKED,
    )


def test_of_several_a_weak_one_has_another_outcome_than_a_strong_one() -> None:
    strong = certificate(serial=8, since=NOW - DAY)
    weak = replace(
        certificate(serial=9, since=NOW - DAY), signature_algorithm="sha1WithRSAEncryption"
    )
    stored = Knowledge(OpenSsl(), inventory=inventory(known(strong), known(weak)))
    connection = judged(stored, CERT)
    assert connection.forecast is Forecast.UNKNOWN
    assert isinstance(connection.next_certificate, NextUnknown)
    by_chain = inventory(known(strong, INTERMEDIATE), known(weak, INTERMEDIATE))
    assert isinstance(
        judged(replace(stored, inventory=by_chain), CERT).next_certificate, NextUnknown
    )
    below = replace(INTERMEDIATE, signature_algorithm="sha1WithRSAEncryption")
    alike = replace(stored, inventory=inventory(known(strong, below), known(weak)))
    assert isinstance(judged(alike, CERT).next_certificate, NextCertificate)
