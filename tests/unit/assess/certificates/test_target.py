"""The certificates of a target: where they stand, what is said of them, and what ends first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.assess.report import failed
from exporter.model.certificate import (
    Certificate,
    CertificateFile,
    CertificateSource,
    CertificateUsage,
)
from exporter.model.certificates_report import Matched, Unmatched
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.finding import (
    ExpiringThing,
    Expiry,
    MoreNotInUse,
    NotInUse,
    ServedDiffers,
    ServedNotVerified,
    ServedRejected,
)
from exporter.model.judgement import ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.report import TargetReport
from exporter.model.target_certificates import (
    CertificatePlace,
    ListedRevocations,
    TargetCertificates,
    VerifiedCertificate,
)
from exporter.model.tls_files import TlsFiles
from exporter.model.verification import NOT_CHECKED, VERIFIED, Purpose, Trust, Verification
from tests.unit.assess.facts import CERT, KNOWLEDGE, NOW, POLL, SERVER, STANDBY, report
from tests.unit.assess.with_certificates import (
    CA,
    CA_NAME,
    DAY,
    EXPIRED,
    NO_LISTS,
    OWN,
    PRIMARY,
    RECEIVER,
    RENEWED,
    SEEN,
    SERVED,
    SERVER_LEAF,
    STANDBY_TARGET,
    TLS_FILES,
    OpenSsl,
    certificate,
    crl,
    file,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    using,
)

SERVER_USE, CLIENT_USE, AUTHORITY_USE = (
    CertificateUsage.SERVER,
    CertificateUsage.CLIENT,
    CertificateUsage.AUTHORITY,
)
WIRE, SERVER_FILE, STANDBY_FILE = (
    CertificateSource.SERVED,
    CertificateSource.SERVER_FILE,
    CertificateSource.STANDBY_FILE,
)
NOT_READ = Unread(FailureReason.PERMISSION, "denied")
NOBODY = replace(SEEN, wal_senders=())
ISSUER = certificate(name("CN=Issuing CA"), serial=2, until=NOW + 200 * DAY, authority=True)
RENEWED_LEAF = certificate(name("CN=db1"), serial=51, until=NOW + 300 * DAY)
LEAF_EXPIRES = Expiry(
    ExpiringThing.SERVED_CERTIFICATE, SERVER_LEAF.subject, NOW + 90 * DAY, is_past=False
)


def whole(poll: Observation, knowledge: Knowledge = KNOWLEDGE) -> TargetReport:
    return report(poll, knowledge=knowledge, target=PRIMARY)


def certificates_of(poll: Observation, knowledge: Knowledge = KNOWLEDGE) -> TargetCertificates:
    return whole(poll, knowledge).certificates


def with_files(
    *, own: object = None, authority: object = None, lists: object = None
) -> Observation:
    files = TlsFiles(
        certificate=own or NOT_READ,  # type: ignore[arg-type]
        authority=authority or NOT_READ,  # type: ignore[arg-type]
        revocation=lists or NOT_READ,  # type: ignore[arg-type]
    )
    return replace(NOBODY, tls_files=files)


# --- places


def test_every_certificate_is_reported_at_each_of_its_places() -> None:
    poll = replace(
        NOBODY,
        tls_files=TlsFiles(
            file("server.crt", RENEWED_LEAF, ISSUER), file("root.crt", CA, ISSUER), NO_LISTS
        ),
        receiver=sending(OWN, CA),
    )
    served = replace(SERVED, certificates=(SERVER_LEAF, ISSUER))
    assert certificates_of(poll, replace(KNOWLEDGE, served=served)).places == (
        CertificatePlace(SERVER_LEAF, SERVER_USE, WIRE),
        CertificatePlace(ISSUER, AUTHORITY_USE, WIRE),
        CertificatePlace(RENEWED_LEAF, SERVER_USE, SERVER_FILE, ("server.crt",)),
        CertificatePlace(ISSUER, AUTHORITY_USE, SERVER_FILE, ("server.crt", "root.crt")),
        CertificatePlace(CA, AUTHORITY_USE, SERVER_FILE, ("root.crt",)),
        CertificatePlace(OWN, CLIENT_USE, STANDBY_FILE, ("/home/postgres/replica.crt",)),
        CertificatePlace(CA, AUTHORITY_USE, STANDBY_FILE, ("/home/postgres/replica.crt",)),
    )


def test_a_certificate_that_stands_twice_in_a_file_has_one_place() -> None:
    poll = with_files(authority=file("root.crt", CA, CA))
    assert certificates_of(poll).places == (
        CertificatePlace(CA, AUTHORITY_USE, SERVER_FILE, ("root.crt",)),
    )


@pytest.mark.parametrize(
    "poll",
    [
        replace(NOBODY, tls_files=NOT_READ, receiver=NOT_READ),
        with_files(),
        replace(NOBODY, tls_files=NOT_READ, receiver=replace(RECEIVER, certificate=NOT_READ)),
        replace(NOBODY, tls_files=NOT_READ, receiver=None),
    ],
)
def test_what_is_not_read_has_no_place(poll: Observation) -> None:
    for served in (None, NOT_READ, replace(SERVED, certificates=())):
        found = certificates_of(poll, replace(KNOWLEDGE, served=served))
        assert (found.places, found.verified, found.revocation_lists) == ((), (), ())
        assert found.server_certificate_pending is None


def test_the_lists_of_the_servers_files_are_reported_once_each() -> None:
    lists = replace(NO_LISTS, path="root.crl", revocation_lists=(crl("B"), crl("A"), crl("B")))
    assert certificates_of(with_files(lists=lists)).revocation_lists == (
        ListedRevocations(crl("B"), SERVER_FILE),
        ListedRevocations(crl("A"), SERVER_FILE),
    )


# --- the served certificate


def test_the_served_chain_is_checked_as_a_client_would() -> None:
    openssl = OpenSsl({SERVER_LEAF: Verification("hostname mismatch", ForecastCause.NAME)})
    served = replace(SERVED, certificates=(SERVER_LEAF, ISSUER))
    found = certificates_of(NOBODY, Knowledge(openssl, served=served))
    assert openssl.asked == [((SERVER_LEAF, ISSUER), Trust((CA,)), Purpose.SERVER, NOW, "db1")]
    assert found.verified == (VerifiedCertificate(SERVER_LEAF, SERVER_USE, "hostname mismatch"),)
    assert found.served_at == NOW
    assert found.findings == (
        ServedRejected(SERVER_LEAF, "db1", "hostname mismatch"),
        LEAF_EXPIRES,
    )


@pytest.mark.parametrize("trust", [None, NOT_READ])
def test_without_authorities_the_served_certificate_is_not_checked(trust: object) -> None:
    openssl = OpenSsl()
    served = replace(SERVED, trust=trust)  # type: ignore[arg-type]
    found = certificates_of(NOBODY, Knowledge(openssl, served=served))
    assert openssl.asked == []
    assert found.verified == (VerifiedCertificate(SERVER_LEAF, SERVER_USE, NOT_CHECKED),)
    unread = ServedNotVerified("denied")
    assert found.findings == ((LEAF_EXPIRES,) if trust is None else (unread, LEAF_EXPIRES))


def test_a_reason_stands_for_words_that_are_missing() -> None:
    served = replace(SERVED, trust=Unread(FailureReason.FILE_MISSING))
    found = certificates_of(NOBODY, replace(KNOWLEDGE, served=served))
    assert found.findings[0] == ServedNotVerified("file_missing")


def test_a_name_that_is_not_known_is_not_reported() -> None:
    openssl = OpenSsl({SERVER_LEAF: Verification("bad")})
    knowledge = Knowledge(openssl, served=replace(SERVED, host=None))
    assert certificates_of(NOBODY, knowledge).findings[0] == ServedRejected(
        SERVER_LEAF, None, "bad"
    )


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (file("server.crt", SERVER_LEAF), False),
        (file("server.crt", SERVER_LEAF, CA), False),
        (file("server.crt", RENEWED_LEAF, SERVER_LEAF), True),
        (file("server.crt"), None),
        (NOT_READ, None),
    ],
)
def test_a_server_certificate_is_pending_until_it_is_served(
    own: CertificateFile | Unread,
    expected: bool | None,  # noqa: FBT001
) -> None:
    poll = with_files(own=own)
    for served, then in ((SERVED, expected), (None, None), (NOT_READ, None)):
        found = certificates_of(poll, replace(KNOWLEDGE, served=served))
        assert found.server_certificate_pending is then


def test_a_pending_server_certificate_is_reported_with_the_served_one() -> None:
    poll = with_files(own=file("server.crt", RENEWED_LEAF))
    assert certificates_of(poll, replace(KNOWLEDGE, served=SERVED)).findings == (
        ServedDiffers(in_file=RENEWED_LEAF, served=SERVER_LEAF, read_at=NOW),
        LEAF_EXPIRES,
    )


# --- what ends


def test_what_expires_first_is_reported() -> None:
    # the authority ends in a year
    assert certificates_of(SEEN).findings == ()
    assert certificates_of(SEEN, replace(KNOWLEDGE, served=SERVED)).findings == (LEAF_EXPIRES,)
    soon = certificate(name("CN=Issuing CA"), serial=2, until=NOW + DAY, authority=True)
    served = replace(SERVED, certificates=(SERVER_LEAF, soon))
    assert certificates_of(SEEN, replace(KNOWLEDGE, served=served)).findings == (
        Expiry(ExpiringThing.SERVED_AUTHORITY, soon.subject, NOW + DAY, is_past=False),
    )
    lists = replace(NO_LISTS, path="root.crl", revocation_lists=(crl(until=None), crl()))
    assert certificates_of(with_files(lists=lists)).findings == (
        Expiry(ExpiringThing.REVOCATION_LIST, CA_NAME, NOW + 7 * DAY, is_past=False),
    )
    endless = replace(lists, revocation_lists=(crl(until=None),))
    assert certificates_of(with_files(lists=endless)).findings == ()


def test_what_ends_in_more_than_ninety_days_is_no_news() -> None:
    leaf = certificate(name("CN=db1"), serial=50, until=NOW + 90 * DAY + timedelta(seconds=1))
    served = replace(SERVED, certificates=(leaf,))
    assert certificates_of(with_files(), replace(KNOWLEDGE, served=served)).findings == ()


def test_all_that_has_expired_is_reported() -> None:
    old = certificate(name("CN=Old CA"), serial=3, until=NOW - DAY, authority=True)
    edge = certificate(name("CN=Edge"), serial=4, until=NOW, authority=True)
    lists = replace(NO_LISTS, path="root.crl", revocation_lists=(crl(until=NOW - 2 * DAY),))
    poll = with_files(authority=file("root.crt", edge, old, CA), lists=lists)
    assert certificates_of(poll).findings == (
        Expiry(ExpiringThing.REVOCATION_LIST, CA_NAME, NOW - 2 * DAY, is_past=True),
        Expiry(ExpiringThing.AUTHORITY, old.subject, NOW - DAY, is_past=True),
        Expiry(ExpiringThing.AUTHORITY, edge.subject, NOW, is_past=False),
    )


# --- the certificates of its clients


def client(of: Certificate, result: str = VERIFIED) -> VerifiedCertificate:
    return VerifiedCertificate(of, CLIENT_USE, result)


def test_what_a_client_will_send_is_verified_as_the_server_would() -> None:
    knowledge = replace(
        of_standby(sending(RENEWED, CA)), verify=OpenSsl({RENEWED: Verification("revoked")})
    )
    found = certificates_of(SEEN, knowledge)
    assert found.verified == (client(RENEWED, "revoked"),)
    assert found.findings == ()


def test_what_the_inventory_has_for_the_roles_is_verified_and_reported_if_idle() -> None:
    idle = certificate(name("O=Lab", "CN=standby-9"), serial=90, since=NOW - DAY)
    bad = certificate(name("O=Lab", "CN=standby-8"), serial=80, since=NOW - 2 * DAY)
    free = certificate(name("O=Other", "CN=replica"), serial=70, since=NOW - 3 * DAY)
    theirs = certificate(name("CN=other"), serial=60)
    stored = inventory(
        known(OWN),
        known(bad, CA, roles=["replica"]),
        known(idle, application_names=["standby"], roles=["other"]),
        known(certificate(name("CN=b"), serial=61), application_names=["standby"]),
        known(free),
        known(theirs, roles=["other"]),
        known(CA),
    )
    openssl = OpenSsl({bad: Verification("unable to get local issuer certificate")})
    found = certificates_of(SEEN, Knowledge(openssl, inventory=stored))
    bound = certificate(name("CN=b"), serial=61)
    assert found.verified == (
        client(bound),
        client(bad, "unable to get local issuer certificate"),
        client(free),
        client(OWN),
    )
    assert (bad, CA) in {chain for chain, *_ in openssl.asked}
    assert found.findings == (
        NotInUse(bad, "unable to get local issuer certificate"),
        NotInUse(free, VERIFIED),
    )


def test_of_very_many_the_newest_are_verified_and_few_reported() -> None:
    many = [
        known(certificate(name(f"CN=s{n}"), serial=n, since=NOW - n * DAY), roles=["replica"])
        for n in range(201)
    ]
    own = known(OWN, roles=["replica"])
    found = certificates_of(SEEN, Knowledge(OpenSsl(), inventory=inventory(own, *many)))
    assert [v.certificate.serial_number for v in found.verified] == [7, *range(199)]
    assert found.findings == (
        *(NotInUse(each.certificate, VERIFIED) for each in many[:10]),
        MoreNotInUse(189),
    )
    few = certificates_of(SEEN, Knowledge(OpenSsl(), inventory=inventory(own, *many[:10])))
    assert few.findings == found.findings[:10]


def test_of_equal_age_the_order_is_the_same_at_every_poll() -> None:
    several = [known(certificate(name(f"CN=s{n}"), serial=n), roles=["replica"]) for n in range(9)]
    own = known(OWN, roles=["replica"])
    found = certificates_of(SEEN, Knowledge(OpenSsl(), inventory=inventory(*several, own)))
    ordered = sorted((k.certificate.fingerprint for k in several), reverse=True)
    assert [v.certificate.fingerprint for v in found.verified[1:]] == ordered


def test_a_certificate_in_use_is_not_idle() -> None:
    own = known(OWN, roles=["replica"])
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(own))
    found = certificates_of(SEEN, knowledge)
    assert found.verified == (client(RENEWED), client(OWN))
    assert found.findings == ()


def test_one_certificate_is_verified_once_whatever_goes_with_it() -> None:
    knowledge = replace(
        of_standby(sending(OWN, CA)), inventory=inventory(known(OWN, ISSUER, roles=["replica"]))
    )
    assert certificates_of(SEEN, knowledge).verified == (client(OWN),)
    twice = replace(SEEN, wal_senders=(STANDBY, replace(STANDBY, pid=2)))
    openssl = OpenSsl()
    both = of_standby(RECEIVER, replace(STANDBY_TARGET, target="db3"))
    assert certificates_of(twice, replace(both, verify=openssl)).verified == (client(OWN),)
    assert len(openssl.asked) == 1


@pytest.mark.parametrize(
    "poll",
    [
        replace(SEEN, server=replace(SERVER, requests_client_certificate=False)),
        replace(SEEN, tls_files=NOT_READ),
        replace(SEEN, tls_files=replace(TLS_FILES, authority=NOT_READ)),
        replace(SEEN, wal_senders=NOT_READ),
        NOBODY,
    ],
)
def test_where_no_client_is_verified_nothing_is_said_of_it(poll: Observation) -> None:
    knowledge = replace(of_standby(), inventory=inventory(known(EXPIRED, roles=["replica"])))
    found = certificates_of(poll, knowledge)
    assert found.verified == ()
    assert not any(isinstance(f, NotInUse | MoreNotInUse) for f in found.findings)


# --- a poll that failed, and readers


def test_after_a_failed_poll_what_is_served_is_still_known() -> None:
    refused = Unread(FailureReason.REFUSED)
    knowledge = Knowledge(OpenSsl(), served=SERVED)
    found = failed(PRIMARY, refused, knowledge, at=NOW, duration_seconds=0.5)
    assert found.certificates == TargetCertificates(
        places=(CertificatePlace(SERVER_LEAF, SERVER_USE, WIRE),),
        verified=(VerifiedCertificate(SERVER_LEAF, SERVER_USE, VERIFIED),),
        served_at=NOW,
        findings=(LEAF_EXPIRES,),
    )
    assert found.readers == {Reader.SERVED_CHAIN: None}
    blind = failed(
        PRIMARY, refused, replace(knowledge, served=NOT_READ), at=NOW, duration_seconds=0.5
    )
    assert blind.readers == {Reader.SERVED_CHAIN: NOT_READ}
    not_polled = failed(PRIMARY, refused, KNOWLEDGE, at=NOW, duration_seconds=0.5)
    assert (not_polled.readers, not_polled.certificates) == ({}, TargetCertificates())


def test_readers_show_what_was_read() -> None:
    read = whole(SEEN).readers
    assert (read[Reader.TLS_FILES], read[Reader.RECEIVER]) == (None, None)
    assert Reader.SERVED_CHAIN not in read
    assert whole(SEEN, replace(KNOWLEDGE, served=SERVED)).readers[Reader.SERVED_CHAIN] is None
    unread = replace(SEEN, tls_files=NOT_READ, receiver=NOT_READ)
    blind = whole(unread, replace(KNOWLEDGE, served=NOT_READ)).readers
    for reader in (Reader.TLS_FILES, Reader.RECEIVER, Reader.SERVED_CHAIN):
        assert blind[reader] == NOT_READ


@pytest.mark.parametrize("which", ["certificate", "authority", "revocation"])
def test_tls_files_are_read_when_each_of_them_is(which: str) -> None:
    poll = replace(SEEN, tls_files=replace(TLS_FILES, **{which: NOT_READ}))  # type: ignore[arg-type]
    assert whole(poll).readers[Reader.TLS_FILES] == NOT_READ


def test_a_standbys_receiver_is_handed_on() -> None:
    assert whole(replace(SEEN, receiver=RECEIVER)).receiver == RECEIVER
    assert whole(SEEN).receiver is None
    assert whole(replace(SEEN, receiver=NOT_READ)).receiver is None


def test_the_servers_own_certificate_may_be_its_clients_too() -> None:
    # one certificate for every node
    sender = using(SERVER_LEAF)
    empty = Knowledge(OpenSsl(), inventory=inventory())
    matched = Matched(SERVER_LEAF)
    assert judged(empty, CERT, sender=sender).in_use == matched
    unread = replace(SEEN, tls_files=NOT_READ)
    served = replace(empty, served=SERVED)
    assert judged(served, CERT, sender=sender, poll=unread).in_use == matched
    foreign = replace(STANDBY_TARGET, system_identifier="9", receiver=sending(SERVER_LEAF, CA))
    knowledge = replace(empty, standbys=(foreign,))
    assert judged(knowledge, CERT, sender=sender, poll=unread).in_use == matched
    for other in (unread, replace(SEEN, tls_files=replace(TLS_FILES, certificate=NOT_READ))):
        for nowhere in (empty, replace(empty, served=NOT_READ)):
            unmatched = judged(nowhere, CERT, sender=sender, poll=other)
            assert unmatched.in_use == Unmatched()
    # authorities in those files belong to no client
    below = replace(knowledge, standbys=(replace(foreign, receiver=sending(OWN, SERVER_LEAF)),))
    assert judged(below, CERT, sender=sender, poll=unread).in_use == Unmatched()


def test_nothing_is_reported_of_a_server_that_was_not_queried() -> None:
    assert certificates_of(POLL) == TargetCertificates()


def test_what_the_inventory_has_for_a_standby_is_verified_too() -> None:
    knowledge = replace(
        of_standby(sending(OWN)),
        inventory=inventory(known(RENEWED, application_names=["standby"])),
    )
    found = report(SEEN, knowledge=knowledge, target=PRIMARY).certificates.verified
    assert {v.certificate for v in found} >= {OWN, RENEWED}


def test_one_that_stands_in_two_files_hides_no_other() -> None:
    older = certificate(name("OU=x", "CN=replica"), serial=6, since=NOW - 90 * DAY)
    knowledge = replace(
        of_standby(sending(OWN, CA)),
        inventory=inventory(known(OWN, roles=["replica"]), known(older, roles=["replica"])),
    )
    found = report(SEEN, knowledge=knowledge, target=PRIMARY).certificates.verified
    assert [v.certificate for v in found if v.usage is CLIENT_USE] == [OWN, older]
