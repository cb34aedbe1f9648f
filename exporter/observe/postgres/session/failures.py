"""Translates errors of libpq and of the server to a stable reason and one safe line.

The server's texts may be in any language, so codes decide where there are any: the SQLSTATE,
and the name of the source function that raised it where one SQLSTATE means several things (libpq
adds both at verbosity VERBOSE, see connection.py). libpq's own texts are English in this process:
nothing here calls setlocale(LC_MESSAGES).

Sources: manual, "PostgreSQL Error Codes"; auth.c, postmaster.c, postinit.c, miscinit.c, proc.c,
postgres.c; fe-connect.c, fe-secure-openssl.c, fe-auth.c.
"""

import re

from exporter.model.failure import FailureReason, Unread
from exporter.observe.detail import one_line


class PollFailed(Exception):  # noqa: N818  it carries a failure, which is a value
    """The session cannot go on."""

    def __init__(self, failure: Unread) -> None:
        super().__init__(failure.detail)
        self.failure = failure


_SERVER_ERROR = re.compile(r"^(?:[^\n]*: )?[^\s:]+:\s+([0-9A-Z]{5}): ", re.MULTILINE)
_ATTEMPT = re.compile(r"^(?=connection to server )", re.MULTILINE)
_SOURCE_FUNCTION = re.compile(r"^[^\s:]+:\s+(\w+), \w+\.c:\d+\s*$", re.MULTILINE)

# SQLSTATEs that have one meaning wherever they occur
_BY_SQLSTATE = {
    "08P01": FailureReason.PROTOCOL,
    "0A000": FailureReason.UNSUPPORTED_SERVER,
    "25P03": FailureReason.TERMINATED,  # idle_in_transaction_session_timeout
    "25P04": FailureReason.TERMINATED,  # transaction_timeout (17)
    "28P01": FailureReason.AUTHENTICATION,
    "3D000": FailureReason.DATABASE_MISSING,
    "3F000": FailureReason.NOT_INSTALLED,  # no schema replication_cert_exporter
    "40001": FailureReason.RECOVERY_CONFLICT,  # we never serialize and never write
    "40P01": FailureReason.RECOVERY_CONFLICT,  # a deadlock with the startup process
    "42501": FailureReason.PERMISSION,
    "42703": FailureReason.UNSUPPORTED_SERVER,  # a column of a system view is missing
    "42P01": FailureReason.UNSUPPORTED_SERVER,  # a system view is missing
    "55P03": FailureReason.STATEMENT_TIMEOUT,  # lock_timeout
    "57P01": FailureReason.TERMINATED,
    "57P02": FailureReason.TERMINATED,
    "57P04": FailureReason.RECOVERY_CONFLICT,  # the database was dropped, on a standby
    "57P05": FailureReason.TERMINATED,
    "58P01": FailureReason.FILE_MISSING,
}

# libpq's own words, most specific first
_BY_TEXT = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        # the certificate authorities that the server's certificate is verified with
        (r"root certificate", FailureReason.SERVER_CERTIFICATE),
        (r"certificate verify failed", FailureReason.SERVER_CERTIFICATE),
        (r"server certificate for .* does not match", FailureReason.SERVER_CERTIFICATE),
        (r"server's certificate|host name must be specified", FailureReason.SERVER_CERTIFICATE),
        # the exporter's own certificate and key
        (
            (
                r"alert (bad certificate|unsupported certificate|certificate (revoked|expired"
                r"|unknown|required)|unknown ca|access denied|decrypt error)"
            ),
            FailureReason.CLIENT_CERTIFICATE,
        ),
        (r"certificate file|private key|key file", FailureReason.CLIENT_CERTIFICATE),
        (r"certificate present|valid SSL certificate", FailureReason.CLIENT_CERTIFICATE),
        (r"did not request an SSL certificate", FailureReason.CLIENT_CERTIFICATE),
        # the peer is not PostgreSQL
        (r"invalid response to (SSL|GSSAPI) negotiation", FailureReason.PROTOCOL),
        (r"expected authentication request", FailureReason.PROTOCOL),
        (r"unencrypted data after", FailureReason.PROTOCOL),
        # the login itself
        (r"no password supplied|authentication method|SCRAM|GSSAPI", FailureReason.AUTHENTICATION),
        (r"incorrect server signature|channel binding", FailureReason.AUTHENTICATION),
        # TLS in general
        (r"SSL was required|does not support SSL", FailureReason.TLS),
        (r"SSL (SYSCALL )?error|SSL connection|SSL library", FailureReason.TLS),
        # the network
        (r"translate host name", FailureReason.DNS),
        (r"Connection refused|No such file or directory", FailureReason.REFUSED),
        (r"timed out|timeout expired", FailureReason.TIMEOUT),
        (
            (
                r"No route to host|unreachable|Host is down|Permission denied"
                r"|Cannot assign requested address|could not create socket"
            ),
            FailureReason.UNREACHABLE,
        ),
        # accepted, then cut off before the login ended: often a proxy without a backend
        (
            r"Connection reset|Broken pipe|closed the connection unexpectedly",
            FailureReason.UNREACHABLE,
        ),
        (r"could not fork", FailureReason.TOO_MANY_CONNECTIONS),
        (r"^invalid |^missing |^could not find own address", FailureReason.INTERNAL),
    )
)

_OWN_SOCKET_OR_FILE = re.compile(
    r"could not create socket|could not (?:open|read|load) .*(?:certificate|key|list).* file"
)
_NO_SOCKET = Unread(
    FailureReason.UNREACHABLE, "no socket could be created; libpq does not report why"
)

# of several errors (sslmode=prefer tries twice) the first of these is reported
_TELLING = (
    FailureReason.AUTHENTICATION,
    FailureReason.CLIENT_CERTIFICATE,
    FailureReason.SERVER_CERTIFICATE,
    FailureReason.DATABASE_MISSING,
    FailureReason.NO_HBA_ENTRY,
)


# the words of check_expected_areq() in fe-auth.c
_REFUSED_METHOD = re.compile(r'authentication method requirement "[^"]*" failed: (.*)')
_VERIFY = "write sslmode: verify-full and sslrootcert for this target"
_REFUSED_METHODS = {
    "server requested a cleartext password": (
        f"asks for the password in clear text: {_VERIFY};"
        " require_auth: password would send it to any server that answers there"
    ),
    "server requested a hashed password": (
        f"asks for an MD5 hash of the password: {_VERIFY}, or set the password again with"
        " password_encryption = 'scram-sha-256'; require_auth: md5 would send the hash to any"
        " server that answers there"
    ),
    "server did not complete authentication": (
        f"did not prove that it knows the password: {_VERIFY}; if its rule is trust or cert,"
        " remove the password from this target or write require_auth: none"
    ),
}
_ANOTHER_METHOD = f"asks for a login by another method than SCRAM: {_VERIFY}, or require_auth"


def by_sqlstate(sqlstate: str, text: str, function: str) -> FailureReason:
    """Translate an error of the server.

    Args:
        sqlstate: five characters.
        text: the message, used where neither SQLSTATE nor function is sufficient.
        function: the source function that raised it; empty if unknown.
    """
    match sqlstate:
        case "28000":
            return _refused_login(text)
        case "53300":
            by_role = function == "InitializeSessionUserId" or 'for role "' in text
            return (
                FailureReason.ROLE_CONNECTION_LIMIT
                if by_role
                else FailureReason.TOO_MANY_CONNECTIONS
            )
        case "42883":
            # set by the exporter, or by the server: every language has its name in the message
            return (
                FailureReason.NOT_INSTALLED
                if "replication_cert_exporter" in text
                else FailureReason.UNSUPPORTED_SERVER
            )
        case "57014":
            return (
                FailureReason.TERMINATED
                if "user request" in text
                else FailureReason.STATEMENT_TIMEOUT
            )
        case "57P03":
            return _not_now(text)
        case _:
            return _BY_SQLSTATE.get(sqlstate, FailureReason.INTERNAL)


def _refused_login(text: str) -> FailureReason:
    # the file's name is in the message in every language
    if "pg_hba.conf" in text:
        return FailureReason.NO_HBA_ENTRY
    if "client certificate" in text or "certificate authentication failed" in text:
        return FailureReason.CLIENT_CERTIFICATE
    return FailureReason.AUTHENTICATION


def _not_now(text: str) -> FailureReason:
    # all have the same SQLSTATE and source function; for a server with another language "starting
    # up" is reported. 13 says "starting up" also where hot_standby is off.
    if "shutting down" in text:
        return FailureReason.SHUTTING_DOWN
    if "Hot standby mode is disabled" in text:
        return FailureReason.HOT_STANDBY_DISABLED
    return FailureReason.STARTING_UP


def failed_connection(
    message: str, secrets: tuple[str, ...] = (), shortage: str | None = None
) -> Unread:
    """Translate what libpq reports of a connection that was not established.

    Args:
        message: of libpq, with SQLSTATEs; several errors if it tried several times. It is empty
            where libpq could not create a socket (fe-connect.c, PQconnectPoll()).
        secrets: that must not appear in the detail.
        shortage: which limit of the exporter was reached then, and how to raise it; None if none.
    """
    attempts = [attempt for attempt in _ATTEMPT.split(message) if attempt.strip()]
    text = one_line(_SOURCE_FUNCTION.sub("", message), secrets)
    # where it could not open a file, libpq may report no reason, or a wrong one
    if shortage is not None and (not attempts or any(map(_needs_descriptor, attempts))):
        detail = one_line(f"{shortage} ({text})") if text else shortage
        return Unread(FailureReason.EXPORTER_LIMITS, detail)
    if not attempts:
        return _NO_SOCKET
    found = [_of_attempt(attempt) for attempt in attempts]
    return Unread(next((r for r in _TELLING if r in found), found[0]), text)


def _needs_descriptor(attempt: str) -> bool:
    return _SERVER_ERROR.search(attempt) is None and _OWN_SOCKET_OR_FILE.search(attempt) is not None


def refused_method(message: str, secrets: tuple[str, ...] = ()) -> Unread | None:
    """Return what to do if libpq refused the authentication method that a server asked for.

    Args:
        message: of libpq, in a login that allowed nothing but SCRAM (authentication.py).
        secrets: that must not appear in the detail.

    Returns:
        None: the login failed for another reason.
    """
    found = _REFUSED_METHOD.search(message)
    if found is None:
        return None
    what = _REFUSED_METHODS.get(found[1], _ANOTHER_METHOD)
    return Unread(
        FailureReason.AUTHENTICATION,
        one_line(f"the server is not verified and {what} ({message.strip()})", secrets),
    )


def _of_attempt(message: str) -> FailureReason:
    error = _SERVER_ERROR.search(message)
    if error:
        location = _SOURCE_FUNCTION.search(message, error.end())
        return by_sqlstate(error.group(1), message, location.group(1) if location else "")
    return next(
        (reason for pattern, reason in _BY_TEXT if pattern.search(message)),
        FailureReason.PROTOCOL,
    )


def lost_connection(message: str, secrets: tuple[str, ...] = ()) -> Unread:
    """Translate what libpq reports of a session that ended while it was read."""
    error = _SERVER_ERROR.search(message)
    reason = by_sqlstate(error.group(1), message, "") if error else FailureReason.TERMINATED
    if re.search(r"synchronization|unexpected (message|response)|protocol|pipeline mode", message):
        reason = FailureReason.PROTOCOL
    return Unread(reason, one_line(message, secrets))
