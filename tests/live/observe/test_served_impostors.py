"""A peer that answers instead of a server: a reason in time, or the chain if there is one."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from exporter.model.failure import FailureReason, Unread
from exporter.model.served import ServedCertificateCheck, ServedChain
from exporter.model.target import Target
from exporter.observe.certificates.tls.served import served_chain
from exporter.observe.detail import MAXIMUM_DETAIL
from lab.account import workspace
from lab.pki import SERVER, Authority
from tests.live.observe import impostors, tls_impostors
from tests.live.observe.impostors import Handler, listening
from tests.live.observe.tls_impostors import TlsServer, answering
from tests.live.seen import note_failure

pytestmark = pytest.mark.live

SLACK_SECONDS = 15.0
"""A busy machine's: far below what would follow from a deadline that does not hold."""


async def _look(
    port: int, check: ServedCertificateCheck | None = None, *, seconds: float = 1.0
) -> ServedChain | Unread:
    target = Target("impostor", {"host": "127.0.0.1", "port": str(port)}, timeout_seconds=seconds)
    started = time.monotonic()
    read = await served_chain(
        target, check or ServedCertificateCheck(), now=lambda: datetime.now(UTC)
    )
    assert time.monotonic() - started < seconds + SLACK_SECONDS
    if isinstance(read, Unread):
        note_failure(read)
        assert len(read.detail) <= MAXIMUM_DETAIL
        assert read.detail.isprintable()
    return read


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (impostors.silent, FailureReason.TIMEOUT),
        (impostors.resetting, FailureReason.UNREACHABLE),
        (impostors.web_server, FailureReason.PROTOCOL),
        (answering(b"", tls_impostors.leaving), FailureReason.UNREACHABLE),
        (answering(b"X"), FailureReason.PROTOCOL),
        (answering(b"N"), FailureReason.TLS),
        (answering(b"NX"), FailureReason.PROTOCOL),
        (answering(b"Sx"), FailureReason.PROTOCOL),
        (answering(b"S" + b"\x16\x03\x03\x00\x04\0\0\0\0"), FailureReason.PROTOCOL),
        (answering(tls_impostors.error_response(b"planted text")), FailureReason.PROTOCOL),
        (answering(b"S"), FailureReason.TIMEOUT),
        (answering(b"S", tls_impostors.leaving), FailureReason.TLS),
        (answering(b"S", tls_impostors.resetting), FailureReason.TLS),
        (answering(b"S", tls_impostors.garbage), FailureReason.TLS),
        (answering(b"S", tls_impostors.dribbling), FailureReason.TIMEOUT),
        (answering(b"S", tls_impostors.endless_handshake), FailureReason.LIMIT_EXCEEDED),
        (answering(b"S", tls_impostors.endless_alerts), FailureReason.TLS),
    ],
    ids=[
        "silent",
        "resetting",
        "http",
        "leaving",
        "nonsense",
        "no_tls",
        "no_tls_and_more",
        "yes_and_more",
        "yes_and_a_record",
        "error",
        "yes_and_silent",
        "yes_and_leaving",
        "yes_and_resetting",
        "yes_and_garbage",
        "dribbling",
        "endless_handshake",
        "endless_alerts",
    ],
)
async def test_an_impostor_is_detected_in_time(handler: Handler, reason: FailureReason) -> None:
    with listening(handler) as port:
        read = await _look(port)
    assert isinstance(read, Unread)
    assert read.reason is reason, read
    assert "planted" not in read.detail


async def test_many_silent_servers_delay_no_other_target() -> None:
    with listening(impostors.silent) as port:
        looks = await asyncio.gather(*(_look(port) for _ in range(50)))
    assert {read.reason for read in looks if isinstance(read, Unread)} == {FailureReason.TIMEOUT}


@pytest.fixture
def pki() -> Iterator[Authority]:
    with workspace() as directory:
        yield Authority.create(directory)


def _server(
    pki: Authority, then: Callable[[ssl.SSLSocket], None] = tls_impostors.farewell
) -> TlsServer:
    issued = pki.issue(common_name="db1", usage=SERVER)
    return TlsServer(issued.certificate_path, issued.key_path, then)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("db1.example.com", "db1.example.com"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        (None, None),
    ],
)
async def test_the_name_of_the_standbys_is_sent(
    pki: Authority, newest: ssl.TLSVersion, host: str | None, name: str | None
) -> None:
    server = _server(pki)
    server.newest = newest
    with listening(server) as port:
        read = await _look(port, ServedCertificateCheck(host=host))
    assert isinstance(read, ServedChain)
    assert read.host == host
    assert server.names == [name]
    assert server.protocols == [None]


async def test_direct_tls_names_the_protocol(pki: Authority) -> None:
    server = _server(pki)
    server.direct = True
    with listening(server) as port:
        read = await _look(port, ServedCertificateCheck(direct_tls=True))
    assert isinstance(read, ServedChain)
    assert server.protocols == ["postgresql"]


@pytest.mark.parametrize("then", [tls_impostors.staying, tls_impostors.talking])
@pytest.mark.parametrize("seconds", [0.5, 4.0])
async def test_a_server_that_does_not_let_go_is_left_with_its_chain(
    pki: Authority, then: Callable[[ssl.SSLSocket], None], seconds: float
) -> None:
    with listening(_server(pki, then)) as port:
        read = await _look(port, seconds=seconds)
    assert isinstance(read, ServedChain)
    assert read.certificates[0].subject.common_name == "db1"


async def test_a_crowd_of_certificates_is_refused(pki: Authority) -> None:
    """Whatever follows would take its time to verify, and no chain is that long."""
    server = _server(pki)
    server.certificate.write_bytes(server.certificate.read_bytes() * 101)
    with listening(server) as port:
        read = await _look(port)
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.LIMIT_EXCEEDED
    assert "more than 100 certificates" in read.detail


async def test_ten_megabytes_of_certificates_are_refused() -> None:
    with listening(answering(b"S", tls_impostors.ten_megabytes_of_certificates)) as port:
        read = await _look(port)
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.TLS
    assert "excessive message size" in read.detail


async def test_a_failed_look_does_not_spoil_the_next(pki: Authority) -> None:
    """OpenSSL's errors are kept per thread: one that is left over would be the next one's."""
    with (
        listening(answering(b"S", tls_impostors.garbage)) as bad,
        listening(_server(pki)) as good,
    ):
        for _ in range(3):
            assert isinstance(await _look(bad), Unread)
            assert isinstance(await _look(good), ServedChain)
