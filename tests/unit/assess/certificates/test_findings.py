"""All findings about a connection's certificates, in their order."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.certificates_report import (
    CertificateFileUnread,
    InventoryGap,
    NameFit,
    NextUnknown,
    NotFound,
    StandbyNotConfirmed,
    StandbyNotIdentified,
)
from exporter.model.failure import FailureReason, Unread
from exporter.model.finding import (
    CertificateFinding,
    NextCertificateUnknown,
    NextHandshake,
    NotInInventory,
    ReconnectsFail,
    RuleFinding,
    TlsFilesNotInForce,
    UsesCertificate,
    UsesOneOf,
    WillSend,
)
from exporter.model.hba import ConnectionType
from exporter.model.judgement import FilesInForce, ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.report import Connection
from exporter.model.verification import VERIFIED, Verification
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    LOADED,
    NOW,
    PLAIN,
    SCRAM,
    SERVER,
    STANDBY,
    connections,
    mapping,
    maps,
    report,
)
from tests.unit.assess.with_certificates import (
    CA,
    DAY,
    ENDS,
    EXPIRED,
    OWN,
    PRIMARY,
    RENEWED,
    SEEN,
    TLS_FILES,
    OpenSsl,
    certificate,
    file,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    tls_times,
    using,
)

EMPTY_INVENTORY = Knowledge(OpenSsl(), inventory=inventory())
FILE = "/home/postgres/replica.crt"
EXPIRED_WORDS = "certificate has expired"
OUTDATED = Verification(EXPIRED_WORDS, ForecastCause.EXPIRED)
USES = UsesCertificate(OWN, is_expired=False)
SAME = WillSend(OWN, FILE, is_on_standby=True, is_in_use=True, is_renewed=False)
ACCEPTED = NextHandshake(
    role="replica",
    name=NameFit.ADMITTED,
    verification=VERIFIED,
    weakness=None,
    compares_name=True,
    is_required=True,
)
"""By a rule that requires it and compares its name."""
NOT_CONFIRMED = NextCertificateUnknown(
    NextUnknown(NotFound(StandbyNotConfirmed(("db2",)), InventoryGap.NO_INVENTORY))
)


def found(connection: Connection) -> tuple[RuleFinding | CertificateFinding, ...]:
    """Return the findings on certificates: all after those on the rule."""
    return connection.findings[2:]


def test_where_no_certificates_are_known_nothing_is_reported() -> None:
    assert found(judged(Knowledge(OpenSsl()), CERT)) == ()


def test_what_is_in_use_what_is_sent_and_until_when() -> None:
    lasting = Verification(VERIFIED, breaks_at=ENDS, breaks_cause=ForecastCause.EXPIRED)
    knowledge = replace(of_standby(), verify=OpenSsl({OWN: lasting}))
    assert found(judged(knowledge, CERT)) == (
        USES,
        SAME,
        ACCEPTED,
        ReconnectsFail(ENDS, ForecastCause.EXPIRED),
    )


@pytest.mark.parametrize(
    "cause", [ForecastCause.AUTHORITY, ForecastCause.CRL, ForecastCause.PURPOSE]
)
def test_what_expires_first_is_reported(cause: ForecastCause) -> None:
    lasting = Verification(VERIFIED, breaks_at=ENDS, breaks_cause=cause)
    connection = judged(replace(of_standby(), verify=OpenSsl({OWN: lasting})), CERT)
    assert found(connection)[-1] == ReconnectsFail(ENDS, cause)


def test_an_expired_certificate_in_use_with_its_successor_in_place() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    assert found(judged(knowledge, CERT, sender=using(EXPIRED))) == (
        UsesCertificate(EXPIRED, is_expired=True),
        WillSend(RENEWED, FILE, is_on_standby=True, is_in_use=False, is_renewed=True),
        ACCEPTED,
    )


def test_an_expired_certificate_in_use_without_a_successor() -> None:
    knowledge = replace(of_standby(sending(EXPIRED)), verify=OpenSsl({EXPIRED: OUTDATED}))
    assert found(judged(knowledge, CERT, sender=using(EXPIRED))) == (
        UsesCertificate(EXPIRED, is_expired=True),
        replace(SAME, certificate=EXPIRED),
        replace(ACCEPTED, verification=EXPIRED_WORDS, is_required=False),
    )


def test_an_expired_certificate_in_use_whose_successor_is_not_known() -> None:
    unread = replace(sending(EXPIRED), certificate=Unread(FailureReason.PERMISSION, "denied"))
    stored = inventory(known(EXPIRED, roles=["other"]))
    knowledge = replace(of_standby(unread), inventory=stored)
    why = NotFound(
        CertificateFileUnread("db2", "denied", is_missing=False), InventoryGap.NO_CERTIFICATE
    )
    assert found(judged(knowledge, CERT, sender=using(EXPIRED))) == (
        UsesCertificate(EXPIRED, is_expired=True),
        NextCertificateUnknown(NextUnknown(why)),
    )


def test_one_of_the_inventory_is_reported_with_its_path() -> None:
    stored = Knowledge(OpenSsl(), inventory=inventory(known(RENEWED)))
    assert found(judged(stored, SCRAM, sender=using(RENEWED))) == (
        UsesCertificate(RENEWED, is_expired=False),
        WillSend(
            RENEWED,
            "/inventory/replica.crt",
            is_on_standby=False,
            is_in_use=True,
            is_renewed=False,
        ),
        replace(ACCEPTED, compares_name=False, is_required=False),
    )


def test_what_is_not_in_the_inventory_is_reported() -> None:
    why = NotFound(StandbyNotIdentified(), InventoryGap.NO_CERTIFICATE)
    assert found(judged(EMPTY_INVENTORY, CERT)) == (
        NotInInventory(),
        NextCertificateUnknown(NextUnknown(why)),
    )
    # without an inventory it is not missing
    assert found(judged(of_standby(sending(RENEWED)), CERT)) == (
        WillSend(RENEWED, FILE, is_on_standby=True, is_in_use=False, is_renewed=True),
        ACCEPTED,
    )


def test_several_that_may_be_in_use_are_reported() -> None:
    twin = certificate(salt="again")
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN), known(twin)))
    in_use = found(judged(stored, CERT))[0]
    assert isinstance(in_use, UsesOneOf)
    assert set(in_use.candidates) == {OWN, twin}
    assert len(in_use.candidates) == 2


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        (PLAIN, 1),
        (replace(PLAIN, peer=OtherPeer.UNIX_SOCKET), 0),
        (replace(PLAIN, peer=OtherPeer.HIDDEN), 0),
    ],
)
def test_an_unknown_next_certificate_is_reported_of_clients_over_tcp_only(
    sender: WalSender, expected: int
) -> None:
    findings = judged(EMPTY_INVENTORY, SCRAM, sender=sender).findings
    assert sum(isinstance(f, NextCertificateUnknown) for f in findings) == expected


def test_an_unknown_next_certificate_is_reported_where_only_standbys_are_known() -> None:
    far = replace(STANDBY, peer=TcpPeer(ip_address("10.9.9.9"), 1))
    only_standbys = of_standby(replace(sending(OWN), sender_host="proxy"))
    assert found(judged(only_standbys, CERT, sender=far))[-1] == NOT_CONFIRMED


def test_whether_the_name_is_accepted_is_reported() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    assert found(judged(of_standby(sending(other)), CERT))[1] == replace(
        ACCEPTED, name=NameFit.REFUSED
    )
    by_map = replace(CERT, options=("map=m", "clientcert=verify-full"))
    poll = replace(SEEN, ident=maps(mapping("/[[:alpha:]]", "replica")))
    assert found(judged(of_standby(sending(other)), by_map, poll=poll))[1] == replace(
        ACCEPTED, name=NameFit.UNDECIDED
    )
    # it would be rejected only if the rule required one, which it does not
    by_password = found(judged(of_standby(sending(other)), SCRAM))[1]
    assert by_password == replace(
        ACCEPTED, name=NameFit.REFUSED, is_required=False, compares_name=False
    )


def test_where_the_rules_are_not_known_nothing_is_said_to_be_required() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    seen = replace(SEEN, wal_senders=(STANDBY,), hba=Unread(FailureReason.PERMISSION))
    judged_report = report(seen, knowledge=of_standby(sending(other)), target=PRIMARY)
    (connection,) = connections(judged_report)
    (handshake,) = (f for f in connection.findings if isinstance(f, NextHandshake))
    assert handshake == replace(
        ACCEPTED, name=NameFit.REFUSED, is_required=False, compares_name=False
    )


def test_a_rule_that_compares_no_name_requires_the_certificate_nevertheless() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    rule = replace(SCRAM, connection_type=ConnectionType.HOSTSSL, options=("clientcert=verify-ca",))
    assert found(judged(of_standby(sending(other)), rule))[1] == replace(
        ACCEPTED, name=NameFit.REFUSED, compares_name=False
    )


def test_where_the_servers_files_are_not_read_only_the_name_is_known() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    assert found(judged(of_standby(), CERT, poll=poll)) == (
        USES,
        SAME,
        replace(ACCEPTED, verification=None, is_required=False),
        ReconnectsFail(ENDS, ForecastCause.EXPIRED),
    )


def test_its_own_dates_are_compared_where_the_servers_files_are_not_read() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    expired = of_standby(sending(EXPIRED))
    failing = replace(ACCEPTED, verification=EXPIRED_WORDS, is_required=False)
    assert found(judged(expired, CERT, poll=poll, sender=using(EXPIRED)))[-1] == failing
    early = of_standby(sending(certificate(since=NOW + DAY)))
    assert found(judged(early, CERT, poll=poll))[-1] == replace(
        failing, verification="certificate is not yet valid"
    )
    not_asking = replace(poll, server=replace(SERVER, requests_client_certificate=False))
    assert found(judged(expired, CERT, poll=not_asking))[-1] == replace(failing, verification=None)


def test_files_that_are_not_in_force_are_reported_after_the_handshake() -> None:
    changed = replace(SEEN, file_times=tls_times(LOADED + DAY / 4))
    assert found(judged(of_standby(), CERT, poll=changed))[-2:] == (
        replace(ACCEPTED, is_required=False),
        TlsFilesNotInForce(FilesInForce.CHANGED),
    )
    rubbish = replace(TLS_FILES, authority=file("root.crt", CA, unparsable=1))
    refused = replace(SEEN, tls_files=rubbish, file_times=tls_times(LOADED))
    assert found(judged(of_standby(), CERT, poll=refused))[-1] == TlsFilesNotInForce(
        FilesInForce.NOT_TAKEN
    )
    unread = replace(changed, tls_files=Unread(FailureReason.NOT_INSTALLED))
    findings = found(judged(of_standby(), CERT, poll=unread))
    assert not any(isinstance(f, TlsFilesNotInForce) for f in findings)
