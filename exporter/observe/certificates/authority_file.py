"""Whom the standbys trust: the file that the configuration names, read at each look."""

import os
import ssl
import stat
from functools import lru_cache
from pathlib import Path

from exporter import descriptors
from exporter.model.certificate import Certificate
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.verification import Trust
from exporter.observe.certificates.parsing import MOST_TO_VERIFY, are_too_many, parse

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


def authorities(file: str) -> Read[Trust]:
    """Read ``file``, or OpenSSL's default file for ``system``.

    Raises:
        ExhaustedError: it could not be opened by a limit of the exporter.
    """
    if file != SYSTEM:
        return _read(file)
    place = ssl.get_default_verify_paths()
    # an OpenSSL that came with Python has a default path of the machine that built it
    for path in (place.cafile, *_DISTRIBUTIONS):
        if path is not None and Path(path).is_file():
            return _read(path)
    return _unreadable(SYSTEM, "this machine has no file of authorities")


def _read(path: str) -> Read[Trust]:
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return _unreadable(path, "is no regular file")
            data = stream.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        descriptors.raise_if_exhausted(error, f"authority file {path}")
        return _unreadable(path, getattr(error, "strerror", None) or "no such path")
    if len(data) > _LARGEST_BYTES:
        return _unreadable(path, f"is larger than {_LARGEST_BYTES} bytes")
    if are_too_many(data):
        return _unreadable(path, f"holds more than {MOST_TO_VERIFY} blocks of PEM")
    found = _parsed(data)
    return Trust(found) if found else _unreadable(path, "holds no certificate")


def _without_waiting(path: str, flags: int) -> int:
    # a pipe would wait for whoever writes into it
    return os.open(path, flags | os.O_NONBLOCK)


@lru_cache(maxsize=16)
def _parsed(data: bytes) -> tuple[Certificate, ...]:
    # many targets have one file, which seldom changes
    return parse(data, "").certificates


def _unreadable(file: str, why: str) -> Unread:
    return Unread(FailureReason.SERVER_CERTIFICATE, f"authority file {file}: {why}")
