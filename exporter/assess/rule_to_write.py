"""The lines of pg_hba.conf that demand a certificate of one client."""

from exporter.assess.demand import map_name
from exporter.assess.hba_match import Client
from exporter.model.hba import HbaRule
from exporter.model.report import Place, Step
from exporter.model.rule_text import address_text, is_plain, literal, quoted, rule_text


def certificate_rule(
    client: Client,
    before: HbaRule | None,
    server_version_number: int,
    *,
    method: str,
) -> Step:
    """Return the step that writes a rule which demands the role's certificate of ``client``.

    The second line keeps out what does not come over TLS, whatever stands below: a ``hostssl``
    rule does not match such a client, and evaluation would go on.

    Args:
        client: a client over TCP.
        before: the first rule that may govern it, over TLS or as it is, to write the new ones in
            place of, or before; None when it is not known.
        server_version_number: ``server_version_num``.
        method: method and options of the new line.
    """
    fields = _fields(client, before, server_version_number)
    lines = (f"hostssl {fields} {method}", f"host {fields} reject")
    every = (
        f"every client that logs in as {client.role} from there must show its certificate then, "
        "so see first that all of them do"
    )
    if before is None:
        where = "write this before every other rule of pg_hba.conf"
    else:
        how = "in place of" if _serves_only(before, client) else "directly before"
        where = f"{how} {_place(before)} ({rule_text(before)}) write"
    return Step(Place.SERVER, f"Demand the certificate: {where}; {every}", lines)


def opening_rule(client: Client, before: HbaRule | None, server_version_number: int) -> Step:
    """Return the step that lets ``client`` in with its certificate, where it is refused over TLS.

    Nobody is locked out by the line: it matches no client that is let in today.

    Args:
        client: a client over TCP.
        before: the rule that refuses it over TLS, or else the one that lets it in without; None
            when there is no such rule.
        server_version_number: ``server_version_num``.
    """
    where = (
        "before every other rule of pg_hba.conf"
        if before is None
        else f"directly before {_place(before)} ({rule_text(before)})"
    )
    return Step(
        Place.SERVER,
        f"Let it in over TLS with its certificate, which no rule does now: write this {where}",
        (f"hostssl {_fields(client, None, server_version_number)} cert",),
    )


def closing_rule(client: Client, governing: HbaRule, server_version_number: int) -> Step:
    """Return the step that closes a rule which lets ``client`` in without TLS.

    Another rule demands a certificate of the same client over TLS already.
    """
    return Step(
        Place.SERVER,
        "Over TLS a certificate is demanded already. Refuse what comes without: directly before "
        f"{_place(governing)} ({rule_text(governing)}) write; every client that logs in as "
        f"{client.role} from there must use TLS then, so see first that all of them do",
        (f"hostnossl {_fields(client, governing, server_version_number)} reject",),
    )


def with_name_check(rule: HbaRule, *, whole_name: bool) -> str:
    """Return method and options of ``rule`` with its certificate's name held against the role.

    Secrets among the options are asterisks, as the exporter never holds them.

    Args:
        rule: one that checks the chain only.
        whole_name: it has ``clientname=DN``, which the server's view does not list. That stays
            where a map takes the whole name; without a map no whole name is a role's.
    """
    if rule.auth_method == "trust":
        return "cert"
    options = [o for o in rule.options if not o.startswith("clientcert=")]
    if whole_name and map_name(rule) is not None:
        options.append("clientname=DN")
    return " ".join([rule.auth_method, *(quoted(o) for o in options), "clientcert=verify-full"])


def _place(rule: HbaRule) -> str:
    return f"line {rule.location.line_number} of {rule.location.file_name}"


def _fields(client: Client, rule: HbaRule | None, server_version_number: int) -> str:
    database = (
        "replication"
        if client.database is None
        else literal(client.database, server_version_number)
    )
    return f"{database} {literal(client.role, server_version_number)} {_address(client, rule)}"


def _address(client: Client, rule: HbaRule | None) -> str:
    """Return the rule's address; the client's own where no rule lets anybody in from there."""
    if rule is not None and rule.address is not None and rule.auth_method != "reject":
        return address_text(rule)
    address = client.address
    return "all" if address is None else f"{address}/{address.max_prefixlen}"


def _serves_only(rule: HbaRule, client: Client) -> bool:
    if rule.auth_method == "reject":
        # taken away, it would let others through to the rules below it
        return False
    if rule.roles != (client.role,) or not is_plain(client.role):
        return False
    if client.database is None:
        return rule.databases == ("replication",)
    return rule.databases == (client.database,) and is_plain(client.database)
