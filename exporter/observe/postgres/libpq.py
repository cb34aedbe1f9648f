"""Functions of libpq that psycopg does not offer as they are needed here.

They are called in the very library that psycopg uses, whichever that is.
"""

import ctypes
import sys
from collections.abc import Iterator, Mapping
from ctypes.util import find_library
from functools import cache
from itertools import count
from typing import Protocol, cast

from psycopg import OperationalError, pq
from psycopg.pq import PollingStatus
from psycopg.pq.abc import PGconn

from exporter.observe.postgres.parameters import conninfo

_VERBOSE = 2
"""PQERRORS_VERBOSE of libpq-fe.h."""

_STOPPER = "target_session_attrs"
_REFUSED = "none, so that no connection is made"


class _Option(ctypes.Structure):
    """PQconninfoOption of libpq-fe.h."""

    _fields_ = (
        ("keyword", ctypes.c_char_p),
        ("envvar", ctypes.c_char_p),
        ("compiled", ctypes.c_char_p),
        ("val", ctypes.c_char_p),
        ("label", ctypes.c_char_p),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    )


class _WithPointer(Protocol):
    """What psycopg's wrappers of a connection have beyond their abstract type."""

    pgconn_ptr: int


@cache
def _library() -> ctypes.CDLL:
    if pq.__impl__ == "python":
        return ctypes.CDLL(find_library("pq"))
    # the loader looks for symbols in the libraries that psycopg's module is linked to as well
    return ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__)


def _pointer(pgconn: PGconn) -> ctypes.c_void_p:
    return ctypes.c_void_p(cast("_WithPointer", pgconn).pgconn_ptr)


def tell_sqlstate(pgconn: PGconn) -> None:
    """Have libpq put SQLSTATE and source function into its message of a failed login.

    It offers them nowhere else, and the messages' texts may be in any language.
    """
    _library().PQsetErrorVerbosity(_pointer(pgconn), _VERBOSE)


def connect_poll(pgconn: PGconn) -> PollingStatus:
    """Take one step of a login as psycopg does, but without holding Python's lock meanwhile."""
    return PollingStatus(_library().PQconnectPoll(_pointer(pgconn)))


def settings_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return what libpq makes of parameters, environment and its files, by keyword.

    psycopg holds Python's lock while libpq begins to connect, and libpq reads the service file and
    the file of passwords just before. Here it reads them without that lock, and is kept from
    connecting by a value that it refuses after it has read them.

    Returns:
        Every setting that has a value, among them the password that libpq would use.

    Raises:
        OperationalError: libpq cannot use them, in its words.

    Source: fe-connect.c, PQconnectStart(), connectOptions1(), pqConnectOptions2(), PQpass().
    """
    library = _library()
    library.PQconnectStart.restype = ctypes.c_void_p
    library.PQerrorMessage.restype = library.PQpass.restype = ctypes.c_char_p
    library.PQconninfo.restype = ctypes.POINTER(_Option)
    start = conninfo({**parameters, _STOPPER: _REFUSED})
    pgconn = ctypes.c_void_p(library.PQconnectStart(start))
    try:
        message = (library.PQerrorMessage(pgconn) or b"").decode("utf-8", "backslashreplace")
        if _REFUSED not in message:
            raise OperationalError(message)
        options = library.PQconninfo(pgconn)
        settings = dict(_settings(options))
        settings.pop(_STOPPER, None)
        library.PQconninfoFree(options)
        if password := library.PQpass(pgconn):
            settings["password"] = password.decode("utf-8", "surrogateescape")
        return settings
    finally:
        library.PQfinish(pgconn)


def _settings(options: "ctypes._Pointer[_Option]") -> Iterator[tuple[str, str]]:
    for position in count():
        option = options[position]
        keyword, value = option.keyword, option.val
        if not keyword:
            return
        if value:
            yield keyword.decode(), value.decode("utf-8", "surrogateescape")


def send_pipeline_sync(pgconn: PGconn) -> None:
    """Mark a synchronisation point in a pipeline without sending at once, where libpq can (17 on).

    PQpipelineSync() sends each time: a TLS record and a packet for each statement.
    """
    try:
        send = _library().PQsendPipelineSync
    except AttributeError:
        pgconn.pipeline_sync()
        return
    if not send(_pointer(pgconn)):
        raise OperationalError(pgconn.error_message.decode("utf-8", "backslashreplace"))
