"""Maps of pg_ident.conf: pg_ident_file_mappings (15 on), else the shipped function.

Sources: manual, "User Name Maps" and "pg_ident_file_mappings".
"""

from hashlib import sha256

from exporter.model.failure import Read, Reader
from exporter.model.hba import ErrorLine, IdentContent, IdentMapping, RuleLocation
from exporter.observe.postgres.readers.hba_rules import FILE_NAMES_ARE_TOLD
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    integer,
    text,
    text_or_none,
)

_VIEW_EXISTS = 150000


def _statement(version: int) -> Statement:
    if version >= _VIEW_EXISTS:
        file_name = "file_name" if version >= FILE_NAMES_ARE_TOLD else "NULL"
        columns = f"{file_name}, line_number, map_name, sys_name, pg_username, error"
        source = "pg_ident_file_mappings"
    else:
        # bytes in hexadecimal digits: the file may be in any encoding
        columns = """NULL, line_number, encode(map_name, 'hex'), encode(sys_name, 'hex'),
                     encode(pg_username, 'hex'), error"""
        source = "replication_cert_exporter.ident_mappings()"
    return Statement(
        f"SELECT {columns} FROM {source} LIMIT {MAXIMUM_ROWS + 1}"  # noqa: S608  constants
    )


def _name(value: bytes | None, context: Context) -> str:
    name = text(value)
    return name if context.version >= _VIEW_EXISTS else text(bytes.fromhex(name))


def _interpret(rows: list[Row], context: Context) -> Read[IdentContent]:
    mappings: list[IdentMapping] = []
    errors: list[ErrorLine] = []
    digest = sha256()
    for row in rows:
        file_name, line_number, map_name, system_name, database_role, error = row
        location = RuleLocation(
            text_or_none(file_name) or context.ident_file, integer(line_number, 1)
        )
        if map_name is None:
            message = text_or_none(error) or "the server does not say what is wrong"
            errors.append(ErrorLine(location, message, blocks_loading=True))
        else:
            names = (_name(value, context) for value in (map_name, system_name, database_role))
            mappings.append(IdentMapping(location, *names))
        digest.update(repr(row).encode())
    return IdentContent(tuple(mappings), tuple(errors), digest.hexdigest())


IDENT_MAPPINGS = Reading(Reader.IDENT_MAPPINGS, _statement, _interpret)


def _ident(results: Results) -> Read[IdentContent]:
    return results.take(IDENT_MAPPINGS)


SPEC = ReaderSpec(
    Reader.IDENT_MAPPINGS,
    {"ident": _ident},
    first=lambda _context: IDENT_MAPPINGS,
    needs=frozenset({Reader.FILE_TIMES}),
)
