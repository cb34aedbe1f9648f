"""How much has arrived at a socket, whatever was taken of it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.observe.postgres.session.received import Received
from lab.wait import until


@contextmanager
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            yield near, far


def _arrived(received: Received, near: socket.socket, number: int) -> None:
    until(lambda: received.up_to_now(near.fileno()) == number, within=10, what="all of it")
    assert received.up_to_now(near.fileno()) == number


def test_over_tcp_every_byte_counts_once() -> None:
    received = Received()
    with tcp() as (near, far):
        sent = 0
        for size in (10, 50_000, 1):
            far.sendall(b"x" * size)
            sent += size
            _arrived(received, near, sent)
            near.recv(7)
        assert near.fileno() > 0


def test_bytes_of_a_socket_before_count_too() -> None:
    received = Received()
    with tcp() as (near, far):
        far.sendall(b"x" * 100)
        _arrived(received, near, 100)
    with tcp() as (near, far):
        assert received.up_to_now(near.fileno()) == 100
        far.sendall(b"x" * 10)
        _arrived(received, near, 110)


@pytest.mark.parametrize(("waiting", "counted"), [(100, 100), (50_000, 16_384)])
def test_over_a_unix_socket_it_is_what_a_step_may_take(waiting: int, counted: int) -> None:
    received = Received()
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"x" * waiting)
        assert received.up_to_now(near.fileno()) == counted
        assert received.up_to_now(near.fileno()) == 2 * counted
