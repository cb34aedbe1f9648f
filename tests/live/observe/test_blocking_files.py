"""Files of a login that block or are not regular files: only their own target suffers."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter import libpq_options
from exporter.model.failure import FailureReason, Unread
from exporter.model.observation import Observation
from exporter.model.served import ServedCertificateCheck, ServedChain
from exporter.model.target import Password, PasswordFile, Target
from exporter.observe.certificates.tls.served import served_chain
from exporter.observe.postgres.poll import observe
from exporter.observe.postgres.session.offload import Offload
from lab.blocking_files import blocked
from lab.wait import until
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.seen import note_failure, note_read

pytestmark = pytest.mark.live

WITHIN_SECONDS = 30.0
PASSWORD = "planted-password"

HBA = """\
host    postgres  exporter        127.0.0.1/32  trust
host    postgres  by_password     127.0.0.1/32  scram-sha-256
hostssl postgres  by_certificate  127.0.0.1/32  cert
"""

TLS_FILES = {
    "sslrootcert": ("root.crt", FailureReason.SERVER_CERTIFICATE),
    "sslcrl": ("root.crl", FailureReason.SERVER_CERTIFICATE),
    "sslcert": ("postgresql.crt", FailureReason.CLIENT_CERTIFICATE),
    "sslkey": ("postgresql.key", FailureReason.CLIENT_CERTIFICATE),
}


@pytest.fixture(scope="module")
def primary(primaries: Primaries) -> Iterator[Primary]:
    with fresh_primary(primaries, 18, hba=HBA) as primary:
        primary.server.sql(f"CREATE ROLE by_password LOGIN PASSWORD '{PASSWORD}'")
        primary.server.sql("CREATE ROLE by_certificate LOGIN")
        yield primary


@pytest.fixture
def files(primary: Primary, tmp_path: Path) -> dict[str, str]:
    """Return the parameters of a login by certificate, whose files are the test's own."""
    issued = primary.authority.issue(common_name="by_certificate")
    revoked = primary.authority.revocation_list()
    sources = {
        "sslrootcert": primary.authority.certificate_path,
        "sslcrl": revoked,
        "sslcert": issued.certificate_path,
        "sslkey": issued.key_path,
    }
    files = {}
    for keyword, source in sources.items():
        copy = tmp_path / TLS_FILES[keyword][0]
        copy.write_bytes(source.read_bytes())
        copy.chmod(0o600)
        files[keyword] = str(copy)
    return {"user": "by_certificate", "sslmode": "verify-ca", **files}


async def _poll(target: Target) -> Observation | Unread:
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert PASSWORD not in repr(read)
    return read


def _target(
    primary: Primary,
    parameters: Mapping[str, str],
    *,
    password: Password = None,
    seconds: float = WITHIN_SECONDS,
) -> Target:
    target = primary.target(parameters, timeout_seconds=seconds)
    return replace(target, password=password)


def _passfile(path: Path) -> Path:
    path.write_text(f"127.0.0.1:*:postgres:by_password:{PASSWORD}\n")
    path.chmod(0o600)
    return path


async def test_a_login_with_all_its_files_succeeds(primary: Primary, files: dict[str, str]) -> None:
    assert isinstance(await _poll(_target(primary, files)), Observation)


@pytest.mark.parametrize("keyword", TLS_FILES)
async def test_a_fifo_among_the_files_for_tls_is_reported_and_not_opened(
    primary: Primary, files: dict[str, str], keyword: str
) -> None:
    path = Path(files[keyword])
    path.rename(path.with_suffix(".kept"))
    os.mkfifo(path)
    expected = Unread(TLS_FILES[keyword][1], f"{keyword} {path} is a FIFO, not a regular file")
    assert await _poll(_target(primary, files)) == expected
    # no thread is left in it
    path.unlink()
    path.with_suffix(".kept").rename(path)
    assert isinstance(await _poll(_target(primary, files)), Observation)


@pytest.mark.parametrize("keyword", TLS_FILES)
async def test_a_fifo_where_libpq_looks_by_default_is_reported_too(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyword: str
) -> None:
    name, reason = TLS_FILES[keyword]
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".postgresql" / name
    path.parent.mkdir()
    os.mkfifo(path)
    expected = Unread(reason, f"{keyword} {path} is a FIFO, not a regular file")
    assert await _poll(_target(primary, {"sslmode": "require"})) == expected
    # by a connection that needs none of these files it is not looked at
    assert isinstance(await _poll(_target(primary, {"sslmode": "disable"})), Observation)


async def test_a_fifo_that_the_environment_names_is_reported_too(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "fifo"))
    read = await _poll(_target(primary, {}))
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.SERVER_CERTIFICATE
    assert "is a FIFO" in read.detail


async def test_a_fifo_as_passfile_is_reported(primary: Primary, tmp_path: Path) -> None:
    path = tmp_path / "passfile"
    os.mkfifo(path)
    assert await _poll(_target(primary, {"user": "by_password", "passfile": str(path)})) == Unread(
        FailureReason.AUTHENTICATION, f"passfile {path} is a FIFO, not a regular file"
    )


@pytest.mark.parametrize("variable", ["PGPASSFILE", "HOME"])
async def test_a_fifo_as_passfile_that_the_target_does_not_name_is_passed_over(
    primary: Primary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
) -> None:
    path = tmp_path / ".pgpass"
    os.mkfifo(path)
    monkeypatch.setenv(variable, str(path if variable == "PGPASSFILE" else tmp_path))
    assert isinstance(await _poll(_target(primary, {"sslmode": "disable"})), Observation)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "password", [PASSWORD, 'with "quotes" \\ and blanks'], ids=["plain", "odd"]
)
@pytest.mark.parametrize("way", ["parameter", "PGPASSFILE", "HOME"])
async def test_the_password_of_the_passfile_is_used(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, way: str
) -> None:
    role = f"r{len(password)}_{way.lower()}"
    primary.server.sql(f"CREATE ROLE {role} LOGIN PASSWORD $${password}$$")
    primary.server.write_hba(f"host postgres {role} 127.0.0.1/32 scram-sha-256\n{HBA}")
    primary.server.reload()
    path = _passfile(tmp_path / ".pgpass")
    escaped = password.replace("\\", "\\\\")
    path.write_text(f"*:*:*:{role}:{escaped}\n")
    parameters = {"user": role}
    match way:
        case "parameter":
            parameters["passfile"] = str(path)
        case "HOME":
            monkeypatch.setenv("HOME", str(tmp_path))
        case _:
            monkeypatch.setenv(way, str(path))
    read = await _poll(_target(primary, parameters))
    # the exporter's functions are not granted to it: it is logged in all the same
    assert isinstance(read, Observation)


async def test_a_service_file_counts_less_than_the_configuration(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    file.write_text(
        f"[elsewhere]\nuser=nobody\npassword={PASSWORD}\nport=1\nsslmode=disable\n"
        "application_name=by service\n"
    )
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    target = _target(primary, {"user": "by_password"})
    assert isinstance(await _poll(target), Observation)
    # libpq itself finds no service any more, and the next poll does
    assert "PGSERVICE" not in os.environ
    assert isinstance(await _poll(target), Observation)
    file.write_text("[another]\nuser=nobody\n")
    read = await _poll(target)
    assert isinstance(read, Unread)
    assert 'definition of service "elsewhere" not found' in read.detail


@pytest.mark.root
@pytest.mark.parametrize("kind", [*TLS_FILES, "passfile", "service file", "password file"])
async def test_a_file_that_does_not_open_holds_up_its_own_target_alone(
    primary: Primary,
    files: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    password: Password = None
    parameters, reason = files, FailureReason.AUTHENTICATION
    match kind:
        case "passfile":
            path = _passfile(tmp_path / "passfile")
            parameters = {"user": "by_password", "passfile": str(path)}
        case "service file":
            path = tmp_path / "services"
            path.write_text(f"[ours]\npassword={PASSWORD}\n")
            monkeypatch.setenv("PGSERVICEFILE", str(path))
            parameters = {"user": "by_password"}
        case "password file":
            path = tmp_path / "password"
            path.write_text(PASSWORD)
            parameters, password = {"user": "by_password"}, PasswordFile(path)
        case _:
            path, reason = Path(files[kind]), TLS_FILES[kind][1]
    target = replace(_target(primary, parameters, password=password), name="blocked")
    hurried = replace(target, timeout_seconds=1.0)
    if kind == "service file":
        monkeypatch.setenv("PGSERVICE", "ours")
    with blocked(path) as opening:
        poll = asyncio.create_task(_poll(target))
        await asyncio.to_thread(opening.wait_for_open)
        monkeypatch.setattr(libpq_options, "_service", {})
        # the event loop is free
        assert isinstance(await _poll(_target(primary, {})), Observation)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        opened = opening.opens()
        for _ in range(3):
            read = await _poll(hurried)
            assert isinstance(read, Unread)
            assert read.reason is reason
            assert kind in read.detail
        # one thread waits for it, however often it is polled
        assert opening.opens() == opened
    until(lambda: Offload.all_ended(0), WITHIN_SECONDS, "the login to be given up")
    if kind != "service file":
        assert isinstance(await _poll(target), Observation)


@pytest.mark.root
async def test_a_deadline_ends_a_poll_whose_file_does_not_open(
    primary: Primary, files: dict[str, str]
) -> None:
    with blocked(Path(files["sslkey"])):
        target = replace(_target(primary, files, seconds=0.5), name="blocked")
        assert await _poll(target) == Unread(
            FailureReason.CLIENT_CERTIFICATE,
            f"no answer within 0.5 s while opening sslkey {files['sslkey']}",
        )
    until(lambda: Offload.all_ended(0), WITHIN_SECONDS, "the login to be given up")


@pytest.mark.root
async def test_an_authority_file_that_does_not_open_takes_nothing_but_the_trust(
    primary: Primary, files: dict[str, str]
) -> None:
    file = files["sslrootcert"]
    target = replace(_target(primary, {}, seconds=2.0), name="blocked")
    check = ServedCertificateCheck(authority_file=file)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    with blocked(Path(file)) as opening:
        look = asyncio.create_task(served_chain(target, check, now=lambda: now))
        await asyncio.to_thread(opening.wait_for_open)
        assert isinstance(await _poll(_target(primary, {})), Observation)
        chain = await look
        again = await served_chain(target, check, now=lambda: now)
        assert opening.opens() == 1
    for seen in (chain, again):
        assert isinstance(seen, ServedChain), seen
        assert seen.certificates
        assert seen.trust == Unread(
            FailureReason.SERVER_CERTIFICATE, f"authority file {file} was not read within 2 s"
        )
        note_failure(seen.trust)
