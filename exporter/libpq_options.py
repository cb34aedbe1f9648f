"""What libpq would log in with: parameters, environment, service file, file of passwords.

A password and an sslmode may come from each of them. libpq itself determines them, because a second
implementation of its rules could see no password where libpq finds one. Nothing here connects.

Source: manual, "Parameter Key Words", "Environment Variables", "The Password File", "Certificate
Files"; fe-connect.c, conninfo_add_defaults() and pqConnectOptions2().
"""

import ctypes
import os.path
import sys
from collections.abc import Iterator, Mapping
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from itertools import count

from psycopg import OperationalError, pq

# pqConnectOptions2() checks this one after it has looked for the password; its value is refused,
# so that libpq does not connect.
_STOPPER = "target_session_attrs"
_REFUSED = "none, so that no connection is made"

_VERIFYING = frozenset({"verify-ca", "verify-full"})

_service: dict[str, str] = {}


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


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """What libpq would log in with.

    Attributes:
        options: by keyword, defaults included; without a password.
        has_password: whether libpq has a password to send, wherever it comes from.
        sslmode: as libpq applies it: ``require`` is ``verify-ca`` if a root certificate exists.
            libpq looks for the file again when it connects; to be certain, give it this value.
        has_client_certificate: whether libpq has a client certificate to send.
    """

    options: Mapping[str, str]
    has_password: bool
    sslmode: str
    has_client_certificate: bool

    @property
    def verifies_server(self) -> bool:
        """Whether libpq sends no password before the server has proved which server it is.

        TLS with a verified certificate proves it, channel binding, and the mutual authentication
        of GSSAPI encryption. For a unix socket, its file permissions count as proof.
        """
        options = self.options
        socket = options.get("host", "").startswith(("/", "@")) and not options.get("hostaddr")
        return (
            socket
            or self.sslmode in _VERIFYING
            or options.get("channel_binding") == "require"
            or options.get("gssencmode") == "require"
        )


@cache
def library() -> ctypes.CDLL:
    """Return the libpq that psycopg has loaded, whichever that is."""
    if pq.__impl__ == "python":
        return ctypes.CDLL(find_library("pq"))
    # the loader looks for symbols in the libraries that psycopg's module is linked to as well
    return ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__)


def conninfo(parameters: Mapping[str, str]) -> bytes:
    """Write a connection string; every value is quoted."""
    quoted = (
        "{}='{}'".format(name, value.replace("\\", "\\\\").replace("'", "\\'"))
        for name, value in parameters.items()
    )
    return " ".join(quoted).encode("utf-8", "surrogateescape")


def own_service() -> Mapping[str, str]:
    """Return PGSERVICE as a parameter, and remove it from the environment.

    libpq would find it there. Do not call it while a login may read the environment.
    """
    if name := os.environ.pop("PGSERVICE", ""):
        _service["service"] = name
    return _service


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
    functions = library()
    functions.PQconnectStart.restype = ctypes.c_void_p
    functions.PQerrorMessage.restype = functions.PQpass.restype = ctypes.c_char_p
    functions.PQconninfo.restype = ctypes.POINTER(_Option)
    start = conninfo({**parameters, _STOPPER: _REFUSED})
    pgconn = ctypes.c_void_p(functions.PQconnectStart(start))
    try:
        message = (functions.PQerrorMessage(pgconn) or b"").decode("utf-8", "backslashreplace")
        if _REFUSED not in message:
            raise OperationalError(message)
        options = functions.PQconninfo(pgconn)
        settings = dict(_settings(options))
        settings.pop(_STOPPER, None)
        functions.PQconninfoFree(options)
        if password := functions.PQpass(pgconn):
            settings["password"] = password.decode("utf-8", "surrogateescape")
        return settings
    finally:
        functions.PQfinish(pgconn)


def _settings(options: "ctypes._Pointer[_Option]") -> Iterator[tuple[str, str]]:
    for position in count():
        option = options[position]
        keyword, value = option.keyword, option.val
        if not keyword:
            return
        if value:
            yield keyword.decode(), value.decode("utf-8", "surrogateescape")


def login_options(parameters: Mapping[str, str]) -> LoginOptions:
    """Return what libpq would log in with, given these connection parameters.

    Where libpq cannot use them, only what they say themselves counts.
    """
    try:
        settings = settings_of({**_service, **parameters})
    except OperationalError:
        settings = dict(parameters)
    return options_of(settings)


def options_of(settings: Mapping[str, str]) -> LoginOptions:
    """Return what ``settings``, as settings_of() returns them, mean for a login."""
    options = {keyword: value for keyword, value in settings.items() if keyword != "password"}
    mode = options.get("sslmode", "")
    if mode == "require" and _exists(options.get("sslrootcert"), "root.crt"):
        mode = "verify-ca"
    return LoginOptions(
        options,
        bool(settings.get("password")),
        mode,
        _exists(options.get("sslcert"), "postgresql.crt"),
    )


def _exists(path: str | None, default: str) -> bool:
    """Return whether libpq would find this file, or the one of this name in its own folder."""
    # libpq looks for the home folder in the same way: HOME, then the account
    own = os.path.expanduser(f"~/.postgresql/{default}")  # noqa: PTH111  Path's may raise
    return os.path.exists(path or own)  # noqa: PTH110  Path's raises where a folder is closed
