"""What the handshake that only looks offers to a server."""

import socket

from exporter.observe.certificates.tls.handshake import Handshake


def test_no_key_exchange_in_a_group_that_the_server_makes_up() -> None:
    """A hostile group of 10,000 bits would block the event loop for a second at each read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        offered = Handshake(ours, None, direct=False)._tls.get_cipher_list()
    assert any(name.startswith("ECDHE-RSA-") for name in offered)
    assert not [name for name in offered if name.startswith(("DHE-", "ADH-", "EDH-"))]
