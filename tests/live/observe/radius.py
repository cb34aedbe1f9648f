"""A RADIUS server: PostgreSQL needs the password in clear text to ask it (RFC 2865)."""

import contextlib
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator

SECRET = "shared"

_ACCESS_ACCEPT, _ACCESS_REJECT = 2, 3
_USER_PASSWORD = 2
_HEADER = 20
_BLOCK = 16


@contextlib.contextmanager
def radius_server(password: str) -> Iterator[int]:
    """Yield the port of a server that accepts every client that sends ``password``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while request := server.recvfrom(4096):
                data, client = request
                if not data:
                    return
                server.sendto(_answer(data, password), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def _answer(request: bytes, password: str) -> bytes:
    known = _password(request) == password.encode()
    code = _ACCESS_ACCEPT if known else _ACCESS_REJECT
    head = struct.pack("!BBH", code, request[1], _HEADER)
    authenticator = hashlib.md5(head + request[4:_HEADER] + SECRET.encode()).digest()
    return head + authenticator


def _password(request: bytes) -> bytes:
    """Return the attribute User-Password in clear text (RFC 2865, section 5.2)."""
    at = _HEADER
    while request[at] != _USER_PASSWORD:
        at += request[at + 1]
    hidden = request[at + 2 : at + request[at + 1]]
    clear, previous = b"", request[4:_HEADER]
    for start in range(0, len(hidden), _BLOCK):
        block = hidden[start : start + _BLOCK]
        key = hashlib.md5(SECRET.encode() + previous).digest()
        clear += bytes(a ^ b for a, b in zip(block, key, strict=True))
        previous = block
    return clear.rstrip(b"\0")
