"""The server's certificates and revocation lists, read through the shipped functions."""

from pathlib import Path

import pytest

from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ServerFile
from exporter.model.kept import Kept
from exporter.model.tls_files import TlsFiles
from lab.account import server_account
from lab.pki import Authority
from tests.live.observe.reading_files import (
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
from tests.live.primaries import Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

DIRECTORY_SINCE = 14


def _setting(primary: Primary, name: str) -> Path:
    return primary.server.data_directory / str(primary.server.sql(f"SHOW {name}")[0][0])


def _list_file(primary: Primary) -> Path:
    """Put a revocation list of the lab's authority into force, in a file of its own."""
    path = primary.server.data_directory / "own.crl"
    write(path, primary.authority.revocation_list().read_bytes())
    primary.server.set("ssl_crl_file", path.name)
    primary.server.reload()
    return path


async def test_certificate_and_authority_are_read(primary: Primary) -> None:
    read = tls_files(await primary.observe())
    certificate = file_of(read.certificate)
    assert certificate.path == str(_setting(primary, "ssl_cert_file"))
    (leaf,) = certificate.certificates
    assert leaf.subject.common_name == "localhost"
    assert fingerprints(read.authority) == [fingerprint(primary.authority.certificate)]
    assert read.revocation == CertificateFile("")
    assert certificate.unparsable == file_of(read.authority).unparsable == 0


async def test_lists_of_file_and_directory_are_read_together(own_primary: Primary) -> None:
    server, authority = own_primary.server, own_primary.authority
    other = authority.intermediate()
    first, second, third = (
        each.revocation_list().read_bytes() for each in (authority, other, authority)
    )
    write(server.data_directory / "some.crl", first + second)
    server.set("ssl_crl_file", "some.crl")
    directory = server.data_directory / "lists"
    directory.mkdir(exist_ok=True)
    write(directory / "0a1b2c3d.r0", third)
    write(directory / "not-named-by-hash.crl", first)
    write(directory / "0a1b2c3d.0", authority.certificate_path.read_bytes())
    (directory / "0a1b2c3d.r1").unlink(missing_ok=True)
    (directory / "0a1b2c3d.r1").symlink_to("nowhere")
    if server.major >= DIRECTORY_SINCE:
        server.set("ssl_crl_dir", "lists")
    server.reload()
    observation = await own_primary.observe()
    read = file_of(tls_files(observation).revocation)
    issuers = [each.issuer.common_name for each in read.revocation_lists]
    assert all(each.next_update is not None for each in read.revocation_lists)
    assert read.certificates == ()
    assert not isinstance(observation.file_times, Unread)
    watched = [
        each.path for each in observation.file_times if each.setting is ServerFile.CRL_DIRECTORY
    ]
    if server.major >= DIRECTORY_SINCE:
        assert read.path == "some.crl, lists"
        assert issuers == ["Lab Root CA", "Lab Issuing CA", "Lab Root CA"]
        assert watched == ["lists", "lists/0a1b2c3d.r0", "lists/0a1b2c3d.r1"]
    else:
        assert read.path == "some.crl"
        assert issuers == ["Lab Root CA", "Lab Issuing CA"]
        assert watched == []


async def test_what_has_not_changed_is_not_asked_again(primary: Primary) -> None:
    first, traffic = await counted(primary)
    assert traffic.round_trips == 2
    kept = await settled(primary)
    second, traffic = await counted(primary, kept)
    assert traffic.round_trips == 1
    assert second.tls_files is kept.tls_files
    assert tls_files(second).certificate == tls_files(first).certificate


async def test_a_file_that_is_replaced_is_read_without_a_reload(own_primary: Primary) -> None:
    path = _list_file(own_primary)
    kept = await settled(own_primary)
    before = tls_files(await own_primary.observe(kept=kept))
    assert before is kept.tls_files
    write(path, own_primary.authority.revocation_list().read_bytes())
    observation, traffic = await counted(own_primary, kept)
    assert traffic.round_trips == 2
    assert fingerprints(tls_files(observation).revocation) != fingerprints(before.revocation)
    assert tls_files(observation).certificate == before.certificate


@pytest.mark.parametrize("major", [14, 18])
async def test_a_list_that_joins_the_directory_is_read(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major, settings={"ssl_crl_dir": "lists"}) as primary:
        missing = tls_files(await primary.observe()).revocation
        assert isinstance(missing, Unread)
        assert missing.reason is FailureReason.FILE_MISSING
        directory = primary.server.data_directory / "lists"
        directory.mkdir()
        kept = await settled(primary)
        assert kept.tls_files is not None
        assert kept.tls_files.revocation == CertificateFile("lists")
        write(directory / "0a1b2c3d.r0", primary.authority.revocation_list().read_bytes())
        joined = tls_files(await primary.observe(kept=kept)).revocation
        assert len(file_of(joined).revocation_lists) == 1


@pytest.mark.parametrize(
    ("mode", "lists", "expected"),
    [
        (0o000, 1, (FailureReason.FILE_MISSING, "the server cannot read it")),
        (0o700, 1001, (FailureReason.LIMIT_EXCEEDED, "it holds more than 1000 revocation lists")),
    ],
    ids=["unreadable", "too many"],
)
@pytest.mark.parametrize("major", [14, 18])
async def test_a_directory_that_is_not_read_is_reported_as_such(
    primaries: Primaries, major: int, mode: int, lists: int, expected: tuple[FailureReason, str]
) -> None:
    with fresh_primary(primaries, major, settings={"ssl_crl_dir": "lists"}) as primary:
        directory = primary.server.data_directory / "lists"
        directory.mkdir()
        for number in range(lists):
            (directory / f"{number:08x}.r0").touch()
        server_account().own(directory)
        directory.chmod(mode)
        read = tls_files(await primary.observe())
        directory.chmod(0o700)
    reason, words = expected
    assert read.revocation == Unread(reason, f"ssl_crl_dir (lists): {words}")
    assert fingerprints(read.authority) == [fingerprint(primary.authority.certificate)]


@pytest.mark.parametrize(("becomes", "reason", "words"), SPOILT)
async def test_a_file_that_cannot_be_read_has_its_reason_and_the_others_are_read(
    own_primary: Primary, becomes: str, reason: FailureReason, words: str
) -> None:
    path = _list_file(own_primary)
    kept = (await own_primary.observe()).kept
    spoil(path, becomes)
    try:
        read = tls_files(await own_primary.observe(kept=kept))
    finally:
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    assert isinstance(read.revocation, Unread)
    assert read.revocation.reason is reason
    assert words in read.revocation.detail
    assert "own.crl" in read.revocation.detail
    assert fingerprints(read.authority) == [fingerprint(own_primary.authority.certificate)]
    assert len(file_of(read.certificate).certificates) == 1
    if becomes == "unreadable":
        assert read.read_of == ()  # leave to read it may come without a change of its times


async def test_a_large_file_leaves_the_small_ones_their_room(own_primary: Primary) -> None:
    server = own_primary.server
    authority = own_primary.authority.certificate_path.read_bytes()
    write(server.data_directory / "large.pem", authority + b"\n" * 3 * 1024 * 1024)
    write(server.data_directory / "too.crl", own_primary.authority.revocation_list().read_bytes())
    server.set("ssl_ca_file", "large.pem")
    server.set("ssl_crl_file", "too.crl")
    server.reload()
    read = tls_files(await own_primary.observe())
    assert len(file_of(read.authority).certificates) == 1
    assert len(file_of(read.revocation).revocation_lists) == 1


async def test_a_block_that_is_not_a_certificate_is_counted(own_primary: Primary) -> None:
    server = own_primary.server
    authority = own_primary.authority.certificate_path.read_bytes()
    cut = authority.replace(b"-----END", b"~----END")
    write(server.data_directory / "odd.pem", cut + authority)
    path = _list_file(own_primary)
    write(path, (server.data_directory / "odd.pem").read_bytes())
    read = file_of(tls_files(await own_primary.observe()).revocation)
    assert [c.fingerprint for c in read.certificates] == [
        fingerprint(own_primary.authority.certificate)
    ]
    assert read.unparsable == 1


async def test_certificates_with_openssl_s_other_labels_are_read(own_primary: Primary) -> None:
    path = _list_file(own_primary)
    authority = own_primary.authority.certificate_path.read_bytes()
    old = authority.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-")
    write(path, old.replace(b"\n", b"\r\n"))
    assert fingerprints(tls_files(await own_primary.observe()).revocation) == [
        fingerprint(own_primary.authority.certificate)
    ]


async def test_a_chain_keeps_its_order(own_primary: Primary) -> None:
    server = own_primary.server
    issuing: Authority = own_primary.authority.intermediate()
    issued = issuing.issue(common_name="chained")
    path = _list_file(own_primary)
    write(path, issued.certificate_path.read_bytes())
    assert fingerprints(tls_files(await own_primary.observe()).revocation) == [
        fingerprint(issued.certificate),
        fingerprint(issuing.certificate),
    ]
    assert server.is_running()


@pytest.mark.parametrize("major", [13, 18])
async def test_with_tls_off_what_the_settings_name_is_reported(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major, tls=False) as primary:
        read = tls_files(await primary.observe())
    assert isinstance(read.certificate, Unread)
    assert read.certificate.reason is FailureReason.FILE_MISSING
    assert "server.crt" in read.certificate.detail
    assert (read.authority, read.revocation) == (CertificateFile(""), CertificateFile(""))


async def test_without_the_shipped_functions_it_is_reported_as_the_others_are(
    own_primary: Primary,
) -> None:
    own_primary.server.sql("DROP SCHEMA replication_cert_exporter CASCADE")
    observation = await own_primary.observe()
    assert isinstance(observation.tls_files, Unread)
    assert observation.tls_files == observation.file_times
    assert observation.tls_files.reason is FailureReason.NOT_INSTALLED
    assert observation.receiver is None


async def test_functions_of_an_older_release_cost_only_what_they_lack(
    own_primary: Primary,
) -> None:
    own_primary.server.sql(
        """
        DROP FUNCTION replication_cert_exporter.public_certificates();
        DROP FUNCTION replication_cert_exporter.receiver_certificate();
        CREATE FUNCTION replication_cert_exporter.public_certificates()
        RETURNS TABLE (setting text, number integer, pem text)
        LANGUAGE sql AS $$SELECT 'ssl_cert_file', 1, ''$$;
        """
    )
    observation = await own_primary.observe()
    assert isinstance(observation.tls_files, Unread)
    assert observation.tls_files.reason is FailureReason.NOT_INSTALLED
    assert "again" in observation.tls_files.detail
    for read in (observation.hba, observation.file_times, observation.wal_senders):
        assert not isinstance(read, Unread), read


async def test_a_role_without_grants_is_reported_as_such(primary: Primary) -> None:
    read = (await primary.observe("blind")).tls_files
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.PERMISSION


async def test_nothing_is_kept_of_what_was_not_read(primary: Primary) -> None:
    observation = await primary.observe("blind")
    assert observation.kept == Kept()
    seeing = await primary.observe(kept=observation.kept)
    assert isinstance(seeing.tls_files, TlsFiles)
