"""What a poll reports where the exporter itself may open too few files, with a real TLS server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.model.failure import FailureReason, Unread
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.seen import note_failure

pytestmark = pytest.mark.live

HBA = "hostssl postgres exporter all cert\n"
FEWEST, MOST = 5, 60


def configuration(primary: Primary, directory: Path) -> Path:
    own = primary.authority.issue(common_name="exporter")
    (directory / "password").write_text("not asked for\n")
    lines = (
        "name: db1",
        "host: localhost",
        f"port: {primary.server.port}",
        "user: exporter",
        f"password_file: {directory}/password",
        "sslmode: verify-ca",
        f"sslrootcert: {primary.authority.certificate_path}",
        f"sslcert: {own.certificate_path}",
        f"sslkey: {own.key_path}",
        f"served_certificate: {{authority: {primary.authority.certificate_path}}}",
    )
    path = directory / "config.yml"
    path.write_text("targets:\n  - " + "\n    ".join(lines) + "\n")
    return path


def failures(path: Path, descriptors: int) -> list[Unread] | None:
    """Poll once with so many descriptors; None if the program itself cannot start."""
    command = [sys.executable, "-m", "exporter", "check", f"--config.file={path}", "--output=json"]
    done = subprocess.run(
        ["prlimit", f"--nofile={descriptors}", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # measuring the coverage of the program needs a file of its own
        env={k: v for k, v in os.environ.items() if not k.startswith("COV")},
    )
    if not done.stdout:
        assert "Too many open files" in done.stderr or "too many open files" in done.stderr
        return None
    (target,) = json.loads(done.stdout)["targets"]
    reported = [target["failure"], target["readers"]["served_chain"]]
    return [Unread(FailureReason(each["reason"]), each["detail"]) for each in reported if each]


def test_whatever_cannot_be_opened_the_limit_is_reported(
    primaries: Primaries, tmp_path: Path
) -> None:
    seen: list[Unread] = []
    read: list[Unread] | None = None
    with fresh_primary(primaries, 18, hba=HBA) as primary:
        path = configuration(primary, tmp_path)
        for descriptors in range(FEWEST, MOST):
            read = failures(path, descriptors)
            seen += read or []
            if read == []:
                break
    assert read == []
    for failure in seen:
        note_failure(failure)
        assert failure.reason is FailureReason.EXPORTER_LIMITS, failure
        assert "the limit of the exporter is" in failure.detail
    # one of our files, and the look-up of a name; what comes after them varies
    for what in ("password file", "looking up host name"):
        assert any(what in failure.detail for failure in seen), what
