"""Roles, databases and certificates of the differential tests: names that are easily confused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from lab.pki import Authority, Issued
from lab.server import PostgresServer

PASSWORD = "for the differential tests only"
OBSERVER = "observer"


@dataclass(frozen=True, slots=True)
class Role:
    """A role that may replicate.

    Attributes:
        attributes: besides LOGIN and REPLICATION.
        member_of: roles it is granted, and how.
    """

    name: str
    attributes: LiteralString = ""
    member_of: tuple[tuple[str, LiteralString], ...] = ()


_NOTHING_INHERITED = "WITH INHERIT FALSE, SET FALSE"

GROUPS = (
    Role("outer"),
    Role("nested", member_of=(("outer", ""),)),
    Role("grp", member_of=(("nested", _NOTHING_INHERITED),)),
    Role("Group B"),
)
"""Roles without login, each after those it is a member of."""

ROLES = (
    Role("repl", member_of=(("grp", ""),)),
    Role("repl2", member_of=(("outer", ""),)),
    Role("app", member_of=(("Group B", ""),)),
    Role("boss", "SUPERUSER"),
    Role("chief", "SUPERUSER", (("grp", ""),)),
    Role("noinherit", "NOINHERIT", (("grp", _NOTHING_INHERITED),)),
    Role("deputy", member_of=(("repl", "WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"),)),
    Role("Repl"),
    Role("replication"),
    Role("all", member_of=(("nested", ""),)),
    Role("+grp"),
    Role("/^re"),
    Role("a b,c#"),
    Role('quo"te'),
    Role("zürich", member_of=(("Group B", ""),)),
)

DATABASES = (
    "postgres",
    "app",
    "repl",
    "Repl",
    "grp",
    "outer",
    "replication",
    "all",
    "sameuser",
    "+grp",
    "/^re",
    "a b,c#",
    "zürich",
)

ROLE_NAMES = tuple(role.name for role in ROLES)
GROUP_NAMES = tuple(role.name for role in GROUPS)


def populate(
    server: PostgresServer,
    groups: Sequence[Role],
    roles: Sequence[Role],
    databases: Iterable[str],
) -> None:
    """Make groups, roles that may replicate, and databases."""
    statements: list[sql.SQL | sql.Composed] = [
        sql.SQL("SET password_encryption = 'scram-sha-256'; SET scram_iterations = 1"),
        *(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role.name)) for role in groups),
        *(
            sql.SQL("CREATE ROLE {} LOGIN REPLICATION {} PASSWORD {}").format(
                sql.Identifier(role.name), sql.SQL(role.attributes), sql.Literal(PASSWORD)
            )
            for role in roles
        ),
        *(
            sql.SQL("GRANT {} TO {} {}").format(
                sql.Identifier(group), sql.Identifier(role.name), sql.SQL(how)
            )
            for role in (*groups, *roles)
            for group, how in role.member_of
        ),
    ]
    with server.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        for database in databases:
            if database != "postgres":
                connection.execute(
                    sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(
                        sql.Identifier(database)
                    )
                )


def client_certificates(authority: Authority, names: Iterable[str]) -> Mapping[str, Issued]:
    """Issue one certificate for each CN."""
    return {name: authority.issue(common_name=name) for name in names}
