"""Counts the bytes that a server has sent, which libpq does not report."""

import fcntl
import socket
import struct
import sys
import termios

_BYTES_RECEIVED = struct.Struct("@128xQ")
"""tcpi_bytes_received of struct tcp_info (linux/tcp.h; Linux 4.1)."""

_TAKEN_AT_A_TIME = 16_384
"""What libpq takes in one step, unless an answer is large (fe-misc.c, pqReadData())."""


class Received:
    """Bytes of one session; libpq may change to another socket during it."""

    def __init__(self) -> None:
        self._before = 0
        self._of_socket = 0

    def up_to_now(self, descriptor: int) -> int:
        """Return how many have arrived; to be called before each step.

        Over a unix socket it is estimated: the kernel reports only bytes that were not read yet.

        Args:
            descriptor: of the socket.
        """
        received = _of_tcp(descriptor)
        if received is None:
            received = self._of_socket + min(_waiting(descriptor), _TAKEN_AT_A_TIME)
        if received < self._of_socket:
            self._before += self._of_socket
        self._of_socket = received
        return self._before + received


def _of_tcp(descriptor: int) -> int | None:
    # the socket stays libpq's
    borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=descriptor)
    try:
        tcp_info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED.size)
        return int(_BYTES_RECEIVED.unpack(tcp_info)[0])
    except (OSError, AttributeError, struct.error):
        return None
    finally:
        borrowed.detach()


def _waiting(descriptor: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
