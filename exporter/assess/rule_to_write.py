"""The pg_hba.conf line that demands a certificate of one client."""

from exporter.assess.hba_match import Client
from exporter.model.hba import HbaRule
from exporter.model.report import Place, Step
from exporter.model.rule_text import address_text, literal, rule_text
from exporter.model.wal_sender import ReplicationKind


def certificate_rule(client: Client, governing: HbaRule | None, *, method: str = "cert") -> Step:
    """Return the step that writes a rule which demands the role's certificate of ``client``.

    The second line keeps out what does not come over TLS, whatever stands below: a ``hostssl``
    rule does not match such a client, and evaluation would go on.

    Args:
        client: a client over TCP.
        governing: the rule to write it in place of, or before; None when it is not known.
        method: method and options of the new line.
    """
    fields = f"{_database(client)} {literal(client.role)} {_address(client, governing)}"
    lines = (f"hostssl {fields} {method}", f"host {fields} reject")
    every = f"every client that logs in as {client.role} from there must show its certificate then"
    if governing is None:
        return Step(
            Place.SERVER,
            f"Demand the certificate: write this before every other rule of pg_hba.conf; {every}",
            lines,
        )
    at = f"line {governing.location.line_number} of {governing.location.file_name}"
    if _serves_only(governing, client):
        return Step(Place.SERVER, f"Demand the certificate: in place of {at} write; {every}", lines)
    return Step(
        Place.SERVER,
        f"Demand the certificate: directly before {at} ({rule_text(governing)}) write; {every}",
        lines,
    )


def closing_rule(governing: HbaRule) -> Step:
    """Return the step that closes a rule which lets in without TLS.

    Another rule demands a certificate of the same client over TLS already.
    """
    at = f"line {governing.location.line_number} of {governing.location.file_name}"
    fields = (
        f"{governing.connection_type.value} {','.join(governing.databases)} "
        f"{','.join(governing.roles)} {address_text(governing)}"
    )
    return Step(
        Place.SERVER,
        f"Over TLS a certificate is demanded already; what comes without it is let in by {at}. "
        "Once nobody needs that line any more, refuse there instead",
        (f"{fields} reject",),
    )


def _database(client: Client) -> str:
    if client.kind is ReplicationKind.PHYSICAL or client.database is None:
        return "replication"
    return literal(client.database)


def _address(client: Client, governing: HbaRule | None) -> str:
    if governing is not None and governing.address not in {None, "all"}:
        return address_text(governing)
    address = client.address
    return "all" if address is None else f"{address}/{address.max_prefixlen}"


def _serves_only(rule: HbaRule, client: Client) -> bool:
    database = "replication" if client.database is None else client.database
    return rule.roles == (client.role,) and rule.databases == (database,)
