"""Which certificate a client will send: its own file's, else the newest that is its own."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.certificate import Certificate, CertificateFile, CertificateSource
from exporter.model.certificates_report import (
    CertificateFileEmpty,
    CertificateFileUnread,
    ChainsDiffer,
    InventoryGap,
    NameFit,
    NextCertificate,
    NextUnknown,
    NoCertificateConfigured,
    NoneSent,
    NotFound,
    OutcomesDiffer,
    StandbyNotConfirmed,
    StandbyNotIdentified,
    StandbysDiffer,
    WhyNextUnknown,
    WhyNoStandby,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import HbaRule, LineTraits, RuleLocation
from exporter.model.inventory import InventoryCertificate
from exporter.model.judgement import ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.report import Connection
from exporter.model.tls_files import Receiver
from exporter.model.verification import VERIFIED, Verification
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    NOW,
    PLAIN,
    SCRAM,
    STANDBY,
    WITHOUT_CERTIFICATE,
    mapping,
    maps,
)
from tests.unit.assess.with_certificates import (
    CA,
    CA_NAME,
    DAY,
    EXPIRED,
    OWN,
    RECEIVER,
    RENEWED,
    SEEN,
    STANDBY_TARGET,
    OpenSsl,
    certificate,
    file,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    using,
)

FILE = "/home/postgres/replica.crt"
BY_MAP = replace(CERT, options=("map=m", "clientcert=verify-full"))
OTHER_STANDBY = replace(
    STANDBY, pid=2, application_name="other", peer=TcpPeer(ip_address("10.0.0.6"), 1)
)


def stored(*certificates: InventoryCertificate) -> Knowledge:
    return Knowledge(OpenSsl(), inventory=inventory(*certificates))


def sent(connection: Connection) -> Certificate:
    assert isinstance(connection.next_certificate, NextCertificate)
    return connection.next_certificate.certificate


def why(connection: Connection) -> WhyNextUnknown:
    assert isinstance(connection.next_certificate, NextUnknown)
    return connection.next_certificate.why


# --- the standby's own file


def test_the_first_certificate_of_the_standbys_file_is_sent_with_the_others() -> None:
    successor = judged(of_standby(sending(RENEWED, CA)), CERT).next_certificate
    assert successor == NextCertificate(
        certificate=RENEWED,
        source=CertificateSource.STANDBY_FILE,
        path=FILE,
        verification=Verification(VERIFIED),
        name=NameFit.ADMITTED,
        chain=(CA,),
    )


def test_the_standbys_file_goes_before_the_inventory() -> None:
    knowledge = replace(of_standby(), inventory=inventory(known(RENEWED)))
    assert sent(judged(knowledge, CERT)) == OWN


@pytest.mark.parametrize(
    ("receiver", "reason"),
    [
        (
            replace(RECEIVER, certificate=Unread(FailureReason.PERMISSION, "denied")),
            CertificateFileUnread("db2", "denied", is_missing=False),
        ),
        (
            replace(RECEIVER, certificate=Unread(FailureReason.NOT_INSTALLED)),
            CertificateFileUnread("db2", "not_installed", is_missing=False),
        ),
        (sending(), CertificateFileEmpty("db2", FILE)),
    ],
)
def test_where_the_file_contains_nothing_the_inventory_is_used(
    receiver: Receiver, reason: WhyNoStandby
) -> None:
    knowledge = of_standby(receiver)
    assert why(judged(knowledge, CERT)) == NotFound(reason, InventoryGap.NO_INVENTORY)
    knowledge = replace(knowledge, inventory=inventory())
    assert why(judged(knowledge, CERT)) == NotFound(reason, InventoryGap.NO_CERTIFICATE)
    assert sent(judged(replace(knowledge, inventory=inventory(known(OWN))), CERT)) == OWN


def test_a_file_that_cannot_be_opened_is_none_to_send() -> None:
    missing = replace(RECEIVER, certificate=Unread(FailureReason.FILE_MISSING, "no such file"))
    knowledge = replace(of_standby(missing), inventory=inventory(known(OWN)))
    assert why(judged(knowledge, CERT)) == NoneSent(
        (CertificateFileUnread("db2", "no such file", is_missing=True),)
    )


def test_a_standby_without_a_file_sends_none() -> None:
    knowledge = of_standby(replace(RECEIVER, certificate=CertificateFile("")))
    knowledge = replace(knowledge, inventory=inventory(known(OWN)))
    assert why(judged(knowledge, CERT)) == NoneSent((NoCertificateConfigured("db2"),))


def test_a_standby_that_nothing_but_its_names_speaks_for_is_not_taken_for_it() -> None:
    far = replace(STANDBY, peer=TcpPeer(ip_address("10.9.9.9"), 1))
    knowledge = of_standby(replace(RECEIVER, sender_host="proxy"))
    assert why(judged(knowledge, CERT, sender=far)) == NotFound(
        StandbyNotConfirmed(("db2",)), InventoryGap.NO_INVENTORY
    )
    stored_too = replace(knowledge, inventory=inventory(known(OWN)))
    assert sent(judged(stored_too, CERT, sender=far)) == OWN
    absent = Knowledge(OpenSsl(), standbys=(replace(STANDBY_TARGET, system_identifier="2"),))
    assert why(judged(absent, CERT)) == NotFound(StandbyNotIdentified(), InventoryGap.NO_INVENTORY)


def test_of_several_standbys_all_must_send_the_same() -> None:
    twin = replace(STANDBY_TARGET, target="db1b")
    assert sent(judged(of_standby(RECEIVER, twin), CERT)) == OWN
    renewed = replace(twin, receiver=sending(RENEWED))
    assert why(judged(of_standby(RECEIVER, renewed), CERT)) == StandbysDiffer(("db1b", "db2"))
    missing = replace(RECEIVER, certificate=Unread(FailureReason.FILE_MISSING))
    without = of_standby(RECEIVER, replace(twin, receiver=missing))
    assert why(judged(without, CERT)) == StandbysDiffer(("db1b", "db2"))
    unread = replace(RECEIVER, certificate=Unread(FailureReason.PERMISSION))
    assert why(judged(of_standby(RECEIVER, replace(twin, receiver=unread)), CERT)) == NotFound(
        CertificateFileUnread("db1b", "permission", is_missing=False), InventoryGap.NO_INVENTORY
    )


TWIN = replace(STANDBY_TARGET, target="db1b")
WEAK = replace(
    certificate(CA_NAME, serial=2, issuer=name("CN=Root"), authority=True),
    signature_algorithm="md5WithRSAEncryption",
)
"""The security level decides whether this is accepted."""


def either(one: Receiver, other: Receiver) -> tuple[Knowledge, Knowledge]:
    """Return two standbys that cannot be distinguished, each with either receiver."""
    return (
        of_standby(one, replace(TWIN, receiver=other)),
        of_standby(other, replace(TWIN, receiver=one)),
    )


def test_one_in_files_of_several_names_is_reported_with_all_of_them() -> None:
    elsewhere = replace(RECEIVER, certificate=file("/etc/replica.crt", OWN))
    for knowledge in either(RECEIVER, elsewhere):
        successor = judged(knowledge, CERT).next_certificate
        assert isinstance(successor, NextCertificate)
        assert successor.path == f"/etc/replica.crt or {FILE}"
    for knowledge in either(RECEIVER, replace(RECEIVER, sslmode="prefer")):
        successor = judged(knowledge, CERT).next_certificate
        assert isinstance(successor, NextCertificate)
        assert successor.path == FILE


def test_one_sent_with_different_chains_by_several_standbys_needs_the_same_outcome_for_all() -> (
    None
):
    for knowledge in either(sending(OWN), sending(OWN, CA)):
        assert sent(judged(knowledge, CERT)) == OWN
    for knowledge in either(sending(OWN), sending(OWN, WEAK)):
        assert why(judged(knowledge, CERT)) == ChainsDiffer(("db1b", "db2"))


def test_of_several_standbys_that_send_none_all_are_reported() -> None:
    missing = replace(RECEIVER, certificate=Unread(FailureReason.FILE_MISSING, "no such file"))
    knowledge, _ = either(missing, replace(RECEIVER, certificate=CertificateFile("")))
    assert why(judged(knowledge, CERT)) == NoneSent(
        (
            CertificateFileUnread("db2", "no such file", is_missing=True),
            NoCertificateConfigured("db1b"),
        )
    )


# --- the inventory


def test_one_of_the_inventory_is_reported_with_its_place_and_chain() -> None:
    successor = judged(stored(known(OWN, CA, paths=("/a", "/b"))), CERT).next_certificate
    assert successor == NextCertificate(
        certificate=OWN,
        source=CertificateSource.INVENTORY,
        path="/a",
        verification=Verification(VERIFIED),
        name=NameFit.ADMITTED,
        chain=(CA,),
    )


def test_the_newest_is_sent() -> None:
    assert sent(judged(stored(known(OWN), known(RENEWED)), CERT)) == RENEWED
    assert sent(judged(stored(known(RENEWED), known(OWN)), CERT)) == RENEWED


STRANGER = certificate(name("CN=stranger"), serial=20)
MINE = certificate(name("CN=mine"), serial=21, since=NOW - 90 * DAY)


@pytest.mark.parametrize(
    ("certificates", "expected"),
    [
        ([known(STRANGER)], None),
        ([known(STRANGER, roles=["replica"])], STRANGER),
        ([known(STRANGER, roles=["other"])], None),
        ([known(STRANGER, application_names=["standby"])], STRANGER),
        ([known(STRANGER, application_names=["other"])], None),
        ([known(STRANGER, roles=["replica"], application_names=["standby"])], STRANGER),
        ([known(STRANGER, roles=["replica"], application_names=["other"])], None),
        ([known(STRANGER, roles=["other"], application_names=["standby"])], None),
        # the standby's before the role's before those of no client
        ([known(MINE, application_names=["standby"]), known(STRANGER, roles=["replica"])], MINE),
        ([known(MINE, roles=["replica"]), known(RENEWED)], MINE),
        (
            [
                known(MINE, roles=["replica"], application_names=["standby"]),
                known(STRANGER, application_names=["standby"]),
            ],
            MINE,
        ),
        # the name counts only for those that are bound to no client
        ([known(RENEWED, roles=["other"])], None),
        # an authority belongs to no client
        ([known(certificate(name("CN=replica"), authority=True))], None),
    ],
)
def test_whose_a_certificate_is_says_the_configuration_first(
    certificates: list[InventoryCertificate], expected: Certificate | None
) -> None:
    connection = judged(stored(*certificates), CERT)
    if expected is None:
        assert why(connection) == NotFound(StandbyNotIdentified(), InventoryGap.NO_CERTIFICATE)
    else:
        assert sent(connection) == expected


def test_the_subject_in_use_distinguishes_its_own_from_others() -> None:
    ours = certificate(serial=8, since=NOW - 50 * DAY)
    newer = certificate(name("CN=replica"), serial=9, since=NOW - DAY)
    assert sent(judged(stored(known(ours), known(newer)), CERT)) == ours
    bound = stored(known(ours, roles=["replica"]), known(newer, roles=["replica"]))
    assert sent(judged(bound, CERT)) == ours
    named = stored(
        known(ours, application_names=["standby"]), known(newer, application_names=["standby"])
    )
    assert sent(judged(named, CERT)) == ours
    # and where none has it, the name decides
    assert sent(judged(stored(known(newer)), CERT)) == newer


def test_a_cut_subject_identifies_its_own_once_the_one_in_use_is_known() -> None:
    long = "O=" + "x" * 60
    old = certificate(name(long, "CN=replica"), serial=3)
    renewed = certificate(name(long, "CN=replica"), serial=4, since=NOW - DAY)
    alike = certificate(name(long, "CN=standby"), serial=5, since=NOW - DAY / 2)
    knowledge = stored(known(old), known(renewed), known(alike))
    assert sent(judged(knowledge, SCRAM, sender=using(old))) == renewed
    # without it, both of the same look may be sent
    knowledge = replace(
        stored(known(renewed), known(alike)), verify=OpenSsl({alike: Verification("bad")})
    )
    assert why(judged(knowledge, SCRAM, sender=using(old))) == OutcomesDiffer(
        ((alike, "/inventory/replica.crt"), (renewed, "/inventory/replica.crt"))
    )


@pytest.mark.parametrize("sender", [PLAIN, WITHOUT_CERTIFICATE])
def test_a_client_that_shows_nothing_may_have_a_certificate_by_name(sender: WalSender) -> None:
    lookalike = certificate(name("CN=replica2"), serial=9)
    assert sent(judged(stored(known(lookalike), known(RENEWED)), SCRAM, sender=sender)) == RENEWED


def test_a_certificate_without_a_subject_has_no_kin() -> None:
    nameless = certificate(name(), serial=30)
    assert why(judged(stored(known(nameless)), SCRAM, sender=using(nameless))) == NotFound(
        StandbyNotIdentified(), InventoryGap.NO_CERTIFICATE
    )


@pytest.mark.parametrize(
    ("system", "common_name", "expected"),
    [
        ("standby-1", "standby-1", NextCertificate),
        ("standby-1", "replica", NextUnknown),
        ("CN=standby-1", "standby-1", NextUnknown),
        (r"/^standby-\d$", "standby-1", NextCertificate),
        (r"/^standby-\d$", "standby-x", NextUnknown),
    ],
)
@pytest.mark.parametrize("sender", [PLAIN, STANDBY])
def test_names_go_through_the_map_of_the_rule(
    sender: WalSender, system: str, common_name: str, expected: type
) -> None:
    poll = replace(SEEN, ident=maps(mapping(system, "replica"), mapping("x", "replica", "other")))
    one = certificate(name(f"CN={common_name}"), serial=40)
    connection = judged(stored(known(one)), BY_MAP, sender=sender, poll=poll)
    if sender is PLAIN:
        # no rule that requires a certificate governs it
        expected = NextCertificate if common_name == "replica" else NextUnknown
    assert isinstance(connection.next_certificate, expected)


def test_a_map_may_ask_for_the_whole_name() -> None:
    one = certificate(name("O=Lab", "CN=standby-1"), serial=40)
    poll = replace(
        SEEN, ident=maps(mapping("CN=standby-1,O=Lab", "replica"), mapping("standby-1", "replica"))
    )
    line = LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=False,
        holds_file_reference=False,
        holds_clientname=True,
        continues=False,
        clientname="DN",
    )
    for seen in (poll, replace(poll, hba_lines=(line,))):
        successor = judged(stored(known(one)), BY_MAP, poll=seen).next_certificate
        assert isinstance(successor, NextCertificate)
        assert successor.name is NameFit.ADMITTED


# --- several that may be sent


def lasting(days: int) -> Verification:
    return Verification(VERIFIED, breaks_at=NOW + days * DAY, breaks_cause=ForecastCause.AUTHORITY)


def tied(of_second: Verification) -> Knowledge:
    first = certificate(serial=8, since=NOW - DAY)
    second = certificate(serial=9, since=NOW - DAY)
    verdicts = {first: lasting(9), second: of_second}
    return Knowledge(OpenSsl(verdicts), inventory=inventory(known(first), known(second)))


def test_of_two_equally_new_ones_with_the_same_outcome_the_first_to_expire_is_reported() -> None:
    assert sent(judged(tied(lasting(8)), CERT)).serial_number == 9
    assert sent(judged(tied(lasting(10)), CERT)).serial_number == 8
    by_its_own_end = Verification(VERIFIED)
    assert sent(judged(tied(by_its_own_end), CERT)).serial_number == 8


def test_of_two_equally_new_ones_with_different_outcomes_none_is_reported() -> None:
    bad = Verification("certificate revoked", ForecastCause.REVOKED)
    differ = why(judged(tied(bad), CERT))
    assert isinstance(differ, OutcomesDiffer)
    assert sorted((c.serial_number, path) for c, path in differ.candidates) == [
        (8, "/inventory/replica.crt"),
        (9, "/inventory/replica.crt"),
    ]


def test_of_two_whose_names_have_different_outcomes_none_is_reported() -> None:
    one = certificate(name("CN=a"), serial=8)
    other = certificate(name("CN=replica"), serial=9)
    knowledge = stored(known(one, roles=["replica"]), known(other, roles=["replica"]))
    differ = why(judged(knowledge, CERT))
    assert isinstance(differ, OutcomesDiffer)
    assert {c for c, _ in differ.candidates} == {one, other}


GSS = replace(CERT, auth_method="gss", options=("map=m",))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GSS, NameFit.REFUSED),
        (replace(GSS, options=("map=m", "clientcert=verify-ca")), NameFit.REFUSED),
        (replace(GSS, options=("map=m", "clientcert=verify-full")), NameFit.ADMITTED),
        (replace(CERT, options=("map=m",)), NameFit.ADMITTED),
        (CERT, NameFit.REFUSED),
    ],
)
def test_a_map_counts_where_the_rule_holds_a_certificates_name_against_it(
    rule: HbaRule, expected: NameFit
) -> None:
    poll = replace(SEEN, ident=maps(mapping("standby-1", "replica")))
    one = certificate(name("CN=standby-1"), serial=40)
    successor = judged(of_standby(sending(one)), rule, poll=poll).next_certificate
    assert isinstance(successor, NextCertificate)
    assert successor.name is expected


def test_rules_that_may_govern_must_agree_on_a_name() -> None:
    poll = replace(SEEN, ident=maps(mapping("standby-1", "replica")))
    one = certificate(name("CN=standby-1"), serial=40)
    by_host = replace(CERT, address="db9.example", netmask=None)
    successor = judged(of_standby(sending(one)), by_host, BY_MAP, poll=poll).next_certificate
    assert isinstance(successor, NextCertificate)
    assert successor.name is NameFit.UNDECIDED


def test_a_peer_without_an_address_is_a_client_too() -> None:
    odd = replace(STANDBY, peer=OtherPeer.UNIX_SOCKET)
    assert sent(judged(stored(known(OWN)), CERT, sender=odd)) == OWN


def test_where_the_servers_files_are_not_read_equal_names_have_the_same_outcome() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    successor = judged(tied(lasting(9)), CERT, poll=poll).next_certificate
    assert isinstance(successor, NextCertificate)
    assert successor.verification is None


def test_of_too_many_none_is_checked() -> None:
    several = [known(certificate(name(f"CN=n{n}"), serial=n), roles=["replica"]) for n in range(17)]
    assert isinstance(judged(stored(*several[1:]), CERT).next_certificate, NextCertificate)
    assert why(judged(stored(*several), CERT)) == NotFound(
        StandbyNotIdentified(), InventoryGap.TOO_MANY
    )


# --- clients that share a role and a subject


def test_the_newest_may_be_another_clients_that_shares_the_name() -> None:
    knowledge = replace(
        stored(known(EXPIRED), known(RENEWED)),
        verify=OpenSsl({EXPIRED: Verification("certificate has expired", ForecastCause.EXPIRED)}),
    )
    alone = judged(knowledge, CERT, sender=using(EXPIRED))
    assert sent(alone) == RENEWED
    other = using(OWN, OTHER_STANDBY)
    shared = why(judged(knowledge, CERT, sender=using(EXPIRED), others=[other]))
    assert isinstance(shared, OutcomesDiffer)
    assert {c for c, _ in shared.candidates} == {EXPIRED, RENEWED}
    # with another role, another subject, or the same client, it is not
    for another in (
        replace(other, role="other"),
        using(MINE, OTHER_STANDBY),
        using(OWN, replace(STANDBY, pid=3)),
        replace(WITHOUT_CERTIFICATE, pid=4, application_name="other"),
    ):
        connection = judged(knowledge, CERT, sender=using(EXPIRED), others=[another])
        assert sent(connection) == RENEWED


def test_what_another_client_uses_is_not_its_own() -> None:
    other = using(RENEWED, OTHER_STANDBY)
    knowledge = stored(known(OWN), known(RENEWED))
    assert sent(judged(knowledge, CERT, others=[other])) == OWN
    assert sent(judged(knowledge, CERT, sender=other, others=[STANDBY])) == RENEWED
    # unless it uses the same, or there is nothing else
    both = using(RENEWED)
    assert sent(judged(knowledge, CERT, sender=both, others=[other])) == RENEWED
    only = stored(known(RENEWED))
    assert sent(judged(only, CERT, others=[other])) == RENEWED


def test_the_outcome_of_what_another_client_uses_does_not_matter() -> None:
    knowledge = replace(
        stored(known(OWN), known(RENEWED)), verify=OpenSsl({RENEWED: Verification("bad")})
    )
    assert sent(judged(knowledge, CERT, others=[using(RENEWED, OTHER_STANDBY)])) == OWN


def test_what_a_client_uses_in_another_session_is_its_own() -> None:
    knowledge = replace(
        stored(known(OWN), known(RENEWED)), verify=OpenSsl({RENEWED: Verification("bad")})
    )
    again = replace(STANDBY, pid=5, peer=TcpPeer(ip_address("10.0.0.5"), 40124))
    third = using(certificate(serial=77), OTHER_STANDBY)
    shared = why(judged(knowledge, CERT, others=[using(RENEWED, again), third]))
    assert isinstance(shared, OutcomesDiffer)
    assert {c for c, _ in shared.candidates} == {OWN, RENEWED}
    # a certificate that another client uses as well is no longer its own
    both = [using(RENEWED, again), using(RENEWED, OTHER_STANDBY)]
    assert sent(judged(knowledge, CERT, others=both)) == OWN


def test_another_address_is_another_client() -> None:
    elsewhere = replace(OTHER_STANDBY, application_name="standby")
    knowledge = stored(known(OWN), known(RENEWED))
    assert sent(judged(knowledge, CERT, others=[using(RENEWED, elsewhere)])) == OWN
    # by another port it is the same, and will send its newest
    again = replace(STANDBY, pid=5, peer=TcpPeer(ip_address("10.0.0.5"), 40124))
    assert sent(judged(knowledge, CERT, others=[using(RENEWED, again)])) == RENEWED


def test_a_certificate_bound_to_the_standby_belongs_to_no_other_client() -> None:
    knowledge = stored(
        known(OWN, application_names=["standby"]), known(RENEWED, application_names=["standby"])
    )
    others = [using(RENEWED, OTHER_STANDBY)]
    assert sent(judged(knowledge, CERT, others=others)) == RENEWED


def test_of_a_role_that_is_shared_what_is_in_use_may_stay() -> None:
    knowledge = replace(
        stored(known(OWN, roles=["replica"]), known(RENEWED, roles=["replica"])),
        verify=OpenSsl({RENEWED: Verification("bad")}),
    )
    third = certificate(serial=77)
    others = [using(third, OTHER_STANDBY)]
    shared = why(judged(knowledge, CERT, others=others))
    assert isinstance(shared, OutcomesDiffer)
    assert {c for c, _ in shared.candidates} == {OWN, RENEWED}
    # where it is not known what is in use, it may be any of them
    unknown = using(certificate(serial=78))
    shared = why(judged(knowledge, CERT, sender=unknown, others=others))
    assert isinstance(shared, OutcomesDiffer)
    assert {c for c, _ in shared.candidates} == {OWN, RENEWED}


def test_a_standbys_file_may_hold_several_authorities() -> None:
    root = certificate(name("CN=Root"), serial=2, authority=True)
    successor = judged(of_standby(sending(OWN, CA, root)), CERT).next_certificate
    assert isinstance(successor, NextCertificate)
    assert successor.chain == (CA, root)
