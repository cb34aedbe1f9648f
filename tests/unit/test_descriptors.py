"""The limit on file descriptors: how far it is raised, and that it is named when it is reached."""

import errno
import os
import resource
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter import descriptors
from exporter.board import Board
from exporter.model.failure import FailureReason, Unread
from exporter.model.served import ServedCertificateCheck
from exporter.model.target import PasswordFile, Target
from exporter.observe.certificates.tls.authority_file import authorities
from exporter.observe.certificates.tls.verification import verify
from exporter.observe.postgres.session.connection import _sever
from exporter.poller import look
from tests.descriptors import none_left

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 4096, 4096),
        (1024, 1024, 1024),
        (1024, 1_000_000, 65_536),
        (1024, UNLIMITED, 65_536),
        (100_000, 1_000_000, 100_000),
        (UNLIMITED, UNLIMITED, UNLIMITED),
    ],
)
def test_the_soft_limit_is_raised_to_the_hard_one_within_reason_and_never_lowered(
    soft: int, hard: int, raised: int
) -> None:
    assert descriptors.raised(soft, hard) == raised


def test_the_limit_of_a_process_is_raised() -> None:
    code = "from exporter import descriptors as d; d.raise_limit(); print(d.limit())"
    command = ["prlimit", "--nofile=100:200", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "200\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENFILE, "Too many open files in system"), "in the whole system"),
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (descriptors.ExhaustedError("said before"), "said before"),
        (OSError(errno.ENOENT, "No such file or directory"), None),
        (RuntimeError("another"), None),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), None),
    ],
)
def test_only_what_comes_from_a_limit_is_taken_for_that(
    error: Exception, words: str | None
) -> None:
    shortage_text = descriptors.shortage(error)
    assert (
        shortage_text == words if words is None or shortage_text is None else words in shortage_text
    )


def test_the_limit_that_was_reached_is_named() -> None:
    with none_left():
        limit, shortage_text = descriptors.limit(), descriptors.shortage_now()
    assert shortage_text is not None
    assert shortage_text.startswith(
        f"too many open files: the limit of the exporter is {limit}; raise it"
    )
    assert descriptors.shortage_now() is None


def target(parameters: dict[str, str], password: PasswordFile | None = None) -> Target:
    return Target(
        name="db1",
        parameters={"host": "127.0.0.1", "port": "1", "user": "exporter", **parameters},
        timeout_seconds=10.0,
        password=password,
        served_certificate=ServedCertificateCheck(),
    )


async def looked(asked: Target) -> list[Unread]:
    """Return why neither the poll nor the look at the certificate brought anything."""
    board = Board([asked])
    with none_left():
        seen = await look(asked, board, now=lambda: datetime.now(UTC))
    served = board.certificates.knowledge(asked.name, None, verify).served
    return [each for each in (seen.observation, served) if isinstance(each, Unread)]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"host": "localhost"}, {"host": "unknown.invalid"}, {"host": "::1"}],
    ids=["address", "name", "unknown name", "IPv6"],
)
async def test_a_poll_and_a_file_read_without_a_descriptor_show_the_limit(
    parameters: dict[str, str],
) -> None:
    failures = await looked(target(parameters))
    assert [each.reason for each in failures] == [FailureReason.EXPORTER_LIMITS] * 2
    assert all("too many open files: the limit of the exporter" in f.detail for f in failures)


async def test_a_password_file_that_cannot_be_opened_without_a_descriptor_shows_the_limit(
    tmp_path: Path,
) -> None:
    (tmp_path / "password").write_text("secret\n")
    failure, _ = await looked(target({}, PasswordFile(tmp_path / "password")))
    assert failure.reason is FailureReason.EXPORTER_LIMITS
    assert failure.detail.startswith(f"password file {tmp_path}/password: too many open files")


def test_an_authority_file_that_cannot_be_opened_without_a_descriptor_shows_the_limit(
    tmp_path: Path,
) -> None:
    (tmp_path / "root.crt").write_text("")
    with none_left(), pytest.raises(descriptors.ExhaustedError, match="too many open files"):
        authorities(str(tmp_path / "root.crt"))


def test_a_session_is_severed_without_a_descriptor() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with none_left():
            _sever(ours.fileno())
        assert theirs.recv(1) == b""
        os.fstat(ours.fileno())  # it stays open: it is libpq's to close
