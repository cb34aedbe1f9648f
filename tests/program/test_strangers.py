"""Misbehaving clients of the web server: the program continues to poll and to answer.

The program runs as a user starts it, on a real server, with a low limit on file descriptors. The
misbehaving client comes from another address than the one that scrapes.
"""

import http.client
import itertools
import re
import resource
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from lab.server import PostgresServer
from lab.wait import until
from tests.program.test_cli import Running, config, primary, running

__all__ = ["primary"]

pytestmark = pytest.mark.live

STRANGER = "127.0.0.66"
IDLE_SOCKETS = 1500
OFTEN = ("interval: 1s", "timeout: 900ms")
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _many_descriptors() -> Iterator[None]:
    """Let this process, which plays the stranger, have as many sockets as it wants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * IDLE_SOCKETS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def counter(exporter: Running, name: str) -> float:
    values = re.findall(rf"^{name}{{.*}} (\S+)$", exporter.get("/metrics"), re.MULTILINE)
    return sum(map(float, values))


def connect(exporter: Running) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", exporter.port), timeout=10, source_address=(STRANGER, 0)
    )


def poll_well(exporter: Running, times: int) -> None:
    """Wait for further polls, during which everything is answered; none may fail."""
    polls = counter(exporter, "pgrepl_polls_total")

    def answered() -> bool:
        assert exporter.get("/-/healthy") == "healthy\n"
        assert 'pgrepl_up{target="db1"} 1.0' in exporter.get("/metrics")
        return counter(exporter, "pgrepl_polls_total") >= polls + times

    until(answered, 60, "further polls")
    assert counter(exporter, "pgrepl_poll_failures_total") == 0


@contextmanager
def returning_stranger(exporter: Running) -> Iterator[list[int]]:
    """Hold IDLE_SOCKETS connections, and connect again whenever one is closed.

    Yields:
        One number: how often it connected.
    """
    ending = Event()
    connects = [0]
    waiting = selectors.DefaultSelector()

    def begin() -> None:
        connecting = socket.socket()
        connecting.settimeout(0)
        connecting.bind((STRANGER, 0))
        with suppress(BlockingIOError):
            connecting.connect(("127.0.0.1", exporter.port))
        waiting.register(connecting, selectors.EVENT_READ)
        connects[0] += 1

    def come_again() -> None:
        for _ in range(IDLE_SOCKETS):
            begin()
        while not ending.is_set():
            for key, _ in waiting.select(timeout=0.1):
                waiting.unregister(key.fileobj)
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
                begin()

    thread = Thread(target=come_again)
    thread.start()
    try:
        yield connects
    finally:
        ending.set()
        thread.join()
        for key in list(waiting.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        waiting.close()


def test_1500_idle_sockets_of_one_client_stop_neither_polls_nor_answers(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *OFTEN)
    with running(path, tmp_path / "log", descriptors=1024) as exporter, ExitStack() as stack:
        for _ in range(IDLE_SOCKETS):
            stack.enter_context(connect(exporter))
        poll_well(exporter, 3)
        log = exporter.log.read_text()
    assert "HTTP connections are in use" in log
    assert len(log) < 2000


def test_a_client_that_connects_again_whenever_it_is_closed_stops_neither_polls_nor_answers(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *OFTEN)
    with running(path, tmp_path / "log", descriptors=1024) as exporter:
        with returning_stranger(exporter) as connects:
            until(lambda: connects[0] > 2 * IDLE_SOCKETS, 20, "the stranger to come again")
            poll_well(exporter, 3)
        log = exporter.log.read_text()
    assert log.count("HTTP connections are in use") == 1
    assert len(log) < 2000


def memory(exporter: Running) -> int:
    """Return the bytes of memory that the program has."""
    (kilobytes,) = re.findall(
        r"^VmRSS:\s+(\d+) kB",
        Path(f"/proc/{exporter.process.pid}/status").read_text(),
        re.MULTILINE,
    )
    return int(kilobytes) * 1024


def is_ended(client: socket.socket) -> bool:
    """Return whether the program has closed the connection, without reading from it."""
    watched = select.poll()
    watched.register(client, select.POLLRDHUP)
    return bool(watched.poll(0))


def test_a_client_that_stalls_is_disconnected_and_costs_little_memory(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *OFTEN)
    with running(path, tmp_path / "log", descriptors=1024) as exporter, ExitStack() as stack:
        poll_well(exporter, 2)
        before = memory(exporter)
        clients = [stack.enter_context(connect(exporter)) for _ in range(90)]
        half, unread = clients[:45], clients[45:]
        for client in half:
            client.send(b"GET /metrics HTTP/1.1\r\nHost: ")
        for client in unread:
            client.settimeout(0)
        most = 0

        def all_ended() -> bool:
            nonlocal most
            for client in half:
                with suppress(OSError):
                    client.send(b"x")
            for client in unread:
                with suppress(OSError):
                    client.send(400 * REQUEST)
            most = max(most, memory(exporter))
            poll_well(exporter, 1)
            return all(map(is_ended, clients))

        until(all_ended, 120, "all of them to be ended")
        assert most - before < 128 * 1024 * 1024
        assert not exporter.log.read_text().count("Traceback")


def lower_limit(exporter: Running) -> None:
    """Let the program open nothing more than it has open now."""
    pid = exporter.process.pid
    taken = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    lowest = next(number for number in itertools.count() if number not in taken)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, 1024))


def test_the_reason_is_reported_while_descriptors_are_missing_and_all_is_well_afterwards(
    primary: PostgresServer, tmp_path: Path
) -> None:
    path = config(tmp_path, primary.port, *OFTEN)
    with (
        running(path, tmp_path / "log", descriptors=1024) as exporter,
        closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=20)) as kept,
    ):

        def metrics() -> str:
            kept.request("GET", "/metrics")
            return kept.getresponse().read().decode()

        def limits_reported() -> bool:
            # while no poll holds one, which then misses it
            lower_limit(exporter)
            return 'pgrepl_target_failure{reason="exporter_limits",target="db1"} 1.0' in metrics()

        assert 'pgrepl_up{target="db1"} 1.0' in metrics()
        until(limits_reported, 30, "the limit to be reported")
        assert 'pgrepl_up{target="db1"} 0.0' in metrics()
        with connect(exporter):
            until(lambda: "cannot be accepted" in exporter.log.read_text(), 20, "that to be logged")
        resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        until(lambda: 'pgrepl_up{target="db1"} 1.0' in exporter.get("/metrics"), 20, "it to be up")
        log = exporter.log.read_text()
    assert "Traceback" not in log
    words = "too many open files: the limit of the exporter is "
    assert f"target=db1 cannot be read: exporter_limits ({words}" in log
    assert log.count(f"HTTP connections cannot be accepted: {words}") == 1


def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    path = config(tmp_path, 1)
    with running(path, tmp_path / "log", descriptors="256:1024") as exporter:
        assert "process_max_fds 1024.0" in exporter.get("/metrics")
        assert "raised from 256 to 1024" in exporter.log.read_text()
