"""Maps of pg_ident.conf: pg_ident_file_mappings (15 on), else the shipped function.

Sources: manual, "User Name Maps" and "pg_ident_file_mappings".
"""

from hashlib import sha256

from exporter.model.failure import Read, Reader
from exporter.model.hba import ErrorLine, IdentContent, IdentMapping, RuleLocation
from exporter.observe.postgres.hba_rules import FILE_NAMES_ARE_TOLD
from exporter.observe.postgres.statement import (
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
    source = (
        "pg_ident_file_mappings"
        if version >= _VIEW_EXISTS
        else "pg_replication_cert_exporter.ident_mappings()"
    )
    file_name = "file_name" if version >= FILE_NAMES_ARE_TOLD else "NULL"
    return Statement(f"""
        SELECT {file_name}, line_number, map_name, sys_name, pg_username, error
          FROM {source} LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  constants


def _interpret(rows: list[Row], context: Context) -> Read[IdentContent]:
    mappings: list[IdentMapping] = []
    errors: list[ErrorLine] = []
    digest = sha256()
    for row in rows:
        file_name, line_number, map_name, system_name, database_role, error = row
        location = RuleLocation(text_or_none(file_name) or context.ident_file, integer(line_number))
        if map_name is None:
            message = text_or_none(error) or "the server does not say what is wrong"
            errors.append(ErrorLine(location, message, blocks_loading=True))
        else:
            mappings.append(
                IdentMapping(location, text(map_name), text(system_name), text(database_role))
            )
        digest.update(repr(row).encode())
    return IdentContent(tuple(mappings), tuple(errors), digest.hexdigest())


IDENT_MAPPINGS = Reading(Reader.IDENT_MAPPINGS, _statement, _interpret)
