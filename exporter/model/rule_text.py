"""A pg_hba rule written out again from what pg_hba_file_rules shows of it."""

import re
from ipaddress import ip_address

from exporter.model.hba import NO_QUOTES, HbaRule, Quoting

REGULAR_EXPRESSIONS_SINCE = 160000
"""``server_version_num`` from which a database or role token may be a regular expression."""

_NEEDS_QUOTES = re.compile(r'[\s,#"]|^$|\\$')
_KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})
_NOT_IN_A_LINE = re.compile(r"[\r\n]")
_SPECIAL = re.compile(r"[][.*+?^$(){}|\\]")


def quoted(token: str) -> str:
    """Return ``token`` as it must be written in pg_hba.conf (hba.c, next_token())."""
    if _NEEDS_QUOTES.search(token):
        return '"' + token.replace('"', '""') + '"'
    return token


def is_plain(name: str) -> bool:
    """Return whether a role or database name, as a token, stands for that name and nothing else."""
    return name not in _KEYWORDS and not name.startswith(("+", "@", "/"))


def literal(name: str, server_version_number: int) -> str:
    """Return a role or database name so that pg_hba.conf reads it as that name, not as a keyword.

    From 16 on a leading ``/`` makes a regular expression even inside quotes, and there is no way
    to write such a name, so it is given as the expression that matches it alone. So is a name with
    a line break, at all versions: before 16 no line can contain it, and the one written for it
    matches no client.
    """
    expression = name.startswith("/") and server_version_number >= REGULAR_EXPRESSIONS_SINCE
    if expression or _NOT_IN_A_LINE.search(name):
        return quoted(literal_expression(name))
    text = quoted(name)
    return f'"{name}"' if text == name and not is_plain(name) else text


def literal_expression(name: str) -> str:
    """Return the token of a regular expression that matches ``name`` and no other name."""
    escaped = _SPECIAL.sub(r"\\\g<0>", name).replace("\n", r"\n").replace("\r", r"\r")
    return f"/^{escaped}$"


def address_text(rule: HbaRule) -> str:
    """Return the address field: CIDR where the mask is a prefix, else address and mask.

    Empty for a ``local`` rule.
    """
    if rule.address is None:
        return ""
    if rule.netmask is None:
        return quoted(rule.address)
    length = _prefix_length(rule.netmask)
    return f"{rule.address} {rule.netmask}" if length is None else f"{rule.address}/{length}"


def _prefix_length(netmask: str) -> int | None:
    mask = ip_address(netmask)
    bits = f"{int(mask):0{mask.max_prefixlen}b}"
    ones = bits.rstrip("0")
    return None if "0" in ones else len(ones)


def role_text(token: str) -> str:
    """Return a token of the role field; quotes around its ``+`` would take its meaning away."""
    return "+" + quoted(token[1:]) if token.startswith("+") else quoted(token)


def _token(token: str, in_quotes: bool | None, text: str) -> str:  # noqa: FBT001  mapped
    """Return ``text`` of a token, or the token in quotes where it is known to be quoted."""
    return '"' + token.replace('"', '""') + '"' if in_quotes else text


def rule_text(rule: HbaRule, quoting: Quoting = NO_QUOTES) -> str:
    """Return the rule as one line of pg_hba.conf.

    The server's view loses quotes, comments, ``@`` references, ``clientname=`` and line
    continuations; secrets among the options are asterisks.

    Args:
        rule: as the view shows it.
        quoting: which of its tokens are quoted, as far as it is known.
    """
    options = [
        o
        for o in rule.options
        # the view adds it to every cert rule, given or not
        if not (rule.auth_method == "cert" and o == "clientcert=verify-full")
    ]
    databases, roles = quoting.of_databases(rule), quoting.of_roles(rule)
    fields = [
        rule.connection_type.value,
        ",".join(map(_token, rule.databases, databases, map(quoted, rule.databases))),
        ",".join(map(_token, rule.roles, roles, map(role_text, rule.roles))),
        address_text(rule),
        rule.auth_method,
        *(quoted(o) for o in options),
    ]
    return " ".join(f for f in fields if f)
