"""Parameters of a connection as pg_stat_wal_receiver shows them: ``key=value key=value``.

Sources: manual, "pg_stat_wal_receiver"; libpqwalreceiver.c, libpqrcv_get_conninfo(); fe-connect.c,
PQconninfoOptions.
"""

import re

KEYWORDS = (
    "service",
    "servicefile",
    "user",
    "password",
    "passfile",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslmode",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslcertmode",
    "sslpassword",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "require_auth",
    "min_protocol_version",
    "max_protocol_version",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "gssencmode",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "replication",
    "target_session_attrs",
    "load_balance_hosts",
    "scram_client_key",
    "scram_server_key",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
    "sslkeylogfile",
)
"""Of libpq 13 to 18, in the order in which it prints them."""

_KEYWORD = re.compile(rf"(?:^| )({'|'.join(KEYWORDS)})=")

_SSLMODE = re.compile(r" sslmode=(disable|allow|prefer|require|verify-ca|verify-full)(?= |$)")


def shown_values(conninfo: str) -> dict[str, str]:
    """Return keywords and values of the conninfo that pg_stat_wal_receiver shows.

    Values are not quoted there: each ends before a keyword that libpq prints after its own.
    ``sslmode`` is always there and its values are few, so that it separates the keywords before it
    from those after it.

    Returns:
        nothing if ``sslmode`` is not there exactly once: it was cut off, or is part of a value.
    """
    try:
        before, sslmode, after = _SSLMODE.split(conninfo)
    except ValueError:
        return {}
    middle = KEYWORDS.index("sslmode")
    return {
        **_values(before, KEYWORDS[:middle]),
        "sslmode": sslmode,
        **_values(after, KEYWORDS[middle + 1 :]),
    }


def _values(shown: str, keywords: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    keyword, position, start = "", -1, 0
    for found in _KEYWORD.finditer(shown):
        place = keywords.index(found[1]) if found[1] in keywords else -1
        if place > position:
            values[keyword] = shown[start : found.start()]
            keyword, position, start = found[1], place, found.end()
    values[keyword] = shown[start:]
    values.pop("", None)
    return values
