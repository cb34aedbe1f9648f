"""What a poll reads of walsenders of every kind, on every major."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from exporter.model.failure import FailureReason, Unread
from exporter.model.wal_sender import (
    Activity,
    OtherPeer,
    ReplicationKind,
    SlashName,
    TcpPeer,
    WalSender,
)
from lab.replication import LOGICAL, PHYSICAL, ReplicationClient
from tests.live.primaries import REPLICA_PASSWORD, Primary

pytestmark = pytest.mark.live


async def _sender(primary: Primary, client: ReplicationClient) -> WalSender:
    senders = (await primary.observe()).wal_senders
    assert not isinstance(senders, Unread), senders
    (found,) = [sender for sender in senders if sender.pid == client.backend_pid]
    return found


async def test_a_certificate_is_read_with_its_serial_number(primary: Primary) -> None:
    parameters = primary.client_with_certificate("r_cert", application_name="standby1")
    with ReplicationClient(parameters) as client:
        sender = await _sender(primary, client)
    assert sender.role == "r_cert"
    assert sender.application_name == "standby1"
    assert sender.kind is ReplicationKind.PHYSICAL
    assert sender.database is None
    assert isinstance(sender.peer, TcpPeer)
    assert sender.peer.address == IPv4Address("127.0.0.1")
    assert sender.tls is not None
    assert sender.tls.version == "TLSv1.3"
    assert sender.tls.bits == 256
    shown = sender.tls.client_certificate
    assert shown is not None
    assert shown.subject == SlashName("/O=Lab/CN=r_cert", may_be_cut=False)
    assert shown.issuer == SlashName("/O=Lab/CN=Lab Root CA", may_be_cut=False)
    pem = Path(parameters["sslcert"]).read_bytes()
    assert shown.serial_number == x509.load_pem_x509_certificate(pem).serial_number


async def test_a_logical_walsender_has_a_database(primary: Primary) -> None:
    with ReplicationClient(primary.client_with_certificate("l_cert"), LOGICAL) as client:
        sender = await _sender(primary, client)
    assert sender.kind is ReplicationKind.LOGICAL
    assert sender.database == "postgres"
    assert sender.activity is Activity.STREAMING
    assert sender.slot_name == ""


async def test_a_password_without_tls_is_reported_as_such(primary: Primary) -> None:
    with ReplicationClient(primary.client("r_password", password=REPLICA_PASSWORD)) as client:
        sender = await _sender(primary, client)
    assert sender.tls is None
    assert not sender.gss_encrypted
    assert isinstance(sender.peer, TcpPeer)


async def test_a_unix_socket_has_no_address(primary: Primary) -> None:
    with ReplicationClient(primary.client_over_socket("r_socket")) as client:
        sender = await _sender(primary, client)
    assert sender.peer is OtherPeer.UNIX_SOCKET


async def test_an_idle_session_and_a_backup_are_distinguished(primary: Primary) -> None:
    idle = ReplicationClient(primary.client_over_socket("r_socket"), stream=False)
    with (
        idle,
        ReplicationClient(primary.client_over_socket("r_socket"), base_backup=True) as backup,
    ):
        assert (await _sender(primary, idle)).activity is Activity.IDLE
        # the backup begins with a checkpoint, until which the session is idle
        seen = (await _sender(primary, backup)).activity
        while seen is Activity.IDLE:
            seen = (await _sender(primary, backup)).activity
        assert seen is Activity.BACKUP


async def test_a_slot_is_named(primary: Primary) -> None:
    primary.server.sql("SELECT pg_create_physical_replication_slot('slot_of_standby')")
    try:
        with ReplicationClient(
            primary.client_over_socket("r_socket"), PHYSICAL, slot="slot_of_standby"
        ) as client:
            sender = await _sender(primary, client)
    finally:
        primary.server.sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = 'slot_of_standby' AND NOT active"
        )
    assert sender.slot_name == "slot_of_standby"


async def test_a_name_that_the_server_cuts_inside_a_character_is_read(primary: Primary) -> None:
    # "/O=a" and two-byte characters: the 63rd byte is the first half of one
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a" + "ü" * 30),
            x509.NameAttribute(NameOID.COMMON_NAME, "üüü"),
        ]
    )
    issued = primary.authority.issue(subject=subject, serial_number=2**159 - 1)
    primary.server.sql("CREATE ROLE cut LOGIN REPLICATION")
    hba = primary.server.hba_path.read_text("utf-8")
    try:
        primary.server.write_hba(
            "hostssl replication cut 127.0.0.1/32 trust\n" + hba, keep_access=False
        )
        primary.server.reload()
        client = ReplicationClient(
            primary.client(
                "cut",
                sslmode="require",
                sslcert=str(issued.certificate_path),
                sslkey=str(issued.key_path),
            )
        )
        with client:
            sender = await _sender(primary, client)
    finally:
        primary.server.write_hba(hba, keep_access=False)
        primary.server.reload()
        primary.server.sql("DROP ROLE cut")
    assert sender.tls is not None
    shown = sender.tls.client_certificate
    assert shown is not None
    assert shown.subject is not None
    assert shown.subject.may_be_cut
    assert shown.subject.text.startswith("/O=aü")
    assert shown.subject.text.endswith("\\xc3")
    assert shown.serial_number == 2**159 - 1


async def test_without_the_grant_walsenders_are_counted_and_nothing_is_claimed(
    primary: Primary,
) -> None:
    with ReplicationClient(primary.client_over_socket("r_socket")):
        senders = (await primary.observe("blind")).wal_senders
    assert isinstance(senders, Unread)
    assert senders.reason is FailureReason.PERMISSION
    assert "GRANT pg_read_all_stats" in senders.detail


async def test_without_the_grant_no_replication_is_not_reported_as_none(primary: Primary) -> None:
    observation = await primary.observe("blind")
    assert not observation.server.statistics_visible
    assert isinstance(observation.wal_senders, Unread)
    assert observation.wal_senders.reason is FailureReason.PERMISSION
