"""From a target to libpq's connection parameters; the only place where a password is in clear."""

import asyncio
from functools import partial

from exporter.daemon_threads import SharedCalls
from exporter.model.failure import Unread
from exporter.model.target import PasswordFile, Target
from exporter.observe.passwords import overdue, read_password

APPLICATION_NAME = "pg-replication-cert-exporter"

_STATEMENT_SHARE = 0.4
_LOCK_SHARE = 0.2
"""Parts of the deadline after which the server itself ends a statement, a wait for a lock."""


_files: SharedCalls[str | Unread] = SharedCalls()


async def password_of(target: Target, deadline: float) -> str | Unread:
    """Read the target's password; empty when it has none.

    Args:
        target: the target.
        deadline: by the event loop's clock.
    """
    password = target.password
    if not isinstance(password, PasswordFile):
        return read_password(password)
    try:
        async with asyncio.timeout_at(deadline):
            return await _files.call(password.path, partial(read_password, password))
    except TimeoutError:
        return overdue(password.path, target.timeout_seconds)


def session_options(timeout_seconds: float, given: str) -> str:
    """Return ``options`` for the startup packet: settings without another round trip.

    They override settings of the role and the database; the exporter's override configured ones.
    """
    settings = {
        "statement_timeout": f"{max(1, round(timeout_seconds * _STATEMENT_SHARE * 1000))}",
        "lock_timeout": f"{max(1, round(timeout_seconds * _LOCK_SHARE * 1000))}",
        "idle_in_transaction_session_timeout": f"{max(1, round(timeout_seconds * 1000))}",
        "default_transaction_read_only": "on",
        # no user's function or operator may shadow PostgreSQL's own
        "search_path": "pg_catalog",
        # the shipped functions' own texts are read under it
        "standard_conforming_strings": "on",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "bytea_output": "hex",
        "extra_float_digits": "1",
    }
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return f"{given} {ours}".lstrip()


def connection_parameters(target: Target, password: str) -> dict[str, str]:
    """Return libpq's parameters for one poll of a target.

    The address is added later, and so are the permitted authentication methods (authentication.py).
    """
    given = target.parameters
    parameters = {
        "application_name": APPLICATION_NAME,
        # GSSAPI may ask name servers and a KDC, which would block every other target's poll
        "gssencmode": "disable",
        **given,
        "options": session_options(target.timeout_seconds, given.get("options", "")),
        # bytes come as the server holds them, so that no conversion can fail (statement.py)
        "client_encoding": "SQL_ASCII",
    }
    if password:
        parameters["password"] = password
    return parameters
