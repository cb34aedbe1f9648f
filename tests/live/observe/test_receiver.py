"""A standby's WAL receiver, and the certificate that it will show next."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ServerFile
from exporter.model.kept import Kept
from exporter.model.observation import Observation
from exporter.model.tls_files import Receiver
from lab.pki import Issued
from lab.server import PostgresServer
from lab.wait import until
from tests.live.observe.reading_files import (
    NOTHING_KEPT,
    SPOILT,
    counted,
    file_of,
    fingerprint,
    fingerprints,
    settled,
    spoil,
    tls_files,
    write,
)
from tests.live.primaries import MAJORS, Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

HBA = """\
host    postgres     exporter,blind  127.0.0.0/8 trust
hostssl replication  r_cert          127.0.0.0/8 cert
host    replication  r_password      127.0.0.0/8 trust
"""

CERTIFICATE_MODE_SINCE = 16


@dataclass
class Pair:
    """A primary and its standby, whose certificate is in a file of its own."""

    primary: Primary
    standby: Primary
    issued: Issued
    file: Path

    @property
    def server(self) -> PostgresServer:
        return self.standby.server

    def conninfo(self, **parameters: str) -> dict[str, str]:
        """Return the parameters that the standby starts with, with others added."""
        return {
            **self.primary.server.tcp,
            "user": "r_cert",
            "sslmode": "verify-ca",
            "sslcert": str(self.file),
            "sslkey": str(self.issued.key_path),
            "sslrootcert": str(self.primary.authority.certificate_path),
            "application_name": "my standby",
            **parameters,
        }

    def connect(self, **parameters: str) -> None:
        """Have the standby connect with other parameters; an empty one is left out."""
        given = {key: value for key, value in self.conninfo(**parameters).items() if value}
        before = self.server.sql("SELECT pid FROM pg_stat_wal_receiver")
        self.server.set("primary_conninfo", make_conninfo(**given))
        self.server.reload()
        until(lambda: self._streams(before), within=30, what="the standby to connect again")

    def _streams(self, before: list[tuple[object, ...]]) -> bool:
        now = self.server.sql("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'")
        return now not in ([], before)

    async def receiver(self, kept: Kept = NOTHING_KEPT) -> Receiver:
        """Poll the standby."""
        return receiver_of(await self.standby.observe(kept=kept))


def receiver_of(observation: Observation) -> Receiver:
    assert isinstance(observation.receiver, Receiver), observation.receiver
    return observation.receiver


@pytest.fixture(scope="module", params=MAJORS)
def started(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Pair]:
    with fresh_primary(primaries, request.param, hba=HBA) as primary:
        authority = primary.authority
        issued = authority.issue(common_name="r_cert")
        file = issued.certificate_path.with_name(f"shown by {request.param}=x.crt")
        directory = primary.server.directory.with_name(f"{primary.server.directory.name}s")
        pair = Pair(primary, primary, issued, file)
        write(file, issued.certificate_path.read_bytes())
        with primary.server.standby(directory, pair.conninfo()) as server:
            pair.standby = Primary(server, authority)
            until(
                lambda: server.sql("SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"),
                within=30,
                what="the standby to stream",
            )
            yield pair


@pytest.fixture
def pair(started: Pair) -> Iterator[Pair]:
    """The pair, whose file and connection a test may change."""
    yield started
    if started.file.is_dir():
        started.file.rmdir()
    write(started.file, started.issued.certificate_path.read_bytes())
    if started.server.sql(
        "SELECT 1 FROM pg_file_settings WHERE name = 'primary_conninfo' OFFSET 1"
    ):
        started.connect()
        started.server.set("primary_conninfo", None)
        started.server.reload()


async def test_a_receiver_is_reported_with_the_certificate_that_it_shows(pair: Pair) -> None:
    observation = await pair.standby.observe()
    receiver = receiver_of(observation)
    assert receiver.status == "streaming"
    assert (receiver.role, receiver.application_name) == ("r_cert", "my standby")
    assert receiver.sslmode == "verify-ca"
    assert receiver.sender_host == "localhost"
    assert receiver.sender_port == pair.primary.server.port
    assert receiver.slot_name == ""
    assert file_of(receiver.certificate).path == str(pair.file)
    assert fingerprints(receiver.certificate) == [fingerprint(pair.issued.certificate)]
    assert fingerprints(tls_files(observation).authority) == [
        fingerprint(pair.primary.authority.certificate)
    ]


async def test_a_primary_has_no_receiver(pair: Pair) -> None:
    assert (await pair.primary.observe()).receiver is None
    assert (await pair.primary.observe("blind")).receiver is None


async def test_a_role_that_may_not_see_it_gets_that_as_the_reason(pair: Pair) -> None:
    read = (await pair.standby.observe("blind")).receiver
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.PERMISSION


async def test_a_file_that_has_not_changed_is_not_asked_for_again(pair: Pair) -> None:
    kept = await settled(pair.standby)
    observation, traffic = await counted(pair.standby, kept)
    assert traffic.round_trips == 1
    assert observation.receiver == kept.receiver
    assert receiver_of(observation).read_of != ()


async def test_a_renewed_file_is_reported_while_the_old_certificate_is_in_use(pair: Pair) -> None:
    kept = await settled(pair.standby)
    renewed = pair.primary.authority.issue(common_name="r_cert")
    write(pair.file, renewed.certificate_path.read_bytes())
    observation, traffic = await counted(pair.standby, kept)
    assert traffic.round_trips == 2
    assert fingerprints(receiver_of(observation).certificate) == [fingerprint(renewed.certificate)]
    senders = (await pair.primary.observe()).wal_senders
    assert not isinstance(senders, Unread)
    (sender,) = senders
    assert sender.tls is not None
    assert sender.tls.client_certificate is not None
    assert sender.tls.client_certificate.serial_number == pair.issued.certificate.serial_number


@pytest.mark.parametrize(("becomes", "reason", "words"), SPOILT)
async def test_a_file_that_cannot_be_read_has_its_reason(
    pair: Pair, becomes: str, reason: FailureReason, words: str
) -> None:
    kept = (await pair.standby.observe()).kept
    spoil(pair.file, becomes)
    receiver = await pair.receiver(kept)
    if pair.file.is_fifo():
        pair.file.unlink()
    assert isinstance(receiver.certificate, Unread)
    assert receiver.certificate.reason is reason
    assert words in receiver.certificate.detail
    assert str(pair.file) in receiver.certificate.detail


async def test_a_key_in_the_same_file_never_leaves_it(pair: Pair) -> None:
    key = pair.issued.key_path.read_bytes()
    write(pair.file, key + pair.issued.certificate_path.read_bytes() + key)
    observation = await pair.standby.observe()
    receiver = receiver_of(observation)
    assert fingerprints(receiver.certificate) == [fingerprint(pair.issued.certificate)]
    for line in key.decode().splitlines()[1:-1]:
        assert line not in repr(observation)


async def test_a_standby_that_names_no_certificate_is_not_guessed_at(pair: Pair) -> None:
    pair.connect(user="r_password", sslcert="", sslkey="")
    receiver = await pair.receiver()
    assert isinstance(receiver.certificate, Unread)
    assert receiver.certificate.reason is FailureReason.PERMISSION
    assert "write sslcert=" in receiver.certificate.detail
    assert receiver.role == "r_password"


async def test_a_standby_without_tls_sends_none(pair: Pair) -> None:
    pair.connect(user="r_password", sslmode="disable")
    receiver = await pair.receiver()
    assert receiver.certificate == CertificateFile("")
    assert receiver.sslmode == "disable"


async def test_a_standby_configured_to_send_none_sends_none(pair: Pair) -> None:
    if pair.server.major < CERTIFICATE_MODE_SINCE:
        pair.connect(user="r_password")
        assert fingerprints((await pair.receiver()).certificate) != []
    else:
        pair.connect(user="r_password", sslcertmode="disable")
        assert (await pair.receiver()).certificate == CertificateFile("")


async def test_a_relative_path_is_one_of_the_data_directory(pair: Pair) -> None:
    write(pair.server.data_directory / "own.crt", pair.file.read_bytes())
    pair.connect(sslcert="own.crt")
    certificate = file_of((await pair.receiver()).certificate)
    assert certificate.path == "own.crt"
    assert fingerprints(certificate) == [fingerprint(pair.issued.certificate)]


async def test_what_another_value_says_is_not_taken_for_a_parameter(pair: Pair) -> None:
    pair.connect(
        user="r_password",
        sslcert="",
        sslkey="",
        application_name="a sslcert=/etc/ssl/other.crt user=b",
    )
    observation = await pair.standby.observe()
    receiver = receiver_of(observation)
    assert receiver.role == "r_password"
    assert receiver.sslmode == "verify-ca"
    assert isinstance(receiver.certificate, Unread)
    assert not isinstance(observation.file_times, Unread)
    assert ServerFile.RECEIVER_CERTIFICATE not in {each.setting for each in observation.file_times}


@pytest.mark.parametrize(
    ("directory", "application_name"),
    [("/.", "x" * 1000), ("/." * 200, "x" * 400)],
    ids=["before sslcert", "within sslcert"],
)
async def test_what_the_server_cuts_is_not_taken_for_the_whole(
    pair: Pair, directory: str, application_name: str
) -> None:
    pair.connect(sslcert=f"{directory}{pair.file}", application_name=application_name)
    observation = await pair.standby.observe()
    receiver = receiver_of(observation)
    assert receiver.role == "r_cert"
    assert isinstance(receiver.certificate, Unread)
    assert receiver.certificate.reason is FailureReason.LIMIT_EXCEEDED
    assert not isinstance(observation.file_times, Unread)
    assert ServerFile.RECEIVER_CERTIFICATE not in {each.setting for each in observation.file_times}


async def test_a_standby_below_a_standby_shows_its_own(pair: Pair) -> None:
    issued = pair.primary.authority.issue(common_name="r_cert")
    directory = pair.server.directory.with_name(f"{pair.server.directory.name}b")
    conninfo = pair.conninfo(
        port=str(pair.server.port),
        sslcert=str(issued.certificate_path),
        sslkey=str(issued.key_path),
        application_name="below",
    )
    with pair.primary.server.standby(directory, conninfo) as server:
        until(
            lambda: server.sql("SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"),
            within=30,
            what="the standby below to stream",
        )
        below = receiver_of(await Primary(server, pair.primary.authority).observe())
    assert below.application_name == "below"
    assert below.sender_port == pair.server.port
    assert fingerprints(below.certificate) == [fingerprint(issued.certificate)]
    assert fingerprints((await pair.receiver()).certificate) == [
        fingerprint(pair.issued.certificate)
    ]


async def test_functions_of_an_older_release_cost_only_the_certificate(pair: Pair) -> None:
    primary, standby = pair.primary.server, pair.server
    primary.sql("ALTER FUNCTION replication_cert_exporter.receiver_certificate() RENAME TO renamed")
    try:
        await asyncio.to_thread(_caught_up, pair)
        receiver = await pair.receiver()
    finally:
        primary.sql(
            "ALTER FUNCTION replication_cert_exporter.renamed() RENAME TO receiver_certificate"
        )
        await asyncio.to_thread(_caught_up, pair)
    assert receiver.status == "streaming"
    assert isinstance(receiver.certificate, Unread)
    assert receiver.certificate.reason is FailureReason.NOT_INSTALLED
    assert "again" in receiver.certificate.detail
    assert standby.is_running()


def _caught_up(pair: Pair) -> None:
    [(position,)] = pair.primary.server.sql("SELECT pg_current_wal_lsn()::text")
    until(
        lambda: pair.server.sql(
            "SELECT 1 FROM pg_last_wal_replay_lsn() AS replayed WHERE replayed >= %s::pg_lsn",
            [position],
        ),
        within=30,
        what="the standby to replay",
    )
