"""Which roles a replicating role is a member of, as ``+role`` in pg_hba.conf asks it.

Of most clusters all memberships are read, which costs the server least, and followed here. Where
there are many, the server follows those of the replicating roles.

Source: acl.c, is_member_of_role_nosuper(): direct or indirect, whatever INHERIT and SET say,
superusers only if explicit members, the role itself included. pg_has_role() answers differently.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from exporter.model.failure import Read, Reader
from exporter.observe.postgres.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    text,
)

Memberships = Mapping[str, frozenset[str]]

_MOST_DIRECT = 200

_DIRECT_SQL = f"""
    SELECT pg_get_userbyid(member), pg_get_userbyid(roleid)
      FROM pg_auth_members LIMIT {_MOST_DIRECT + 1}
"""  # noqa: S608  the limit is a constant

# roles that may replicate are read too: a walsender that this statement does not see yet but
# that of the walsenders did, or the other way round, has such a role. A function and no view for
# the sessions: see wal_senders.py
_FOLLOWED_SQL = f"""
    WITH RECURSIVE member(start, oid) AS (
        SELECT oid, oid
          FROM (SELECT usesysid FROM pg_stat_get_activity(NULL)
                 WHERE backend_type = 'walsender' AND usesysid IS NOT NULL
                UNION ALL
                SELECT oid FROM pg_roles WHERE rolcanlogin AND (rolreplication OR rolsuper)
               ) AS replicating(oid)
        UNION
        SELECT member.start, granted.roleid
          FROM member, pg_auth_members granted WHERE granted.member = member.oid
    )
    SELECT pg_get_userbyid(start), pg_get_userbyid(oid) FROM member LIMIT {MAXIMUM_ROWS + 1}
"""  # noqa: S608  the limit is a constant


def _grouped(rows: list[Row]) -> Memberships:
    memberships: dict[str, set[str]] = defaultdict(set)
    for role, member_of in rows:
        memberships[text(role)].add(text(member_of))
    return {role: frozenset(names) for role, names in memberships.items()}


def _interpret_direct(rows: list[Row], _context: Context) -> Read[Memberships | None]:
    return None if len(rows) > _MOST_DIRECT else _grouped(rows)


def _interpret_followed(rows: list[Row], _context: Context) -> Read[Memberships]:
    return _grouped(rows)


DIRECT_MEMBERSHIPS = Reading(
    Reader.ROLE_MEMBERSHIPS, lambda _version: Statement(_DIRECT_SQL), _interpret_direct
)
"""Of every role what it is directly a member of; None where there are too many."""

FOLLOWED_MEMBERSHIPS = Reading(
    Reader.ROLE_MEMBERSHIPS, lambda _version: Statement(_FOLLOWED_SQL), _interpret_followed
)
"""Of every replicating role what it is a member of, directly or not, itself included."""


def follow(direct: Memberships, roles: Collection[str]) -> Memberships:
    """Return what ``roles`` are members of, directly or not, themselves included.

    Args:
        direct: of every role, what it is directly a member of.
        roles: whose memberships are wanted.
    """
    followed = {}
    for role in roles:
        found = {role}
        pending = [role]
        while pending:
            more = direct.get(pending.pop(), frozenset()) - found
            found |= more
            pending += more
        followed[role] = frozenset(found)
    return followed
