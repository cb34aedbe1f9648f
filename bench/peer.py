"""postgres_exporter's /probe of the same server, by the same login, beside ours."""

import json
import os
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measured import Subject
from bench.place import Place
from lab.wait import until

REPOSITORY = Path(__file__).resolve().parent.parent
_SUITE = "trixie"
_TOOLS = REPOSITORY / ".tools" / _SUITE
_PROGRAM = _TOOLS / "usr" / "bin" / "prometheus-postgres-exporter"
_TICKS = os.sysconf("SC_CLK_TCK")


def _provide() -> None:
    """Unpack Debian's package: Debian 12 has a release without a usable /probe."""
    if not _PROGRAM.exists():
        subprocess.run(
            ["scripts/debian-unpack", _TOOLS, "prometheus-postgres-exporter"],
            cwd=REPOSITORY,
            env={**os.environ, "SUITE": _SUITE},
            check=True,
        )


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  our own address
        return bytes(answer.read())


def _answers(url: str) -> bool:
    try:
        _get(url)
    except OSError:
        return False
    return True


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def _running(where: Place, directory: Path) -> Iterator[tuple[int, str]]:
    login = where.login
    options = {key: login[key] for key in ("sslmode", "sslrootcert", "sslcert", "sslkey")}
    # it answers 400 where there is no password, also where none is asked for
    module = {
        "type": "userpass",
        "userpass": {"username": login["user"], "password": "unused"},
        "options": options,
    }
    config = directory / "postgres_exporter.yml"
    config.write_text(json.dumps({"auth_modules": {"bench": module}}), "utf-8")
    port = _free_port()
    with subprocess.Popen(
        [_PROGRAM, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(
                lambda: _answers(f"http://127.0.0.1:{port}/"),
                within=10,
                what="postgres_exporter to answer",
            )
            wanted = urllib.parse.quote(f"{login['host']}:{login['port']}/{login['dbname']}")
            yield process.pid, f"http://127.0.0.1:{port}/probe?auth_module=bench&target={wanted}"
        finally:
            process.terminate()
            process.wait(10)


def _version() -> str:
    done = subprocess.run([_PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split("version ")[1].split(" ")[0].split("+")[0]


@contextmanager
def probe(where: Place, directory: Path) -> Iterator[Subject]:
    """Yield a probe by postgres_exporter with the collectors that it has by default."""
    _provide()
    with _running(where, directory) as (pid, url):
        if b"\npg_up 1" not in _get(url):
            raise RuntimeError("postgres_exporter could not log in")

        def run(number: int) -> list[float]:
            walls = []
            for _ in range(number):
                began = time.perf_counter()
                _get(url)
                walls.append(time.perf_counter() - began)
            return walls

        yield Subject(f"postgres_exporter {_version()}, one /probe", run, lambda: _cpu_seconds(pid))
