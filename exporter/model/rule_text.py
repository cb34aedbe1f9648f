"""A pg_hba rule written out again from what pg_hba_file_rules shows of it."""

import re
from ipaddress import ip_address, ip_network

from exporter.model.hba import HbaRule

_NEEDS_QUOTES = re.compile(r'[\s,#"]|^$')


def quoted(token: str) -> str:
    """Return ``token`` as it must stand in pg_hba.conf (hba.c, next_token())."""
    if _NEEDS_QUOTES.search(token):
        return '"' + token.replace('"', '""') + '"'
    return token


_KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})


def literal(name: str) -> str:
    """Return a role or database name so that pg_hba.conf takes it for that name and no keyword.

    From 16 on a leading ``/`` makes a regular expression even inside quotes; there is no way to
    write such a name, so it is given as the expression that matches it alone.
    """
    if name.startswith("/"):
        escaped = re.sub(r"([][.*+?^$(){}|\\])", r"\\\1", name)
        return quoted(f"/^{escaped}$")
    if name in _KEYWORDS or name.startswith(("+", "@")):
        return f'"{name}"'
    return quoted(name)


def address_text(rule: HbaRule) -> str:
    """Return the address field: CIDR where the mask is a prefix, else address and mask.

    Empty for a ``local`` rule.
    """
    if rule.address is None:
        return ""
    if rule.netmask is None:
        return quoted(rule.address)
    try:
        # A prefix is written as the host wrote it: the address part is not masked by the server.
        prefix = ip_network(
            f"{rule.address}/{_prefix_length(rule.netmask)}", strict=False
        ).prefixlen
    except ValueError:
        return f"{rule.address} {rule.netmask}"
    return f"{rule.address}/{prefix}"


def _prefix_length(netmask: str) -> int:
    mask = ip_address(netmask)
    bits = f"{int(mask):0{mask.max_prefixlen}b}"
    ones = len(bits.rstrip("0"))
    if "0" in bits[:ones]:
        raise ValueError(netmask)
    return ones


def rule_text(rule: HbaRule) -> str:
    """Return the rule as one line of pg_hba.conf.

    The server's view loses quotes, comments, ``@`` references, ``clientname=`` and line
    continuations; secrets among the options are asterisks.
    """
    options = [
        o
        for o in rule.options
        # the view adds it to every cert rule, given or not
        if not (rule.auth_method == "cert" and o == "clientcert=verify-full")
    ]
    fields = [
        rule.connection_type.value,
        ",".join(quoted(d) for d in rule.databases),
        ",".join(quoted(r) for r in rule.roles),
        address_text(rule),
        rule.auth_method,
        *(quoted(o) for o in options),
    ]
    return " ".join(f for f in fields if f)
