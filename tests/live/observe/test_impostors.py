"""A peer that is not an honest PostgreSQL server is reported as such, in time and without harm."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn

from exporter.model.failure import FailureReason, Unread
from exporter.model.observation import Observation
from exporter.model.target import ClearPassword, Target
from exporter.observe.detail import MAXIMUM_DETAIL
from exporter.observe.postgres.poll import observe
from exporter.observe.postgres.session import libpq
from exporter.observe.postgres.session.connection import MAXIMUM_BYTES
from exporter.observe.postgres.session.offload import Offload
from lab.wait import until
from tests.live.observe import impostors
from tests.live.observe.impostors import Handler, listening
from tests.live.primaries import Primaries
from tests.live.seen import note_read

pytestmark = pytest.mark.live

SLACK_SECONDS = 15.0
"""A busy machine's: far below what would follow from a deadline that does not hold."""


def _target(port: int, *, seconds: float = 1.0, name: str = "impostor") -> Target:
    # allowed to ask as they like; what they are not allowed is in test_password_to_impostors.py
    allowed = {"require_auth": "!gss,!sspi"}
    return Target(
        name,
        {"host": "127.0.0.1", "port": str(port), "user": "u", "sslmode": "disable", **allowed},
        ClearPassword("planted-password"),
        timeout_seconds=seconds,
    )


async def _poll(target: Target) -> Unread:
    started = time.monotonic()
    read = await observe(target, now=lambda: datetime.now(UTC))
    note_read(read)
    assert time.monotonic() - started < target.timeout_seconds + SLACK_SECONDS
    assert isinstance(read, Unread), read
    assert "planted-password" not in repr(read)
    assert len(read.detail) <= MAXIMUM_DETAIL
    assert read.detail.isprintable()
    return read


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (impostors.silent, FailureReason.TIMEOUT),
        (impostors.resetting, FailureReason.UNREACHABLE),
        (impostors.web_server, FailureReason.PROTOCOL),
        (impostors.old_server, FailureReason.UNSUPPORTED_SERVER),
        (impostors.nonsense_rows, FailureReason.PROTOCOL),
        (impostors.asking_in_clear, FailureReason.AUTHENTICATION),
        (impostors.refusing(b"no\n\x1b[31mlevel=error\r\x07 \xe2\x80\xae" + b"x" * 20_000), "any"),
        (impostors.hashing(0), FailureReason.AUTHENTICATION),
    ],
    ids=["silent", "resetting", "http", "old", "nonsense", "in_clear", "escapes", "no_rounds"],
)
async def test_an_impostor_is_detected_in_time(handler: Handler, reason: str) -> None:
    with listening(handler) as port:
        read = await _poll(_target(port))
    assert reason in {read.reason, "any"}


@pytest.mark.parametrize(
    "handler", [impostors.endless_rows, impostors.one_huge_row, impostors.endless_login]
)
async def test_a_server_that_sends_without_end_is_cut_off_before_memory_runs_out(
    handler: Handler,
) -> None:
    before = _resident_bytes()
    with listening(handler) as port:
        read = await _poll(_target(port, seconds=20))
        grown = _resident_bytes() - before
    assert read.reason is FailureReason.LIMIT_EXCEEDED
    assert grown < 6 * MAXIMUM_BYTES


def _resident_bytes() -> int:
    """Return the most memory this process has held so far (proc_pid_status(5), VmHWM)."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmHWM")


async def test_a_connection_pooler_is_reported_as_such(primaries: Primaries) -> None:
    primary = primaries[18]
    with listening(impostors.pooling(primary.server.port)) as port:
        target = primary.target({"port": str(port), "sslmode": "disable"})
        read = await _poll(target)
    assert read.reason is FailureReason.PROTOCOL
    assert "pooler" in read.detail


async def test_a_tls_handshake_computes_away_from_the_event_loop(
    primaries: Primaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In TLS up to 1.2 a server may choose a group in which libpq computes for seconds."""
    inside: list[bool] = []
    step = libpq.connect_poll

    def watched(pgconn: PGconn) -> PollingStatus:
        if pgconn.ssl_in_use and pgconn.status == ConnStatus.SSL_STARTUP:
            inside.append(threading.current_thread() is threading.main_thread())
        return step(pgconn)

    monkeypatch.setattr(libpq, "connect_poll", watched)
    target = primaries[18].target({"sslmode": "require"})
    # a server that answers at once leaves nothing to wait for between two steps
    for _ in range(50):
        read = await observe(target, now=lambda: datetime.now(UTC))
        assert isinstance(read, Observation)
        if inside:
            break
    assert inside
    assert not any(inside)


async def test_endless_password_hashing_delays_no_other_target(primaries: Primaries) -> None:
    # seconds of computing, of which the deadline leaves one
    with listening(impostors.hashing(5_000_000)) as port:
        hashed = asyncio.create_task(_poll(_target(port, name="hashing")))
        polled = 0
        while not hashed.done():
            read = await observe(primaries[18].target(), now=lambda: datetime.now(UTC))
            assert isinstance(read, Observation)
            polled += 1
        assert polled > 1
        assert (await hashed).reason is FailureReason.TIMEOUT
        again = await _poll(_target(port, name="hashing"))
        assert again.reason is FailureReason.TIMEOUT
        assert "earlier poll" in again.detail
        # it ends by itself, and then the target is logged into again
        until(lambda: not Offload("hashing").occupied, within=120, what="the hashing to end")
        again = await _poll(_target(port, seconds=0.1, name="hashing"))
        assert "earlier poll" not in again.detail
