"""What libpq would log in with: parameters, environment, service file, file of passwords.

A password and an sslmode may come from each of them. libpq is asked, because a second
implementation of its rules could see no password where libpq finds one. Nothing here connects.

Source: manual, "Parameter Key Words", "Environment Variables", "The Password File", "Certificate
Files"; fe-connect.c, conninfo_add_defaults() and pqConnectOptions2().
"""

import os.path
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import pq
from psycopg.conninfo import make_conninfo

# pqConnectOptions2() checks this one after it has looked for the password; its value is refused,
# so that libpq does not connect.
_REFUSED = {"target_session_attrs": "refused"}

_VERIFYING = frozenset({"verify-ca", "verify-full"})


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
        of GSSAPI encryption. The file permissions of a unix socket stand for it.
        """
        options = self.options
        socket = options.get("host", "").startswith(("/", "@")) and not options.get("hostaddr")
        return (
            socket
            or self.sslmode in _VERIFYING
            or options.get("channel_binding") == "require"
            or options.get("gssencmode") == "require"
        )


def login_options(parameters: Mapping[str, str]) -> LoginOptions:
    """Return what libpq would log in with, given these connection parameters."""
    refused = pq.PGconn.connect_start(make_conninfo(**{**parameters, **_REFUSED}).encode())
    try:
        options = {
            option.keyword.decode(): option.val.decode("utf-8", "backslashreplace")
            for option in refused.info
            if option.val and option.keyword != b"password"
        }
        has_password = bool(refused.password)
    finally:
        refused.finish()
    options = {k: v for k, v in parameters.items() if k != "password"} | options
    mode = options.get("sslmode", "")
    if mode == "require" and _exists(options.get("sslrootcert"), "root.crt"):
        mode = "verify-ca"
    return LoginOptions(
        options,
        has_password or bool(parameters.get("password")),
        mode,
        _exists(options.get("sslcert"), "postgresql.crt"),
    )


def _exists(path: str | None, default: str) -> bool:
    """Return whether libpq would find this file, or the one of this name in its own folder."""
    # libpq looks for the home folder in the same way: HOME, then the account
    own = os.path.expanduser(f"~/.postgresql/{default}")  # noqa: PTH111  Path's may raise
    return os.path.exists(path or own)  # noqa: PTH110  Path's raises where a folder is closed
