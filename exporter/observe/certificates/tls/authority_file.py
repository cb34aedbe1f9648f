"""The CA certificates that standbys trust: the configured file, read at each handshake."""

import asyncio
import ssl
from functools import lru_cache, partial
from pathlib import Path

from exporter import descriptors, regular_file
from exporter.daemon_threads import SharedCalls
from exporter.model.certificate import Certificate
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.verification import Trust
from exporter.observe.certificates.parse.parsing import MOST_TO_VERIFY, are_too_many, parse

SYSTEM = "system"
"""libpq's name for the authorities of the machine (``sslrootcert``, 16 on)."""

_LARGEST_BYTES = 1024 * 1024
"""Twice as much as all authorities of the web need."""

_DISTRIBUTIONS = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)


_calls: SharedCalls[Read[Trust]] = SharedCalls()


async def authorities_in_time(file: str, deadline: float, seconds: float) -> Read[Trust]:
    """Read ``file`` in a thread.

    Args:
        file: as authorities() has it.
        deadline: by the event loop's clock.
        seconds: from the start of the poll to its deadline, for the detail.
    """
    try:
        async with asyncio.timeout_at(deadline):
            return await _calls.call(file, partial(authorities, file))
    except TimeoutError:
        return _unreadable(file, f"was not read within {seconds:g} s")


def authorities(file: str) -> Read[Trust]:
    """Read ``file``, or OpenSSL's default file for ``system``.

    Raises:
        ExhaustedError: it could not be opened because of a limit of the exporter.
    """
    if file != SYSTEM:
        return _read(file)
    place = ssl.get_default_verify_paths()
    # an OpenSSL that came with Python has a default path of the machine that built it
    for path in (place.cafile, *_DISTRIBUTIONS):
        if path is not None and Path(path).is_file():
            return _read(path)
    return _unreadable(SYSTEM, "is not on this machine: there is no file of authorities")


def _read(path: str) -> Read[Trust]:
    try:
        data = regular_file.read(path, _LARGEST_BYTES)
    except regular_file.FAULTS as fault:
        descriptors.raise_if_exhausted(fault, f"authority file {path}")
        return _unreadable(path, regular_file.why(fault))
    if are_too_many(data):
        return _unreadable(path, f"holds more than {MOST_TO_VERIFY} blocks of PEM")
    found = _parsed(data)
    return Trust(found) if found else _unreadable(path, "holds no certificate")


@lru_cache(maxsize=16)
def _parsed(data: bytes) -> tuple[Certificate, ...]:
    # many targets have one file, which seldom changes
    return parse(data, "").certificates


def _unreadable(file: str, why: str) -> Unread:
    return Unread(FailureReason.SERVER_CERTIFICATE, f"authority file {file} {why}")
