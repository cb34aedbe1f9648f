"""The limit on file descriptors: raising it, and naming it when it is reached.

An HTTP connection, a session with a server, a name lookup and an open file need a descriptor each.
Where none is left, the operating system answers EMFILE (the limit of this process) or ENFILE (that
of the whole system).
"""

import errno
import logging
import os
import resource
import socket

_LOG = logging.getLogger(__name__)

MOST_DESCRIPTORS = 65_536
"""The soft limit is not raised further: nothing here needs more, and a mistake stays bounded."""

_SPARE = 8
"""Descriptors; more than a name lookup or a login has open at the same time."""

_OF_PROCESS = (
    "too many open files: the limit of the exporter is {limit}; raise it (ulimit -n; with systemd "
    "LimitNOFILE=)"
)
_OF_SYSTEM = "too many open files in the whole system; raise it (sysctl fs.file-max)"
_OF_THREADS = (
    "no thread can be started; raise the limit on tasks (ulimit -u; with systemd TasksMax=; in a "
    "container its limit on pids)"
)


class ExhaustedError(Exception):
    """Something failed because of a limit of the exporter, not of the server that it polls."""


def limit() -> int:
    """Return how many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def raised(soft: int, hard: int) -> int:
    """Return the soft limit to set: the hard one, at most MOST_DESCRIPTORS; never a lower one."""
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    return soft if soft == resource.RLIM_INFINITY else max(soft, most)


def raise_limit() -> None:
    """Raise the soft limit as far as raised() allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = raised(soft, hard)
    if most == soft:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError) as error:  # a sandbox may forbid it
        _LOG.warning("the limit of %d file descriptors could not be raised: %s", soft, error)
    else:
        _LOG.info("the limit on file descriptors was raised from %d to %d", soft, most)


def shortage(error: BaseException) -> str | None:
    """Return which limit ``error`` comes from and how to raise it; None if it does not."""
    match error:
        case ExhaustedError():
            return str(error)
        case socket.gaierror():
            # the resolver says "unknown name" also where it cannot open its own files
            return shortage_now()
        case OSError(errno=errno.EMFILE):
            return _OF_PROCESS.format(limit=limit())
        case OSError(errno=errno.ENFILE):
            return _OF_SYSTEM
        case RuntimeError() if "start new thread" in str(error):
            return _OF_THREADS
        case _:
            return None


def shortage_now() -> str | None:
    """Return which limit is reached now and how to raise it; None if none is.

    A name lookup and a login need several descriptors at the same time, and close them when they
    fail. So it counts as reached where fewer than _SPARE are left.
    """
    opened: list[int] = []
    try:
        for _ in range(_SPARE):
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401  to be closed if one fails
    except OSError as error:
        return shortage(error)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return None


def raise_if_exhausted(error: BaseException, what: str) -> None:
    """Raise if ``error`` comes from a limit of the exporter.

    Args:
        error: why ``what`` failed.
        what: what was to be done, for the detail.

    Raises:
        ExhaustedError: it does.
    """
    if words := shortage(error):
        raise ExhaustedError(f"{what}: {words}") from error
