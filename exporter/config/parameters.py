"""Checks the values of libpq's connection parameters before libpq gets them.

libpq reports one fault at a time, when it connects. Here all are reported together, when the
configuration is read. Source: manual, "Parameter Key Words"; fe-connect.c.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path

from exporter.config.conninfo import REFUSED
from exporter.config.files import (
    directory_fault,
    file_fault,
    passfile_fault,
    private_key_fault,
)

PATHS: Mapping[str, Callable[[Path], str | None]] = {
    "passfile": passfile_fault,
    "sslcert": file_fault,
    "sslcrl": file_fault,
    "sslcrldir": directory_fault,
    "sslkey": private_key_fault,
    "sslrootcert": file_fault,
}
"""Keywords whose values are paths, and what finds a fault in one."""

SYSTEM_AUTHORITIES = ("sslrootcert", "system")
"""The value of ``sslrootcert`` that is not a path."""

CHOICES = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslcertmode": ("disable", "allow", "require"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
}
"""The values of those keywords that have a closed list of them (fe-connect.c)."""

_METHODS = ("gss", "md5", "none", "oauth", "password", "scram-sha-256", "sspi")
_LARGEST_PORT = 65_535
_ENCRYPTED = ("require", "verify-ca", "verify-full")


def parameter_fault(keyword: str, value: str) -> str | None:
    """Return why ``keyword`` cannot have ``value``, or None; paths are absolute here."""
    fault = None
    if keyword in REFUSED:
        fault = f"must not be set: {REFUSED[keyword]}"
    elif not value:
        fault = "is empty: write a value, or leave it out"
    elif not value.isprintable():
        fault = "must not hold control characters"
    elif keyword in CHOICES:
        known = CHOICES[keyword]
        fault = None if value in known else f"must be one of {', '.join(known)}"
    elif keyword in PATHS and (keyword, value) != SYSTEM_AUTHORITIES:
        fault = PATHS[keyword](Path(value))
    elif keyword in _CHECKS:
        fault = _CHECKS[keyword](value)
    return fault


def together_faults(
    values: Mapping[str, str], unknown: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Yield the keyword and the fault of parameters that do not go together.

    Args:
        values: by keyword.
        unknown: keywords that are set to a value that is not known.
    """
    for one, other in (("sslcert", "sslkey"), ("sslkey", "sslcert")):
        if one in values and other not in values and other not in unknown:
            yield one, f"{other} is missing: the two go together"
    if "sslmode" in unknown:
        return
    mode = values.get("sslmode")
    # Without a mode, libpq takes verify-full for the system's authorities.
    system = SYSTEM_AUTHORITIES in values.items()
    if system and mode not in {None, "verify-full"}:
        yield "sslmode", "must be verify-full with sslrootcert=system"
    if values.get("sslnegotiation") == "direct" and mode not in _ENCRYPTED and not system:
        yield "sslnegotiation", "direct needs sslmode require, verify-ca or verify-full"


def _host_fault(value: str) -> str | None:
    if "," in value:
        return "names several servers: write a target for each"
    # A connection string here by mistake may hold a password, and a host is shown to everyone.
    is_folder = value.startswith("/")
    if not is_folder and ("@" in value[1:] or any(sign in value for sign in ("/", "=", " "))):
        return "must be a host name or the folder of a unix socket; a string goes to conninfo"
    return None


def _hostaddr_fault(value: str) -> str | None:
    if "," in value:
        return "names several servers: write a target for each"
    try:
        ip_address(value)
    except ValueError:
        return "must be an IP address; a name goes to host"
    return None


def _port_fault(value: str) -> str | None:
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(_LARGEST_PORT))
    if not is_number or not 1 <= int(value) <= _LARGEST_PORT:
        return f"must be a port number from 1 to {_LARGEST_PORT}"
    return None


def _require_auth_fault(value: str) -> str | None:
    methods = value.split(",")
    names = [method.removeprefix("!") for method in methods]
    negated = sum(method.startswith("!") for method in methods)
    if not set(names) <= set(_METHODS) or len(set(names)) < len(names):
        return f"must be one or several of {', '.join(_METHODS)}, with commas and without blanks"
    if negated not in {0, len(methods)}:
        return 'must have "!" before all of its methods, or before none'
    return None


def _dbname_fault(value: str) -> str | None:
    if "=" in value or "://" in value:
        return "must be the name of a database; a string goes to conninfo"
    return None


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "dbname": _dbname_fault,
    "host": _host_fault,
    "hostaddr": _hostaddr_fault,
    "port": _port_fault,
    "require_auth": _require_auth_fault,
}
