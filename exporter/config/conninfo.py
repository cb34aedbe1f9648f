"""libpq's connection parameters: which there are, what a connection string says.

The one import of psycopg outside ``exporter.observe.postgres``: the string is later read by libpq
itself, with its own escapes and percent-encoding, so libpq parses it here too. A second parser
could see a password where libpq sees none, or miss one. Nothing here connects.

Source: manual, "Connection Strings" and "Parameter Key Words".
"""

import re
from difflib import get_close_matches

from psycopg import Error, pq
from psycopg.conninfo import conninfo_to_dict

KEYWORDS = frozenset(option.keyword.decode() for option in pq.Conninfo.parse(b""))
"""The keywords that the libpq in use knows."""

PASSWORD = "password"  # noqa: S105  a keyword, no password

_PROTECT_THE_KEY = "use a key without a passphrase, protected by its permissions"
_ONE_SERVER = "a target is one server: write a target for each"
_NO_DEVICE_FLOW = "OAuth asks a person to log in; use a certificate or a password"

REFUSED = {
    "client_encoding": "the exporter sets it itself",
    "connect_timeout": "write timeout, which holds for the whole poll",
    "fallback_application_name": "write application_name",
    "load_balance_hosts": _ONE_SERVER,
    "oauth_client_id": _NO_DEVICE_FLOW,
    "oauth_client_secret": _NO_DEVICE_FLOW,
    "oauth_issuer": _NO_DEVICE_FLOW,
    "oauth_scope": _NO_DEVICE_FLOW,
    "replication": "the exporter does not replicate",
    "scram_client_key": "it is as good as the password; use password_file",
    "scram_server_key": "it is a secret; use password_file",
    "service": "write the service's parameters here, so that they can be checked",
    "servicefile": "write the service's parameters here, so that they can be checked",
    "sslkeylogfile": "it would write the keys of the session to a file",
    "sslpassword": _PROTECT_THE_KEY,
    "target_session_attrs": _ONE_SERVER,
}
"""Keywords that a target must not set, and what to do instead."""

# libpq's words quote the string; a password with a blank in it is cut at that blank and its rest
# is quoted as a keyword. Each of them is translated, none is passed on.
_PROBLEMS = (
    ('missing "="', "a keyword without a value: write keyword=value, and 'a value with blanks'"),
    ("unterminated quoted", "a single quote that is never closed"),
    ("forbidden value %00", "%00, which cannot be used"),
    ("not UTF-8", "a percent-encoded character that is not UTF-8"),
    ("percent-encoded", 'a "%" that does not begin a percent-encoded character: write %25 for "%"'),
    ('matching "]"', 'an IPv6 address without its "]"'),
    ("query parameter", "a query parameter without a value, or one too many"),
)


class UnusableConninfo(Exception):  # noqa: N818  it is a finding, not an error of the program
    """libpq cannot read the string; the text says why without quoting it."""


def parse_conninfo(conninfo: str) -> dict[str, str]:
    """Return the parameters that ``conninfo`` sets, by keyword, as libpq reads it.

    Raises:
        UnusableConninfo: libpq cannot read it.
    """
    try:
        return {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    except UnicodeDecodeError:
        # psycopg decodes what libpq made of the percent-encoding.
        error_text = "not UTF-8"
    except Error as error:
        error_text = str(error)
    raise UnusableConninfo(_translated(error_text))


def _translated(error_text: str) -> str:
    if re.search("invalid (connection option|URI query parameter)", error_text):
        word = re.search(r'"([^"]*)"\s*$', error_text)
        close = get_close_matches(word[1][:64], KEYWORDS, n=1, cutoff=0.7) if word else []
        meant = f"; did you mean {close[0]}?" if close else ""
        return f"contains a keyword that libpq does not know{meant}"
    for part, translation in _PROBLEMS:
        if part in error_text:
            return f"is not a libpq connection string: it contains {translation}"
    return "is not a libpq connection string"
