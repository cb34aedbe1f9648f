"""Names that a certificate needs, and clients that a step concerns, in words."""

import re
from collections.abc import Sequence

from exporter.model.client_steps import NameRequirement
from exporter.model.server_steps import ClientSecurity, OtherClient


def name_to_issue(name: NameRequirement) -> str:
    """Return which name a certificate needs, as it follows "a certificate"."""
    by_map = "" if name.map_name is None else f" (by user name map {name.map_name})"
    accepted = f"accepted for role {name.role}{by_map}"
    if name.names:
        first, *others = name.names
        several = f", or one of {', '.join(others)}" if others else ""
        if name.is_whole:
            return f"with the distinguished name (RFC 2253) {first}{several}, {accepted}"
        unless = (
            ""
            if name.is_whole is False
            else " (or, if the line of the rule has clientname=DN, that whole distinguished name)"
        )
        return f"with the common name (CN) {first}{several}{unless}, {accepted}"
    if name.patterns:
        return f"whose {field_text(name)} matches {' or '.join(name.patterns)}, {accepted}"
    return f"with a name that the rule accepts for role {name.role}{by_map}"


def subject_line(name: NameRequirement) -> tuple[str, ...]:
    """Return the subject of the certificate as a line (RFC 4514); none where it is not known."""
    if not name.names:
        return ()
    first = name.names[0]
    return (f"subject: {first}" if name.is_whole else f"subject: CN={_value(first)}",)


def _value(text: str) -> str:
    """Return ``text`` as the value of an attribute in a distinguished name (RFC 4514)."""
    escaped = re.sub(r'^[ #]|[,+"\\<>;]| $', r"\\\g<0>", text)
    return re.sub(r"[\x00-\x1f]", lambda found: f"\\{ord(found[0]):02X}", escaped)


def name_to_check(name: NameRequirement) -> str:
    """Return which name is accepted, as it follows "Check that it is"."""
    if name.names:
        return " or ".join(name.names)
    if name.patterns:
        return f"a name that matches {' or '.join(name.patterns)}"
    return f"a name that the rule accepts for role {name.role}"


def field_text(name: NameRequirement) -> str:
    """Return which field of the certificate is compared."""
    return "distinguished name" if name.is_whole else "common name (CN)"


def every_client(role: str, database: str | None) -> str:
    """Return the clients that a new rule for a role and database applies to."""
    if database is None:
        return f"every client that logs in as {role} from these addresses"
    return (
        f"every client that logs in as {role} to database {database} from these addresses, for "
        "replication or not,"
    )


def clients_text(clients: Sequence[OtherClient]) -> str:
    """Return connections in words, one after the other."""
    return ", ".join(map(_client_text, clients))


def _client_text(client: OtherClient) -> str:
    several = "" if client.connections == 1 else f", {client.connections} connections"
    return (
        f"{client.application_name} (role {client.role}, {client.address}, "
        f"{_security_text(client)}{several})"
    )


def _security_text(client: OtherClient) -> str:
    match client.security:
        case ClientSecurity.GSSAPI:
            return "GSSAPI"
        case ClientSecurity.UNENCRYPTED:
            return "without TLS"
        case ClientSecurity.TLS:
            return "without certificate"
        case ClientSecurity.CERTIFICATE:
            return f"certificate {client.certificate_name or 'of unknown name'}"
