"""Which roles a replicating role is a member of, as ``+role`` in pg_hba.conf asks it.

Source: acl.c, is_member_of_role_nosuper(): direct or indirect, whatever INHERIT and SET say,
superusers only if explicit members, the role itself included. pg_has_role() answers differently.
"""

from collections import defaultdict
from collections.abc import Mapping

from exporter.model.failure import Read, Reader
from exporter.observe.postgres.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    text,
)

# roles that may replicate are read too: a walsender that this statement does not see yet but
# that of the walsenders did, or the other way round, has such a role. A function and no view for
# the sessions: see wal_senders.py
_SQL = f"""
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


def _statement(_version: int) -> Statement:
    return Statement(_SQL)


def _interpret(rows: list[Row], _context: Context) -> Read[Mapping[str, frozenset[str]]]:
    memberships: dict[str, set[str]] = defaultdict(set)
    for role, member_of in rows:
        memberships[text(role)].add(text(member_of))
    return {role: frozenset(names) for role, names in memberships.items()}


ROLE_MEMBERSHIPS = Reading(Reader.ROLE_MEMBERSHIPS, _statement, _interpret)
