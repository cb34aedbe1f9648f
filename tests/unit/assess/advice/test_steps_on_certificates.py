"""Steps on a connection's certificates, to the letter."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.client_steps import (
    AcceptWholeName,
    ChangeName,
    CheckNewCertificate,
    ChooseTime,
    KnownCertificate,
    MakeCertificateKnown,
    NameRequirement,
    ProvideValidCertificate,
    Reconnect,
    RemoveDuplicates,
    RenewCertificate,
    UseCertificate,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import LineTraits, RuleLocation
from exporter.model.judgement import ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.remedy import Place, Step, StepKind
from exporter.model.server_steps import CompleteCaFile, RenewRevocationLists, RequireCertificate
from exporter.model.verification import Verification
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.steps import lines
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    SCRAM,
    STANDBY,
    WITHOUT_CERTIFICATE,
    mapping,
    maps,
)
from tests.unit.assess.with_certificates import (
    EXPIRED,
    OWN,
    RENEWED,
    SEEN,
    OpenSsl,
    certificate,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    using,
)

EMPTY_INVENTORY = Knowledge(OpenSsl(), inventory=inventory())
OWN_TEXT = '"replica" (serial number 7, valid until 2026-12-04 06:00 UTC)'
RENEWED_TEXT = '"replica" (serial number 8, valid until 2027-02-02 06:00 UTC)'
EXPIRED_TEXT = '"replica" (serial number 7, valid until 2026-11-03 06:00 UTC)'
FILE = "/home/postgres/replica.crt"
OUTDATED = Verification("certificate has expired", ForecastCause.EXPIRED)
SEE = Step(Place.EXPORTER, CheckNewCertificate())
AGAIN = Step(Place.SERVER, Reconnect("replica", "standby", ip_address("10.0.0.5")))
ROLE_NAME = NameRequirement("replica", is_whole=False, names=("replica",))


def on_standby(held: Certificate) -> KnownCertificate:
    return KnownCertificate(held, CertificateSource.STANDBY_FILE, FILE)


def test_an_expired_certificate_in_use_with_its_successor_in_place() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (Step(Place.EXPORTER, ChooseTime()), AGAIN)


def test_an_expired_certificate_in_use_without_a_successor() -> None:
    knowledge = replace(of_standby(sending(EXPIRED)), verify=OpenSsl({EXPIRED: OUTDATED}))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (
        Step(
            Place.CLIENT,
            RenewCertificate(on_standby(EXPIRED), ForecastCause.EXPIRED, name=None),
        ),
        SEE,
        AGAIN,
    )


def test_a_successor_that_is_refused_is_nothing_to_wait_for() -> None:
    revoked = OpenSsl({RENEWED: Verification("revoked", ForecastCause.REVOKED)})
    knowledge = replace(
        of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)), verify=revoked
    )
    issue, *others = judged(knowledge, CERT, sender=using(EXPIRED)).remedy
    revoked_one = RenewCertificate(on_standby(RENEWED), ForecastCause.REVOKED, name=None)
    assert issue == Step(Place.CLIENT, revoked_one)
    assert others == [SEE, AGAIN]


def test_an_expired_certificate_in_use_whose_successor_is_not_known() -> None:
    unread = sending(EXPIRED)
    unread = replace(unread, certificate=Unread(FailureReason.PERMISSION, "denied"))
    stored = inventory(known(EXPIRED, roles=["other"]))
    knowledge = replace(of_standby(unread), inventory=stored)
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (
        Step(Place.CLIENT, ProvideValidCertificate()),
        AGAIN,
    )


def test_what_is_not_in_the_inventory_is_reported() -> None:
    connection = judged(EMPTY_INVENTORY, CERT)
    assert connection.remedy == (Step(Place.EXPORTER, MakeCertificateKnown()),)


def test_several_that_may_be_in_use_are_reported() -> None:
    twin = certificate(salt="again")
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN), known(twin)))
    connection = judged(stored, CERT)
    assert connection.remedy == (Step(Place.EXPORTER, RemoveDuplicates()),)


@pytest.mark.parametrize(
    "cause",
    [
        ForecastCause.EXPIRED,
        ForecastCause.REVOKED,
        ForecastCause.NOT_YET_VALID,
        ForecastCause.PURPOSE,
        ForecastCause.NONE,
    ],
)
def test_a_certificate_that_is_refused_is_replaced_first(cause: ForecastCause) -> None:
    knowledge = replace(of_standby(), verify=OpenSsl({OWN: Verification("bad", cause)}))
    assert judged(knowledge, CERT).remedy == (
        Step(Place.CLIENT, RenewCertificate(on_standby(OWN), cause, name=None)),
        SEE,
    )
    steps = judged(knowledge, SCRAM).remedy
    assert steps[1] == SEE
    assert any(isinstance(s.kind, RequireCertificate) for s in steps[2:])


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ForecastCause.CRL, RenewRevocationLists()),
        (ForecastCause.AUTHORITY, CompleteCaFile()),
    ],
)
def test_what_the_server_lacks_is_put_right_there(cause: ForecastCause, kind: StepKind) -> None:
    knowledge = replace(of_standby(), verify=OpenSsl({OWN: Verification("bad", cause)}))
    assert judged(knowledge, CERT).remedy == (Step(Place.SERVER, kind), SEE)
    assert lines(Step(Place.SERVER, kind)) == ("SELECT pg_reload_conf();",)


def test_its_own_dates_are_put_right_where_the_servers_files_are_not_read() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    connection = judged(of_standby(sending(EXPIRED)), CERT, poll=poll, sender=using(EXPIRED))
    expired = RenewCertificate(on_standby(EXPIRED), ForecastCause.EXPIRED, name=None)
    assert connection.remedy[0] == Step(Place.CLIENT, expired)
    assert connection.remedy[1:] == (SEE, AGAIN)
    assert judged(of_standby(), CERT, poll=poll).remedy == ()


def test_a_name_that_does_not_let_in_is_replaced_or_mapped() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    assert judged(of_standby(sending(other)), CERT).remedy == (
        Step(
            Place.CLIENT,
            ChangeName(
                on_standby(other),
                ROLE_NAME,
                map_name=None,
                map_line="MAP  standby-1  replica",
            ),
        ),
        SEE,
    )
    nameless = certificate(name("O=Lab"), serial=9)
    assert judged(of_standby(sending(nameless)), CERT).remedy[0] == Step(
        Place.CLIENT,
        ChangeName(on_standby(nameless), ROLE_NAME, map_name=None, map_line=None),
    )


@pytest.mark.parametrize(
    ("options", "map_name", "written"),
    [((), None, "MAP"), (("map=m",), "m", "m"), (("map=my m",), "my m", '"my m"')],
)
def test_a_whole_name_that_is_not_let_in_is_mapped(
    options: tuple[str, ...], map_name: str | None, written: str
) -> None:
    other = certificate(name("O=Lab", "CN=standby-1"), serial=9)
    rule = replace(CERT, options=(*options, "clientcert=verify-full"))
    line = LineTraits(
        RuleLocation(HBA, 2),
        holds_quote=False,
        holds_file_reference=False,
        holds_clientname=True,
        continues=False,
        clientname="DN",
    )
    poll = replace(SEEN, hba_lines=(line,), ident=maps(mapping("bob", "replica", "my m")))
    # a rule above that compares no name with the role does not matter
    above = replace(SCRAM, address="db9.example", netmask=None)
    steps = judged(of_standby(sending(other)), above, rule, poll=poll).remedy
    assert steps[:2] == (
        Step(
            Place.SERVER,
            AcceptWholeName(
                on_standby(other), map_name, f'{written}  "CN=standby-1,O=Lab"  replica'
            ),
        ),
        SEE,
    )
    first = replace(line, location=RuleLocation(HBA, 1))
    steps = judged(
        of_standby(sending(other)), above, rule, poll=replace(poll, hba_lines=(first,))
    ).remedy
    assert steps[0].place is Place.CLIENT


def test_names_in_a_map_are_written_so_that_they_are_not_patterns() -> None:
    other = certificate(name("CN=/x"), serial=9)
    assert lines(judged(of_standby(sending(other)), CERT).remedy[0]) == ("MAP  /^/x$  replica",)


def test_roles_in_a_map_are_written_so_that_they_are_not_patterns() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    sender = replace(STANDBY, role="/r")
    knowledge = of_standby(replace(sending(other), role="/r"))
    steps = judged(knowledge, replace(CERT, roles=("all",)), sender=sender).remedy
    assert lines(steps[0]) == ("MAP  standby-1  /^/r$",)


def test_of_the_inventory_the_place_on_the_client_is_its_sslcert() -> None:
    stored = Knowledge(OpenSsl({OWN: OUTDATED}), inventory=inventory(known(OWN)))
    stands = KnownCertificate(OWN, CertificateSource.INVENTORY, "/inventory/replica.crt")
    expired = RenewCertificate(stands, ForecastCause.EXPIRED, name=None)
    assert judged(stored, CERT).remedy[0] == Step(Place.CLIENT, expired)


@pytest.mark.parametrize("sender", [WITHOUT_CERTIFICATE, PLAIN])
def test_before_a_certificate_is_required_the_one_that_is_there_is_named(sender: WalSender) -> None:
    steps = judged(of_standby(), SCRAM, sender=sender).remedy
    assert steps[0] == Step(Place.CLIENT, UseCertificate(on_standby(OWN), "replica"))
    assert len(steps) > 1


def test_a_certificate_that_is_already_in_use_is_not_a_step() -> None:
    steps = judged(of_standby(), SCRAM, sender=STANDBY).remedy
    assert isinstance(steps[0].kind, RequireCertificate)


def test_where_nothing_is_to_be_done_no_certificate_is_named() -> None:
    assert judged(of_standby(), CERT).remedy == ()
    hidden = replace(PLAIN, peer=OtherPeer.HIDDEN)
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN)))
    for sender in (hidden, replace(PLAIN, peer=OtherPeer.UNIX_SOCKET)):
        steps = judged(stored, SCRAM, sender=sender).remedy
        assert not any(isinstance(s.kind, UseCertificate) for s in steps)


def test_only_what_is_known_to_be_good_is_named() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    undecided = certificate(name("CN=standby-1"), serial=9)
    for connection in (
        judged(of_standby(), SCRAM, poll=poll),
        judged(of_standby(sending(undecided)), SCRAM),
        judged(EMPTY_INVENTORY, SCRAM),
    ):
        assert not any(isinstance(s.kind, UseCertificate) for s in connection.remedy)


def test_a_reconnect_is_reported_once() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    steps = judged(knowledge, SCRAM, sender=using(EXPIRED)).remedy
    assert sum(step == AGAIN for step in steps) == 1


def test_an_expired_certificate_that_is_sent_again_is_not_a_successor() -> None:
    # it has just expired, and OpenSSL was asked at another time
    knowledge = of_standby(sending(EXPIRED))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (AGAIN,)
