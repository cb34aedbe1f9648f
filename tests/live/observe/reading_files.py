"""Files with certificates on a server, and polls that read them."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bench.wire import Counter, Traffic
from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.kept import Kept
from exporter.model.observation import Observation
from exporter.model.tls_files import TlsFiles
from exporter.observe.postgres.poll import observe
from lab.account import server_account
from tests.live.primaries import Primary
from tests.live.scenarios.stage import now

SPOILT = (
    ("missing", FailureReason.FILE_MISSING, "no such file"),
    ("unreadable", FailureReason.FILE_MISSING, "cannot read it"),
    ("directory", FailureReason.FILE_MISSING, "directory"),
    ("empty", FailureReason.FILE_MISSING, "empty"),
    ("fifo", FailureReason.FILE_MISSING, "not a regular file"),
    ("huge", FailureReason.LIMIT_EXCEEDED, "larger"),
)
"""What spoil() makes, and what is reported about it."""

NOTHING_KEPT = Kept()


def fingerprint(issued: x509.Certificate | x509.CertificateRevocationList) -> str:
    return sha256(issued.public_bytes(Encoding.DER)).hexdigest()


def file_of(read: Read[CertificateFile]) -> CertificateFile:
    assert isinstance(read, CertificateFile), read
    return read


def fingerprints(read: Read[CertificateFile]) -> list[str]:
    file = file_of(read)
    return [c.fingerprint for c in file.certificates] + [
        each.fingerprint for each in file.revocation_lists
    ]


def tls_files(observation: Observation) -> TlsFiles:
    assert not isinstance(observation.tls_files, Unread), observation.tls_files
    return observation.tls_files


def write(path: Path, content: bytes) -> Path:
    """Put a file in the place of what is there, as its keeper would; readable by the server."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.chmod(0o600)
    return server_account().own(fresh).replace(path)


def spoil(path: Path, becomes: str) -> None:
    """Make of a file what no reader wants to find in its place; ``missing`` is one such thing."""
    content = path.read_bytes()
    path.unlink()
    match becomes:
        case "unreadable":
            write(path, content).chmod(0)
        case "directory":
            path.mkdir()
        case "empty":
            write(path, b"")
        case "fifo":
            os.mkfifo(path)
        case "huge":
            write(path, content + b"\n" * 4 * 1024 * 1024)
        case _:
            assert becomes == "missing"


async def settled(primary: Primary) -> Kept:
    """Poll until the files are old enough to be kept."""
    while True:
        kept = (await primary.observe()).kept
        if kept.is_settled:
            return kept
        await asyncio.sleep(0.2)


async def counted(primary: Primary, kept: Kept = NOTHING_KEPT) -> tuple[Observation, Traffic]:
    """Poll once; return also what passed on the wire."""
    counter = Counter(primary.server.port)
    async with await asyncio.start_server(counter, "127.0.0.1", 0) as relay:
        parameters = {"port": str(relay.sockets[0].getsockname()[1]), "sslmode": "disable"}
        read = await observe(primary.target(parameters), now=now, kept=kept)
        traffic = await counter.taken()
    assert isinstance(read, Observation), read
    return read, traffic
