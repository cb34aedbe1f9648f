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
_FILES = "~/.postgresql"
_ROOT_CERTIFICATE = "root.crt"
_CLIENT_CERTIFICATE = "postgresql.crt"


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """What libpq would log in with.

    Attributes:
        options: by keyword, defaults included; without a password.
        has_password: whether libpq has a password to send, wherever it comes from.
    """

    options: Mapping[str, str]
    has_password: bool

    @property
    def sslmode(self) -> str:
        """The sslmode, as libpq applies it: `require` is `verify-ca` if a root certificate exists.

        Whether the file exists is decided before libpq looks for it. To be certain, give libpq
        this value.
        """
        mode = self.options.get("sslmode", "")
        if mode == "require" and self._file_exists("sslrootcert", _ROOT_CERTIFICATE):
            return "verify-ca"
        return mode

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

    @property
    def has_client_certificate(self) -> bool:
        """Whether libpq has a client certificate to send."""
        return self._file_exists("sslcert", _CLIENT_CERTIFICATE)

    def _file_exists(self, keyword: str, default: str) -> bool:
        path = self.options.get(keyword) or os.path.expanduser(f"{_FILES}/{default}")  # noqa: PTH111  as libpq: HOME, then the account
        return os.path.exists(path)  # noqa: PTH110  Path's raises where a folder is closed


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
    given = {k: v for k, v in parameters.items() if k != "password"}
    return LoginOptions(given | options, has_password or bool(parameters.get("password")))
