"""Functions of libpq that psycopg does not offer in the form that is needed here.

They are called in the library that psycopg has loaded, whichever that is.
"""

import ctypes
from typing import Protocol, cast

from psycopg import OperationalError
from psycopg.pq import PollingStatus
from psycopg.pq.abc import PGconn

from exporter.libpq_options import library

_VERBOSE = 2
"""PQERRORS_VERBOSE of libpq-fe.h."""


class _WithPointer(Protocol):
    """What psycopg's wrappers of a connection have in addition to their abstract type."""

    pgconn_ptr: int


def _pointer(pgconn: PGconn) -> ctypes.c_void_p:
    return ctypes.c_void_p(cast("_WithPointer", pgconn).pgconn_ptr)


def report_sqlstate(pgconn: PGconn) -> None:
    """Have libpq put SQLSTATE and source function into its message of a failed login.

    They are available nowhere else, and the messages may be in any language.
    """
    library().PQsetErrorVerbosity(_pointer(pgconn), _VERBOSE)


def connect_poll(pgconn: PGconn) -> PollingStatus:
    """Take one step of a login as psycopg does, but without holding Python's lock meanwhile."""
    return PollingStatus(library().PQconnectPoll(_pointer(pgconn)))


def send_pipeline_sync(pgconn: PGconn) -> None:
    """Mark a synchronisation point in a pipeline without sending it yet, where libpq can (17 on).

    PQpipelineSync() sends each time: a TLS record and a packet for each statement.
    """
    try:
        send = library().PQsendPipelineSync
    except AttributeError:
        pgconn.pipeline_sync()
        return
    if not send(_pointer(pgconn)):
        raise OperationalError(pgconn.error_message.decode("utf-8", "backslashreplace"))
