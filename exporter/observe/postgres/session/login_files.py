"""The files that libpq opens while it logs in, opened before it does.

libpq opens any kind of file at their paths, and may block there. So these files are opened in the
login's thread before libpq connects: a stage is announced for each, which names the file that
blocks a login, and what is not a regular file is refused. Missing files and permissions are left
to libpq, which knows which file it needs.

Source: fe-connect.c, parseServiceInfo(), passwordFromFile(); fe-secure-openssl.c, initialize_SSL().
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from exporter import descriptors, regular_file
from exporter.libpq_options import settings_of
from exporter.model.failure import FailureReason, Unread
from exporter.observe.postgres.session.failures import PollFailed

Announce = Callable[[str, FailureReason], None]
"""Called with a stage, in words for a deadline's detail, and the reason if the poll ends in it."""

_NO_FILE = "/dev/null/none"
"""Not /dev/null itself: libpq would warn that it is not a plain file."""

_TLS_FILES = (
    ("sslrootcert", "root.crt", FailureReason.SERVER_CERTIFICATE),
    ("sslcrl", "root.crl", FailureReason.SERVER_CERTIFICATE),
    ("sslcert", "postgresql.crt", FailureReason.CLIENT_CERTIFICATE),
    ("sslkey", "postgresql.key", FailureReason.CLIENT_CERTIFICATE),
)
_SYSTEM = ("sslrootcert", "system")


@dataclass(frozen=True, slots=True)
class Completed:
    """What libpq found for a login.

    Attributes:
        parameters: the given ones, and what libpq would have read from files.
        settings: every setting that libpq has a value for, as settings_of() returns them.
    """

    parameters: dict[str, str]
    settings: Mapping[str, str]


def complete(
    parameters: Mapping[str, str], service: Mapping[str, str], announce: Announce
) -> Completed:
    """Return parameters for the login as given, with which libpq reads no file before it connects.

    Args:
        parameters: libpq's, of one server.
        service: as own_service() returned it.
        announce: called before each step that may take long.

    Raises:
        PollFailed: a file is not a regular file.
        ExhaustedError: a file could not be opened because of a limit of the exporter.
        OperationalError: libpq cannot use the parameters, in its words.
    """
    passwords = {}
    if "password" not in parameters:
        passwords = {"passfile": _passfile(parameters, announce)}
    announce("reading the service file and the passfile", FailureReason.AUTHENTICATION)
    settings = settings_of({**parameters, **passwords, **service})
    for keyword, path, reason in _tls_files(settings):
        _see(keyword, path, reason, announce)
    wanted = {"user", "password"} & settings.keys()
    if service:
        # what its file says counts as what the environment says: less than what is given
        wanted = settings.keys() - {"service", "servicefile"}
    completed = {**{key: settings[key] for key in wanted}, **parameters, "passfile": _NO_FILE}
    return Completed(completed, settings)


def _passfile(parameters: Mapping[str, str], announce: Announce) -> str:
    """Return the path of the file in which libpq looks for the password.

    Raises:
        PollFailed: the parameters name one that is not a regular file.
    """
    own = parameters.get("passfile")
    path = own or os.environ.get("PGPASSFILE") or f"{_home()}/.pgpass"
    try:
        _see("passfile", path, FailureReason.AUTHENTICATION, announce)
    except PollFailed:
        if own:
            raise
        # libpq ignores it as well, but may open it first, and warns on standard error
        return _NO_FILE
    return path


def _home() -> str:
    return os.path.expanduser("~")  # noqa: PTH111  Path's raises where there is none


def _tls_files(settings: Mapping[str, str]) -> Iterator[tuple[str, str, FailureReason]]:
    """Yield keyword and path of what libpq may open for TLS, in its order, and the reason."""
    host = settings.get("host", "")
    unix_socket = "hostaddr" not in settings and (not host or host.startswith(("/", "@")))
    if unix_socket or settings.get("sslmode") == "disable":
        return
    home = _home()
    for keyword, name, reason in _TLS_FILES:
        if keyword in {"sslcert", "sslkey"} and settings.get("sslcertmode") == "disable":
            continue
        path = settings.get(keyword, f"{home}/.postgresql/{name}")
        if (keyword, path) != _SYSTEM:
            yield keyword, path, reason


def _see(keyword: str, path: str, reason: FailureReason, announce: Announce) -> None:
    announce(f"opening {keyword} {path}", reason)
    try:
        with regular_file.opened(path):
            pass
    except regular_file.NotRegular as fault:
        raise PollFailed(Unread(reason, f"{keyword} {path} {fault}")) from None
    except (OSError, ValueError) as error:
        # libpq knows whether it needs a missing file, and reports why it refuses an existing one
        descriptors.raise_if_exhausted(error, f"{keyword} {path}")
