"""Host names to addresses: what is looked up, what never is, and that lookups do not pile up."""

import socket
import threading
from collections.abc import Iterator

import pytest

from exporter.daemon_threads import BoundedThreads, start
from exporter.model.failure import FailureReason, Unread
from exporter.observe import addresses
from exporter.observe.addresses import Endpoint, endpoints


@pytest.fixture
def nothing_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All threads for lookups are taken, as by a resolver that does not answer."""
    gate = threading.Event()
    for name in ("_threads", "_threads_of_slow"):
        threads = BoundedThreads(name, 1)
        start(gate.wait, threads)
        monkeypatch.setattr(addresses, name, threads)
    yield
    gate.set()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "fe80::1%lo",
        # forms that only inet_aton() knows: no name server is asked for them
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "/run/postgresql",
        "@abstract",
        "",
    ],
)
@pytest.mark.usefixtures("nothing_answers")
async def test_an_address_or_a_unix_socket_is_never_looked_up(host: str) -> None:
    assert await endpoints(host, "", "5432") == [Endpoint(host, None, "5432")]


@pytest.mark.usefixtures("nothing_answers")
async def test_a_name_with_an_address_is_never_looked_up() -> None:
    assert await endpoints("db1.example", "10.0.0.1", "") == [
        Endpoint("db1.example", "10.0.0.1", None)
    ]


async def test_a_name_becomes_what_getaddrinfo_returns_in_its_order() -> None:
    expected = [
        str(entry[4][0]) for entry in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    ]
    found = await endpoints("localhost", "", "1")
    assert found == [Endpoint("localhost", address, "1") for address in expected]


@pytest.mark.parametrize("host", ["x" * 64 + ".invalid", "a..b", "\udcff"])
async def test_a_name_that_cannot_be_has_a_reason(host: str) -> None:
    found = await endpoints(host, "", "")
    assert isinstance(found, Unread)
    assert found.reason is FailureReason.DNS


async def test_a_name_that_was_slow_waits_among_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    taken = BoundedThreads("taken", 1)
    start(gate.wait, taken)
    monkeypatch.setattr(addresses, "SLOW_SECONDS", 0.0)
    await endpoints("localhost", "", "")  # any time is too long for now
    monkeypatch.undo()
    monkeypatch.setattr(addresses, "_threads", taken)
    # the threads of the others are taken, and it finds one
    assert isinstance(await endpoints("localhost", "", ""), list)
    monkeypatch.undo()
    monkeypatch.setattr(addresses, "_threads_of_slow", taken)
    # it answered in time: it is one of the others again
    assert isinstance(await endpoints("localhost", "", ""), list)
    gate.set()
