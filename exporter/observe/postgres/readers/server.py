"""The server itself: version, role in replication, load time, TLS, and our own rights.

Sources: manual, "System Information Functions", "Control Data Functions"; HAS_PGSTAT_PERMISSIONS
in pgstatfuncs.c (13 and 14 ask for membership, 15 on for inherited rights).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.observation import Server
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    LARGEST_BIGINT,
    Context,
    MalformedError,
    Reading,
    Row,
    Statement,
    boolean,
    inet,
    integer,
    text,
    text_or_none,
    timestamp,
)

PRIVILEGES_ARE_INHERITED = 150000
"""From 15 on a member must inherit the rights of pg_read_all_stats."""


def membership_mode(version: int) -> str:
    """Return the mode of pg_has_role() that decides what the statistics views show."""
    return "USAGE" if version >= PRIVILEGES_ARE_INHERITED else "MEMBER"


def _statement(version: int, identifier: str) -> Statement:
    mode = membership_mode(version)
    # As few functions and operators as possible: a fresh session has to look each of them up.
    # current_setting('hba_file') fails without pg_read_all_settings; CASE keeps it from running
    return Statement(f"""
        SELECT pg_backend_pid(),
               current_setting('server_version'),
               pg_is_in_recovery(),
               extract(epoch FROM pg_postmaster_start_time()),
               extract(epoch FROM pg_conf_load_time()),
               current_setting('ssl'),
               current_setting('ssl_ca_file'),
               inet_server_addr(),
               pg_has_role('pg_read_all_stats', '{mode}'),
               CASE WHEN pg_has_role('pg_read_all_settings', '{mode}')
                    THEN current_setting('hba_file') END,
               CASE WHEN pg_has_role('pg_read_all_settings', '{mode}')
                    THEN current_setting('ident_file') END,
               extract(epoch FROM now()),
               {identifier}
    """)  # noqa: S608  constants


def _switched_on(setting: bytes | None) -> bool:
    match setting:
        case b"on":
            return True
        case b"off":
            return False
        case _:
            raise MalformedError("neither on nor off")


def _identifier(value: bytes) -> str:
    return str(integer(value, -LARGEST_BIGINT - 1, LARGEST_BIGINT))


@dataclass(frozen=True, slots=True)
class _Row:
    """What the one row holds.

    Attributes:
        hba_file, ident_file: None without the rights of pg_read_all_settings.
        asked_at: now(), by the server's clock.
    """

    server: Server
    hba_file: str | None
    ident_file: str | None
    asked_at: datetime


def _interpret(rows: list[Row], context: Context) -> Read[_Row]:
    (row,) = rows
    (
        backend_pid,
        version,
        in_recovery,
        started,
        loaded,
        tls,
        authority,
        address,
        statistics,
        hba_file,
        ident_file,
        asked_at,
        identifier,
    ) = row
    if integer(backend_pid, 1) != context.backend_pid:
        # a pooler invents the process number it announces at login; its sessions are not fresh,
        # so that pg_conf_load_time() would be wrong in them
        return Unread(
            FailureReason.PROTOCOL,
            "a connection pooler answers instead of the server itself: point the target at the"
            " server's own address",
        )
    tls_enabled = _switched_on(tls)
    server = Server(
        version_number=context.version,
        version=text(version).partition(" ")[0],
        system_identifier=None if identifier is None else _identifier(identifier),
        in_recovery=boolean(in_recovery),
        started_at=timestamp(started),
        configuration_loaded_at=timestamp(loaded),
        tls_enabled=tls_enabled,
        requests_client_certificate=tls_enabled and text(authority) != "",
        address=None if address is None else inet(address),
        statistics_visible=boolean(statistics),
    )
    return _Row(server, text_or_none(hba_file), text_or_none(ident_file), timestamp(asked_at))


def _extend(context: Context, row: _Row) -> Context:
    return replace(
        context,
        statistics_visible=row.server.statistics_visible,
        hba_file=row.hba_file or context.hba_file,
        ident_file=row.ident_file or context.ident_file,
        asked_at=row.asked_at,
    )


SERVER = Reading(
    Reader.SERVER,
    lambda version: _statement(version, "(SELECT system_identifier FROM pg_control_system())"),
    _interpret,
    extend=_extend,
)
SERVER_WITHOUT_IDENTIFIER = replace(SERVER, statement=lambda version: _statement(version, "NULL"))
"""Without the privilege for pg_control_system(), only the system identifier is unknown."""


def _server(results: Results) -> Read[Server]:
    row = results.take(SERVER)
    return row if isinstance(row, Unread) else row.server


def _without_identifier(results: Results) -> Reading[_Row] | None:
    """Return the statement to send if the server refused the first one."""
    return SERVER_WITHOUT_IDENTIFIER if isinstance(results.rows(SERVER), Unread) else None


SPEC = ReaderSpec(
    Reader.SERVER,
    {"server": _server},
    first=lambda _context: SERVER,
    is_essential=True,
    restart=_without_identifier,
)
