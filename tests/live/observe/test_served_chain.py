"""The chain that real servers serve, of every major, without leaving a trace."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.model.failure import FailureReason, Unread
from exporter.model.served import ServedCertificateCheck, ServedChain
from exporter.model.target import Target
from exporter.observe.certificates.tls.served import has_wire, served_chain
from lab.pki import SERVER
from lab.server import PostgresServer
from lab.wait import until
from tests.live.primaries import MAJORS, Primaries, Primary, fresh_primary
from tests.live.seen import note_failure

pytestmark = pytest.mark.live

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DIRECT_TLS_MAJORS = (17, 18)


async def _look(
    target: Target, check: ServedCertificateCheck | None = None
) -> ServedChain | Unread:
    read = await served_chain(target, check or ServedCertificateCheck(), now=lambda: NOW)
    if isinstance(read, Unread):
        note_failure(read)
    return read


async def _seen(target: Target, check: ServedCertificateCheck | None = None) -> list[bytes]:
    read = await _look(target, check)
    assert isinstance(read, ServedChain), read
    return [one.der for one in read.certificates]


def _at(target: Target, **parameters: str) -> Target:
    return replace(target, parameters={**target.parameters, **parameters})


def _blocks(path: Path) -> list[bytes]:
    return [
        one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes())
    ]


def _traces(server: PostgresServer, offset: int, *, looks: int) -> list[str]:
    """Return what was logged besides the lines that some reads always produce.

    Returns when the processes that served them have ended: by then they have said what they had
    to say.
    """
    received = re.compile(r"\[(\d+)\] \S+@\S+ LOG:  connection received: host=127\.0\.0\.1 ")
    pids = received.findall(server.log_since(offset))
    assert len(pids) == looks
    until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids),
        within=10,
        what="the server's processes to end",
    )
    lines = server.log_since(offset).splitlines()
    return [line for line in lines if not received.search(line) and "checkpoint" not in line]


async def test_the_chain_is_that_of_the_file_and_leaves_no_trace(primary: Primary) -> None:
    server = primary.server
    # with only the leaf in the file, OpenSSL adds the authority that it knows
    path = Path(server.sql("SHOW ssl_cert_file")[0][0])
    expected = [*_blocks(path), *_blocks(primary.authority.certificate_path)]
    offset = server.log_size()
    assert await _seen(primary.target()) == expected
    assert await _seen(_at(primary.target(), host="localhost", hostaddr="127.0.0.1")) == expected
    assert _traces(server, offset, looks=2) == []


async def test_direct_tls_leaves_no_trace_either(primary: Primary) -> None:
    server = primary.server
    direct = ServedCertificateCheck(direct_tls=True)
    if server.major not in DIRECT_TLS_MAJORS:
        read = await _look(primary.target(), direct)
        assert isinstance(read, Unread)
        assert read.reason is FailureReason.TLS
        return
    usual = await _seen(primary.target())
    offset = server.log_size()
    assert await _seen(primary.target(), direct) == usual
    assert _traces(server, offset, looks=1) == []


@pytest.mark.parametrize(
    ("major", "newest"), [(13, "TLSv1"), (13, "TLSv1.1"), (13, "TLSv1.2"), (18, "TLSv1.2")]
)
async def test_an_old_version_of_tls_is_good_enough_to_look(
    primaries: Primaries, major: int, newest: str
) -> None:
    settings = {"ssl_min_protocol_version": "TLSv1", "ssl_max_protocol_version": newest}
    with fresh_primary(primaries, major, settings=settings) as primary:
        offset = primary.server.log_size()
        assert await _seen(primary.target())
        assert _traces(primary.server, offset, looks=1) == []


@pytest.mark.parametrize("major", MAJORS)
async def test_a_server_without_tls_is_reported_as_such_and_not_queried(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major, tls=False) as primary:
        offset = primary.server.log_size()
        read = await _look(primary.target())
        assert read == Unread(FailureReason.TLS, "the server offers no TLS")
        assert _traces(primary.server, offset, looks=1) == []


@pytest.mark.parametrize("major", MAJORS)
async def test_an_expired_and_unfit_certificate_is_seen_with_its_whole_chain(
    primaries: Primaries, major: int
) -> None:
    issuing = primaries[major].authority.intermediate()
    expired = issuing.issue(
        common_name="someone else", usage=SERVER, not_after=datetime(2021, 1, 1, tzinfo=UTC)
    )
    with fresh_primary(primaries, major) as primary:
        _serve(primary, ssl_cert_file=expired.certificate_path, ssl_key_file=expired.key_path)
        chain = await _seen(primary.target())
    assert chain == _blocks(expired.certificate_path)
    assert len(chain) == 2


def _serve(primary: Primary, **files: Path) -> None:
    for name, path in files.items():
        primary.server.set(name, str(path))
    offset = primary.server.log_size()
    primary.server.reload()
    assert "not reloaded" not in primary.server.log_since(offset)


async def test_a_renewed_certificate_is_seen_only_after_the_reload(
    primaries: Primaries,
) -> None:
    with fresh_primary(primaries, 18) as primary:
        before = await _seen(primary.target())
        renewed = primary.authority.issue(common_name="localhost", usage=SERVER)
        path = Path(primary.server.sql("SHOW ssl_cert_file")[0][0])
        key = Path(primary.server.sql("SHOW ssl_key_file")[0][0])
        path.write_bytes(renewed.certificate_path.read_bytes())
        key.write_bytes(renewed.key_path.read_bytes())
        assert await _seen(primary.target()) == before
        primary.server.reload()
        assert (await _seen(primary.target()))[0] == _blocks(path)[0]


async def test_the_authorities_are_read_from_the_configured_file(
    primaries: Primaries, tmp_path: Path
) -> None:
    primary = primaries[18]
    file = tmp_path / "root.crt"
    file.write_bytes(primary.authority.certificate_path.read_bytes())
    check = ServedCertificateCheck(host="db1.example.com", authority_file=str(file))
    read = await _look(primary.target(), check)
    assert isinstance(read, ServedChain)
    assert (read.host, read.read_at) == ("db1.example.com", NOW)
    assert not isinstance(read.trust, Unread)
    assert read.trust is not None
    assert [one.der for one in read.trust.authorities] == _blocks(file)
    file.unlink()
    read = await _look(primary.target(), check)
    assert isinstance(read, ServedChain)
    assert isinstance(read.trust, Unread)
    assert read.trust.reason is FailureReason.SERVER_CERTIFICATE
    assert "No such file" in read.trust.detail


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"host": "localhost"}, "localhost"),
        ({"host": "127.0.0.1"}, None),
        ({"host": "db1.invalid", "hostaddr": "127.0.0.1"}, "db1.invalid"),
        ({"host": "/run/postgresql", "hostaddr": "127.0.0.1"}, None),
    ],
)
async def test_the_name_that_is_asked_for_is_the_target_s_own(
    primaries: Primaries, parameters: dict[str, str], name: str | None
) -> None:
    read = await _look(_at(primaries[18].target(), **parameters))
    assert isinstance(read, ServedChain)
    assert read.host == name


async def test_the_next_address_is_tried(primaries: Primaries) -> None:
    target = _at(primaries[18].target(), host="", hostaddr="127.0.0.9,127.0.0.1")
    assert await _seen(target)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"host": "no-such-host.invalid"}, FailureReason.DNS),
        ({"hostaddr": "127.0.0.9"}, FailureReason.REFUSED),
        # Linux connects to no multicast address, whatever the network is
        ({"hostaddr": "224.0.0.1"}, FailureReason.UNREACHABLE),
    ],
)
async def test_where_no_server_answers_there_is_a_reason(
    primaries: Primaries, parameters: dict[str, str], reason: FailureReason
) -> None:
    read = await _look(_at(primaries[18].target(), **parameters))
    assert isinstance(read, Unread)
    assert read.reason is reason, read


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"host": "db1"}, True),
        ({"hostaddr": "192.0.2.1"}, True),
        ({"host": "/run/postgresql", "hostaddr": "192.0.2.1"}, True),
        ({"host": "/run/postgresql"}, False),
        ({"host": "@abstract"}, False),
        ({}, False),
    ],
)
async def test_only_tcp_has_a_chain_to_look_at(
    parameters: dict[str, str], *, expected: bool
) -> None:
    target = Target("t", parameters)
    assert has_wire(target) is expected
    if not expected:
        read = await _look(target)
        assert isinstance(read, Unread)
        assert read.reason is FailureReason.INTERNAL
