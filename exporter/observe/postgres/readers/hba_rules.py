"""Rules of pg_hba.conf as they are on disk now: pg_hba_file_rules.

Sources: manual, "pg_hba_file_rules"; hbafuncs.c, fill_hba_line(); hba.c, parse_hba_line().
"""

from hashlib import sha256

from exporter.model.failure import Read, Reader
from exporter.model.hba import ConnectionType, ErrorLine, HbaContent, HbaRule, RuleLocation
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    MalformedError,
    Reading,
    Row,
    Statement,
    inet,
    integer,
    remembered,
    text,
    text_or_none,
)
from exporter.observe.postgres.session.text_array import elements

FILE_NAMES_ARE_TOLD = 160000
"""file_name (and includes) came with 16."""

MASK = "********"

# every option whose value may be shown; all others are masked, those of later versions included
_PUBLIC_OPTIONS = frozenset(
    {
        "clientcert",
        "clientname",
        "compat_realm",
        "delegate_ident_mapping",
        "include_realm",
        "issuer",
        "krb_realm",
        "ldapbasedn",
        "ldapport",
        "ldapprefix",
        "ldapscheme",
        "ldapscope",
        "ldapsearchattribute",
        "ldapserver",
        "ldapsuffix",
        "ldaptls",
        "map",
        "pam_use_hostname",
        "pamservice",
        "radiusidentifiers",
        "radiusports",
        "radiusservers",
        "scope",
        "upn_username",
        "validator",
    }
)

_UNEXPLAINED = (
    "the server does not say what is wrong; a value of clientcert= or clientname= that it does"
    " not know has this effect"
)

# this message quotes a whole word of the line, which may be (part of) a password with a blank
_QUOTING_MESSAGE = "authentication option not in name=value format: "


def _statement(version: int) -> Statement:
    file_name = "file_name" if version >= FILE_NAMES_ARE_TOLD else "NULL"
    return Statement(f"""
        SELECT {file_name}, line_number, type, database, user_name, address, netmask, auth_method,
               options, error
          FROM pg_hba_file_rules() LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  constants


def _option(raw: bytes) -> str:
    name, equals, value = text(raw).partition("=")
    if not equals:
        return MASK
    return f"{name}={value if name in _PUBLIC_OPTIONS else MASK}"


def _message(raw: bytes | None) -> str:
    message = text_or_none(raw)
    if not message:
        return _UNEXPLAINED
    head, quoting, _ = message.partition(_QUOTING_MESSAGE)
    return f"{head}{quoting}{MASK}" if quoting else message


# the same few words in every rule, and the same at each poll; not for options, which hold secrets
@remembered
def _texts(row: Row) -> tuple[str, ...]:
    (array,) = row
    return tuple(text(element) for element in elements(array))


def _connection_type(raw: bytes) -> ConnectionType:
    try:
        return ConnectionType(text(raw))
    except ValueError:
        raise MalformedError("not a connection type") from None


def _address(
    connection_type: ConnectionType, raw_address: bytes | None, raw_netmask: bytes | None
) -> tuple[str | None, str | None]:
    """Return address and netmask as HbaRule has them."""
    address, netmask = text_or_none(raw_address), text_or_none(raw_netmask)
    if (address is None) != (connection_type is ConnectionType.LOCAL):
        raise MalformedError("an address that does not fit the connection type")
    if netmask is not None and inet(raw_address).version != inet(raw_netmask).version:
        raise MalformedError("a netmask that does not fit the address")
    if netmask is None and raw_address is not None and _is_inet(raw_address):
        raise MalformedError("an IP address without a netmask")
    return address, netmask


def _is_inet(raw: bytes) -> bool:
    try:
        inet(raw)
    except MalformedError:
        return False
    return True


def _interpret(rows: list[Row], context: Context) -> Read[HbaContent]:
    whole = sha256(context.hba_file.encode())
    for row in rows:
        whole.update(repr(row).encode())
    as_read = whole.hexdigest()
    kept = context.kept.hba
    if kept is not None and kept.digest_as_read == as_read:
        return kept
    rules: list[HbaRule] = []
    errors: list[ErrorLine] = []
    digest = sha256()
    for row in rows:
        (
            file_name,
            line_number,
            connection_type,
            databases,
            roles,
            address,
            netmask,
            auth_method,
            options,
            error,
        ) = row
        location = RuleLocation(
            text_or_none(file_name) or context.hba_file, integer(line_number, 1)
        )
        # a parsed rule with a message is one that can match nothing (ssl = off, or a build
        # without TLS or GSSAPI); parse_hba_line() accepts it, so it does not block loading
        parsed = connection_type is not None
        if error is not None or not parsed:
            errors.append(ErrorLine(location, _message(error), blocks_loading=not parsed))
        if connection_type is not None:
            kind = _connection_type(connection_type)
            host, mask = _address(kind, address, netmask)
            rules.append(
                HbaRule(
                    location=location,
                    connection_type=kind,
                    databases=_texts((databases,)),
                    roles=_texts((roles,)),
                    address=host,
                    netmask=mask,
                    auth_method=text(auth_method),
                    options=tuple(_option(option) for option in elements(options)),
                )
            )
        # without the message of a parsed rule: it comes and goes with `ssl`, not with the file.
        # The digest stays in memory; it distinguishes a changed password from an unchanged one.
        digest.update(repr(row[:-1] if parsed else row).encode())
    return HbaContent(tuple(rules), tuple(errors), digest.hexdigest(), as_read)


HBA_RULES = Reading(Reader.HBA_RULES, _statement, _interpret)


def _hba(results: Results) -> Read[HbaContent]:
    return results.take(HBA_RULES)


SPEC = ReaderSpec(
    Reader.HBA_RULES,
    {"hba": _hba},
    first=lambda _context: HBA_RULES,
    needs=frozenset({Reader.FILE_TIMES}),
)
