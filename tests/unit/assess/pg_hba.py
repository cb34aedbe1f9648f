"""pg_hba.conf as the server reads it: next_token() of hba.c, for the lines that remedies write."""

from collections.abc import Sequence
from ipaddress import ip_network

from exporter.model.hba import (
    ConnectionType,
    HbaContent,
    HbaRule,
    LineTraits,
    Quoting,
    RuleLocation,
)


def tokens(line: str) -> list[list[tuple[str, bool]]]:
    """Return the fields of a line, each a list of tokens with whether a quote begins it."""
    fields: list[list[tuple[str, bool]]] = []
    position, comma = 0, False
    while True:
        while position < len(line) and line[position] in " \t\r":
            position += 1
        if position == len(line):
            return fields
        text, position, initial_quote, next_comma = _token(line, position)
        if comma:
            fields[-1].append((text, initial_quote))
        else:
            fields.append([(text, initial_quote)])
        comma = next_comma


def _token(line: str, position: int) -> tuple[str, int, bool, bool]:
    text, in_quote, was_quote, initial_quote = "", False, False, False
    while position < len(line):
        c = line[position]
        if c in " \t\r" and not in_quote:
            break
        if c == "#" and not in_quote:
            return text, len(line), initial_quote, False
        position += 1
        if c == "," and not in_quote:
            return text, position, initial_quote, True
        if c != '"' or was_quote:
            text += c
        was_quote = (not was_quote) if in_quote and c == '"' else False
        if c == '"':
            in_quote = not in_quote
            initial_quote = initial_quote or not text
    return text, position, initial_quote, False


def read(file_name: str, lines: Sequence[str]) -> HbaContent:
    """Return rules for TCP as the server's view shows them, with what that view loses."""
    found = [_rule(RuleLocation(file_name, n), line) for n, line in enumerate(lines, start=1)]
    rules = tuple(rule for rule, _ in found)
    content = HbaContent(rules, (), digest=repr(rules))
    return content.with_lines(tuple(traits for _, traits in found))


def _rule(location: RuleLocation, line: str) -> tuple[HbaRule, LineTraits]:
    kind, databases, roles, address, *rest = tokens(line)
    ((where, quoted),) = address
    netmask: str | None = None
    if where[:1].isdigit() or ":" in where:
        if "/" not in where:
            ((netmask, _),), *rest = rest
        else:
            network = ip_network(where, strict=False)
            where, netmask = where.partition("/")[0], str(network.netmask)
    ((method, _),), *options = rest
    texts = [text for ((text, _),) in options]
    clientname = next((t.partition("=")[2] for t in texts if t.startswith("clientname=")), None)
    shown = [text for text in texts if not text.startswith("clientname=")]
    if method == "cert":
        shown.append("clientcert=verify-full")
    rule = HbaRule(
        location=location,
        connection_type=ConnectionType(kind[0][0]),
        databases=tuple(text for text, _ in databases),
        roles=tuple(text for text, _ in roles),
        address=where,
        netmask=netmask,
        auth_method=method,
        options=tuple(shown),
    )
    traits = LineTraits(
        location,
        holds_quote='"' in line,
        holds_file_reference=False,
        holds_clientname=clientname is not None,
        continues=False,
        clientname=clientname,
        quoted=Quoting(tuple(q for _, q in databases), tuple(q for _, q in roles), address=quoted),
    )
    return rule, traits
