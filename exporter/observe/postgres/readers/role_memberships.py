"""Memberships of the replicating roles, as ``+role`` in pg_hba.conf uses them.

In most clusters all memberships are read, which costs the server least, and followed here. Where
there are many, the server follows those of the replicating roles.

Source: acl.c, is_member_of_role_nosuper(): direct or indirect, whatever INHERIT and SET say,
superusers only if explicit members, the role itself included. pg_has_role() answers differently.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from exporter.model.failure import Read, Reader, Unread
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.readers.wal_senders import WAL_SENDERS, role_oids
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    text,
)

Memberships = Mapping[str, frozenset[str]]
"""Names of roles, by the name of a member."""

_Oid = bytes | None

Direct = Mapping[_Oid, Mapping[_Oid, str]]
"""OIDs and names of roles, by the OID of a member."""

_MOST_DIRECT = 200

_DIRECT_SQL = f"""
    SELECT member, roleid, pg_get_userbyid(roleid)
      FROM pg_auth_members LIMIT {_MOST_DIRECT + 1}
"""  # noqa: S608  the limit is a constant

# roles that may replicate are read too: a walsender that only one of the two statements saw, this
# one or that of the walsenders, has such a role. Sessions come from a function, not a view: see
# wal_senders.py
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
    SELECT start, oid, pg_get_userbyid(oid) FROM member LIMIT {MAXIMUM_ROWS + 1}
"""  # noqa: S608  the limit is a constant


def _grouped(rows: list[Row]) -> Direct:
    memberships: dict[_Oid, dict[_Oid, str]] = defaultdict(dict)
    for member, role, name in rows:
        memberships[member][role] = text(name)
    return memberships


def _interpret_direct(rows: list[Row], _context: Context) -> Read[Direct | None]:
    return None if len(rows) > _MOST_DIRECT else _grouped(rows)


def _interpret_followed(rows: list[Row], _context: Context) -> Read[Direct]:
    return _grouped(rows)


DIRECT_MEMBERSHIPS = Reading(
    Reader.ROLE_MEMBERSHIPS, lambda _version: Statement(_DIRECT_SQL), _interpret_direct
)
"""The direct memberships of every role; None if there are too many."""

FOLLOWED_MEMBERSHIPS = Reading(
    Reader.ROLE_MEMBERSHIPS,
    lambda _version: Statement(_FOLLOWED_SQL),
    _interpret_followed,
    name="memberships of replicating roles",
)
"""All memberships of every replicating role, direct or indirect, itself included."""


def follow(direct: Direct, oids: Mapping[str, _Oid]) -> Memberships:
    """Return what roles are members of, directly or not, themselves included.

    Args:
        direct: the direct memberships of every role.
        oids: OIDs of the roles whose memberships are wanted, by name.
    """
    followed = {}
    for name, oid in oids.items():
        found = {oid: name}
        pending = [oid]
        while pending:
            more = {r: n for r, n in direct.get(pending.pop(), {}).items() if r not in found}
            found |= more
            pending += more
        followed[name] = frozenset(found.values())
    return followed


def of_followed(followed: Direct, oids: Mapping[str, _Oid]) -> Memberships:
    """Return the memberships that the server followed; none of a role that it did not return."""
    return {n: frozenset(followed[oid].values()) for n, oid in oids.items() if oid in followed}


def _second(results: Results) -> Iterable[Reading[Direct]]:
    return (FOLLOWED_MEMBERSHIPS,) if results.take(DIRECT_MEMBERSHIPS) is None else ()


def _oids(results: Results) -> Mapping[str, _Oid]:
    rows = results.rows(WAL_SENDERS)
    wal_senders = results.take(WAL_SENDERS)
    return {} if isinstance(rows, Unread) or isinstance(wal_senders, Unread) else role_oids(rows)


def _memberships(results: Results) -> Read[Memberships]:
    direct = results.take(DIRECT_MEMBERSHIPS)
    if isinstance(direct, Unread):
        return direct
    if direct is not None:
        return follow(direct, _oids(results))
    followed = results.take(FOLLOWED_MEMBERSHIPS)
    return followed if isinstance(followed, Unread) else of_followed(followed, _oids(results))


SPEC = ReaderSpec(
    Reader.ROLE_MEMBERSHIPS,
    {"role_memberships": _memberships},
    first=lambda _context: DIRECT_MEMBERSHIPS,
    needs=frozenset({Reader.FILE_TIMES, Reader.WAL_SENDERS}),
    second=_second,
)
