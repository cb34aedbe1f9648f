"""Lines of a step to copy: SQL, shell commands, connection strings and diffs of files."""

import re
from collections.abc import Iterable
from shlex import quote

from exporter.model.client_steps import Reconnect, TryConnection
from exporter.model.policy import TlsVersion
from exporter.model.remedy import Edit, FileEdit, ParameterEdit, SettingPlace

RELOAD = "SELECT pg_reload_conf();"
OPENSSL_NAME = "openssl x509 -in client.crt -noout -subject -nameopt RFC2253"
OPENSSL_DATES = "openssl x509 -in client.crt -noout -subject -serial -enddate"
_FILE_NAMES_SINCE = 160000
_MAP_VIEW_SINCE = 150000
_PLAIN_SETTING = re.compile(r"[a-z]+")


def rule_errors(server_version_number: int) -> str:
    """Return the query of the lines of pg_hba.conf in error.

    A rule with a message is loaded, and matches nothing (ssl = off; a build without GSSAPI).
    """
    return f"SELECT {_columns(server_version_number)} FROM pg_hba_file_rules WHERE type IS NULL;"  # noqa: S608  constants


def map_errors(server_version_number: int) -> str:
    """Return the query of the lines of pg_ident.conf in error."""
    shown = (
        "pg_ident_file_mappings"
        if server_version_number >= _MAP_VIEW_SINCE
        else "replication_cert_exporter.ident_mappings()"
    )
    return f"SELECT {_columns(server_version_number)} FROM {shown} WHERE error IS NOT NULL;"  # noqa: S608  constants


def _columns(server_version_number: int) -> str:
    named = server_version_number >= _FILE_NAMES_SINCE
    return "file_name, line_number, error" if named else "line_number, error"


def older_tls(version: TlsVersion) -> str:
    """Return the query of the connections that use a version older than ``version``."""
    return (
        "SELECT usename, application_name, client_addr, version FROM pg_stat_ssl "  # noqa: S608  an enum
        f"JOIN pg_stat_activity USING (pid) WHERE ssl AND version < '{version.value}';"
    )


def terminate(which: Reconnect) -> str:
    """Return the statement that ends the connections of a client."""
    terms = (
        f"usename = {_sql(which.role)}",
        f"application_name = {_sql(which.application_name)}",
        # that of a unix socket is null
        "client_addr IS NULL" if which.address is None else f"client_addr = '{which.address}'",
    )
    return (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication "  # noqa: S608  literals are escaped
        f"WHERE {' AND '.join(terms)};"
    )


def _sql(text: str) -> str:
    """Return ``text`` as a literal of SQL, whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    if "\\" not in doubled:
        return f"'{doubled}'"
    escaped = doubled.replace("\\", "\\\\")
    return f"E'{escaped}'"


def trial(tried: TryConnection) -> str:
    """Return the command that logs in with the parameters that the client is to have."""
    parameters = connection_string(tried.parameters)
    if tried.database is None:
        mode = "replication=true"
    else:
        mode = f"dbname={_parameter(tried.database)} replication=database"
    return f"psql {quote(f'host=HOST port=PORT {parameters} {mode}')} -c IDENTIFY_SYSTEM"


def connection_string(parameters: Iterable[tuple[str, str]]) -> str:
    """Return parameters as one line (libpq, "Keyword/Value Strings")."""
    return " ".join(f"{name}={_parameter(value)}" for name, value in parameters)


def _parameter(value: str) -> str:
    if re.search(r"[\s'\\]|^$", value):
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    return value


def edit_lines(edit: Edit | None) -> tuple[str, ...]:
    """Return an edit of a file as a diff, and one of parameters as they are to be written."""
    match edit:
        case None:
            return ()
        case FileEdit():
            old = () if edit.old is None else (f"- {edit.old}",)
            below = () if edit.below is None else (f"  {edit.below}",)
            return (*old, *(f"+ {line}" for line in edit.new), *below)
        case ParameterEdit(SettingPlace.POSTGRESQL_CONF):
            return (*(f"{name} = {_setting(value)}" for name, value in edit.parameters), RELOAD)
        case ParameterEdit(SettingPlace.PRIMARY_CONNINFO):
            return (connection_string(edit.parameters), RELOAD)
        case ParameterEdit():
            return (connection_string(edit.parameters),)


def _setting(value: str) -> str:
    return value if _PLAIN_SETTING.fullmatch(value) else f"'{value}'"
