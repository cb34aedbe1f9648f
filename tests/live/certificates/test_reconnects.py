"""Every outcome of a client's certificate at its next connect, forecast and then tried.

reference: PostgreSQL manual, "Client Certificates" and "Certificate Authentication"; the server
verifies with OpenSSL under every rule (be-secure-openssl.c, be_tls_init()).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from exporter.model.judgement import Forecast, ForecastCause
from lab.pki import SERVER, Authority, Issued, lab_name
from lab.replication import ReplicationClient
from tests.live.certificates.house import OLDEST_AND_NEWEST, ROLE, House, house
from tests.live.primaries import Primaries
from tests.live.scenarios.stage import now

pytestmark = pytest.mark.live

ADMITTED = Forecast.ADMITTED_WITH_CERTIFICATE
WITHOUT = Forecast.ADMITTED_WITHOUT_CERTIFICATE
REFUSED = Forecast.REFUSED

CERT = f"hostssl replication {ROLE} 127.0.0.1/32 cert\n"
CHAIN = f"hostssl replication {ROLE} 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
NAMED = f"hostssl replication {ROLE} 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n"
TRUST = f"host replication {ROLE} 127.0.0.1/32 trust\n"
BY_MAP = f"hostssl replication {ROLE} 127.0.0.1/32 cert map=m\n"
PASSWORD = f"host replication {ROLE} 127.0.0.1/32 scram-sha-256\n"

Make: TypeAlias = Callable[[House], Issued]


@dataclass(frozen=True, slots=True)
class Case:
    """A certificate, what the server is configured with, and what a connect with it meets."""

    name: str
    rules: str
    make: Make
    forecast: Forecast
    cause: ForecastCause = ForecastCause.NONE
    map: str = ""


def good(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name=ROLE)


def expired(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name=ROLE, not_after=now() - timedelta(hours=1))


def not_yet_valid(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name=ROLE, not_before=now() + timedelta(days=1))


def of_another_authority(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return Authority.create(house.directory / "pki", common_name="Other CA").issue(common_name=ROLE)


def of_a_namesake_authority(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return Authority.create(house.directory / "pki").issue(common_name=ROLE)


def for_servers(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name=ROLE, usage=SERVER)


def for_anything(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name=ROLE, usage=None)


def revoked(house: House) -> Issued:
    issued = house.authority.issue(common_name=ROLE)
    crl = house.authority.revocation_list(issued.certificate)
    house.trust([house.authority.certificate], [crl])
    return issued


def not_revoked(house: House) -> Issued:
    issued = house.authority.issue(common_name=ROLE)
    other = house.authority.issue(common_name="other")
    crl = house.authority.revocation_list(other.certificate)
    house.trust([house.authority.certificate], [crl])
    return issued


def under_an_expired_list(house: House) -> Issued:
    crl = house.authority.revocation_list(
        this_update=now() - timedelta(days=2), next_update=now() - timedelta(days=1)
    )
    house.trust([house.authority.certificate], [crl])
    return house.authority.issue(common_name=ROLE)


def under_an_authority_without_list(house: House) -> Issued:
    below = house.authority.intermediate()
    house.trust([house.authority.certificate], [house.authority.revocation_list()])
    return below.issue(common_name=ROLE)


def with_lists_of_all_authorities(house: House) -> Issued:
    below = house.authority.intermediate()
    lists = [house.authority.revocation_list(), below.revocation_list()]
    house.trust([house.authority.certificate], lists)
    return below.issue(common_name=ROLE)


def with_its_intermediate(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.intermediate().issue(common_name=ROLE)


def with_the_intermediate_on_the_server(house: House) -> Issued:
    below = house.authority.intermediate()
    house.trust([house.authority.certificate, below.certificate])
    alone = Authority(below.directory, below.certificate_path, below.certificate, below.key)
    return alone.issue(common_name=ROLE)


def without_its_intermediate(house: House) -> Issued:
    below = house.authority.intermediate()
    house.trust([house.authority.certificate])
    alone = Authority(below.directory, below.certificate_path, below.certificate, below.key)
    return alone.issue(common_name=ROLE)


def with_the_intermediate_alone_on_the_server(house: House) -> Issued:
    below = house.authority.intermediate()
    house.trust([below.certificate])
    return below.issue(common_name=ROLE)


def under_an_expired_root(house: House) -> Issued:
    old = Authority.create(
        house.directory / "pki", common_name="Old CA", not_after=now() - timedelta(hours=1)
    )
    house.trust([old.certificate, house.authority.certificate])
    return old.issue(common_name=ROLE)


def under_an_expired_intermediate(house: House) -> Issued:
    below = house.authority.intermediate(not_after=now() - timedelta(hours=1))
    house.trust([house.authority.certificate])
    return below.issue(common_name=ROLE)


def of_another_name(house: House) -> Issued:
    house.trust([house.authority.certificate])
    return house.authority.issue(common_name="another")


def _named(*common_names: str) -> Make:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n) for n in common_names])

    def make(house: House) -> Issued:
        house.trust([house.authority.certificate])
        return house.authority.issue(subject=subject)

    return make


def without_cn(house: House) -> Issued:
    house.trust([house.authority.certificate])
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab")])
    return house.authority.issue(subject=name)


CASES = (
    Case("good", CERT, good, ADMITTED),
    Case("good, password too", NAMED, good, ADMITTED),
    Case("good, chain only", CHAIN, good, ADMITTED),
    Case("good, trusted", TRUST, good, WITHOUT),
    Case("good, password only", PASSWORD, good, WITHOUT),
    Case("expired", CERT, expired, REFUSED, ForecastCause.EXPIRED),
    Case("expired, trusted", TRUST, expired, REFUSED, ForecastCause.EXPIRED),
    Case("expired, password only", PASSWORD, expired, REFUSED, ForecastCause.EXPIRED),
    Case("not yet valid", CERT, not_yet_valid, REFUSED, ForecastCause.NOT_YET_VALID),
    Case("another authority", CERT, of_another_authority, REFUSED, ForecastCause.AUTHORITY),
    Case("namesake authority", CERT, of_a_namesake_authority, REFUSED, ForecastCause.AUTHORITY),
    Case("for servers", CERT, for_servers, REFUSED, ForecastCause.PURPOSE),
    Case("for anything", CERT, for_anything, ADMITTED),
    Case("revoked", CERT, revoked, REFUSED, ForecastCause.REVOKED),
    Case("revoked, trusted", TRUST, revoked, REFUSED, ForecastCause.REVOKED),
    Case("another one revoked", CERT, not_revoked, ADMITTED),
    Case("list expired", CERT, under_an_expired_list, REFUSED, ForecastCause.CRL),
    Case("list missing", CERT, under_an_authority_without_list, REFUSED, ForecastCause.CRL),
    Case("lists of all", CERT, with_lists_of_all_authorities, ADMITTED),
    Case("intermediate sent", CERT, with_its_intermediate, ADMITTED),
    Case("intermediate on server", CERT, with_the_intermediate_on_the_server, ADMITTED),
    Case("intermediate missing", CERT, without_its_intermediate, REFUSED, ForecastCause.AUTHORITY),
    Case(
        "root missing",
        CERT,
        with_the_intermediate_alone_on_the_server,
        REFUSED,
        ForecastCause.AUTHORITY,
    ),
    Case("root expired", CERT, under_an_expired_root, REFUSED, ForecastCause.AUTHORITY),
    Case(
        "intermediate expired",
        CERT,
        under_an_expired_intermediate,
        REFUSED,
        ForecastCause.AUTHORITY,
    ),
    Case("another name", CERT, of_another_name, REFUSED, ForecastCause.NAME),
    Case("another name, password too", NAMED, of_another_name, REFUSED, ForecastCause.NAME),
    Case("another name, chain only", CHAIN, of_another_name, ADMITTED),
    Case("another name, trusted", TRUST, of_another_name, WITHOUT),
    Case("first of two names", CERT, _named(ROLE, "another"), ADMITTED),
    Case("second of two names", CERT, _named("another", ROLE), REFUSED, ForecastCause.NAME),
    Case("no name", CERT, without_cn, REFUSED, ForecastCause.NAME),
    Case("by map", BY_MAP, of_another_name, ADMITTED, map=f"m another {ROLE}\n"),
    Case("not in map", BY_MAP, good, REFUSED, ForecastCause.NAME, map=f"m another {ROLE}\n"),
    Case("by pattern", BY_MAP, of_another_name, ADMITTED, map=f"m /^an.*$ {ROLE}\n"),
)


@pytest.fixture(scope="module", params=OLDEST_AND_NEWEST)
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[House]:
    with house(primaries, request.param, PASSWORD) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_forecast_is_what_the_client_meets(shared: House, case: Case) -> None:
    shared.stage.load_hba(PASSWORD)
    shared.trust([shared.authority.certificate])
    # it was accepted with an unknown certificate; what it will send is known by its role
    before = shared.authority.issue(common_name=ROLE)
    with ReplicationClient(shared.parameters(before)) as client:
        issued = case.make(shared)
        shared.own(issued)
        shared.stage.primary.server.write_ident(case.map)
        shared.stage.load_hba(case.rules)
        shared.stage.restart_exporter()
        connection = shared.connection(client)
        assert shared.is_let_in(issued) == (case.forecast is not REFUSED)
    assert (connection.forecast, connection.forecast_cause) == (case.forecast, case.cause)


def test_a_renewed_authority_of_the_same_key_takes_the_place_of_the_expired(
    shared: House,
) -> None:
    old = Authority.create(
        shared.directory / "pki", common_name="Renewed CA", not_after=now() - timedelta(hours=1)
    )
    renewed = (
        x509.CertificateBuilder(subject_name=lab_name("Renewed CA"))
        .issuer_name(lab_name("Renewed CA"))
        .public_key(old.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(old.key, SHA256())
    )
    issued = old.issue(common_name=ROLE)
    shared.stage.load_hba(PASSWORD)
    shared.trust([shared.authority.certificate])
    before = shared.authority.issue(common_name=ROLE)
    with ReplicationClient(shared.parameters(before)) as client:
        shared.own(issued)
        shared.stage.load_hba(CERT)
        shared.trust([old.certificate, renewed])
        shared.stage.restart_exporter()
        connection = shared.connection(client)
        assert shared.is_let_in(issued)
    assert connection.forecast is ADMITTED
    assert connection.breaks_at == renewed.not_valid_after_utc
    assert connection.breaks_cause is ForecastCause.AUTHORITY
