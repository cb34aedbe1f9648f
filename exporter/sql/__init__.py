"""The SQL that is shipped: the exporter's login with the least it needs."""

from importlib.resources import files

_LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL (NAMEDATALEN - 1); longer ones would be cut."""

_NO_ROLES = frozenset({"public", "none"})
"""Words that PostgreSQL does not treat as names even when quoted (gram.y, RoleSpec)."""


def least_privilege_sql(role: str) -> str:
    """Return the script that makes or completes the exporter's role, for PostgreSQL 13 to 18.

    Args:
        role: its name as it is, without quotes.

    Raises:
        ValueError: PostgreSQL accepts no role of this name.
    """
    if not role or "\0" in role or role in _NO_ROLES or role.startswith("pg_"):
        raise ValueError(f"not a name for a role: {role!r}")
    if len(role.encode()) > _LONGEST_NAME:
        raise ValueError(f"longer than {_LONGEST_NAME} bytes: {role!r}")
    # E'' means the same whatever standard_conforming_strings is
    literal = "E'{}'".format(role.replace("\\", "\\\\").replace("'", "''"))
    script = files("exporter.sql").joinpath("least_privilege.sql").read_text("utf-8")
    return script.replace("@ROLE@", literal)
