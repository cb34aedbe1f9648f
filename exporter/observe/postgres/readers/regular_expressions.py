"""The server's own answer to the regular expressions of pg_hba.conf and pg_ident.conf (16 on).

Source: hba.c, regcomp_auth_token() and regexec_auth_token(): a field that starts with ``/`` is an
advanced regular expression, searched unanchored, in the C collation. Python's differ. A role of
pg_ident.conf is matched with such a field by the same function (check_ident_usermap()).

At login the server has no database yet and treats each byte as a character, so that ``.`` matches
half an ``é`` (mbutils.c: DatabaseEncoding is SQL_ASCII until a database is known). In a UTF-8
database the same result is obtained by reading the bytes as LATIN1, where every byte is a
character.
"""

from collections.abc import Iterable
from dataclasses import replace

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.hba import HbaContent, IdentContent
from exporter.model.observation import RegularExpressionResult
from exporter.model.wal_sender import WalSender
from exporter.observe.postgres.readers.hba_rules import HBA_RULES
from exporter.observe.postgres.readers.ident_mappings import IDENT_MAPPINGS
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.readers.wal_senders import WAL_SENDERS
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    boolean,
    text,
)
from exporter.observe.postgres.session.text_array import literal

EXPRESSIONS_EXIST = 160000
"""Before 16, ``/x`` is a name."""

Questions = frozenset[tuple[str, str]]
"""Pairs of a token with its leading ``/`` and a name."""


def questions(
    hba: Read[HbaContent],
    ident: Read[IdentContent],
    wal_senders: Read[tuple[WalSender, ...]],
) -> Read[Questions]:
    """Return the pairs to match: each walsender's role and database with every ``/`` token.

    From pg_ident.conf, the roles (``pg_username``) in the maps that a rule uses; nothing if it
    could not be read.
    """
    if isinstance(hba, Unread):
        return Unread(hba.reason, "the rules were not read")
    if isinstance(wal_senders, Unread):
        return Unread(wal_senders.reason, "the walsenders were not read")
    roles = {sender.role for sender in wal_senders}
    databases = {sender.database for sender in wal_senders if sender.database is not None}
    role_tokens = {t for rule in hba.rules for t in rule.roles if t.startswith("/")}
    if not isinstance(ident, Unread):
        maps = {rule.option("map") for rule in hba.rules}
        given = {m.database_role for m in ident.mappings if m.map_name in maps}
        role_tokens |= {role for role in given if role.startswith("/")}
    database_tokens = {t for rule in hba.rules for t in rule.databases if t.startswith("/")}
    count = len(roles) * len(role_tokens) + len(databases) * len(database_tokens)
    if count > MAXIMUM_ROWS:
        return Unread(FailureReason.LIMIT_EXCEEDED, f"{count} pairs of regular expression and name")
    return frozenset(
        {(token, role) for token in role_tokens for role in roles}
        | {(token, database) for token in database_tokens for database in databases}
    )


def statement(asked: Questions) -> Statement:
    """Return the statement that answers the questions."""
    pairs = sorted(asked)
    return Statement(
        """
        SELECT token, name,
               CASE WHEN getdatabaseencoding() = 'UTF8'
                    THEN convert_from(convert_to(name, 'UTF8'), 'LATIN1')
                         ~ (substr(convert_from(convert_to(token, 'UTF8'), 'LATIN1'), 2)
                            COLLATE "C")
                    ELSE name ~ (substr(token, 2) COLLATE "C") END
          FROM unnest($1::text[], $2::text[]) AS asked(token, name)
        """,
        (
            literal(tuple(token.encode() for token, _ in pairs)),
            literal(tuple(name.encode() for _, name in pairs)),
        ),
    )


def _interpret(rows: list[Row], _context: Context) -> Read[tuple[RegularExpressionResult, ...]]:
    return tuple(
        RegularExpressionResult(text(token), text(name), boolean(matches))
        for token, name, matches in rows
    )


REGULAR_EXPRESSIONS = Reading(
    Reader.REGULAR_EXPRESSIONS, lambda _version: statement(frozenset()), _interpret
)


def _asked(results: Results) -> Read[Questions]:
    if results.context.version < EXPRESSIONS_EXIST:
        return frozenset()
    return results.compute(
        questions,
        results.take(HBA_RULES),
        results.take(IDENT_MAPPINGS),
        results.take(WAL_SENDERS),
    )


def _second(results: Results) -> Iterable[Reading[tuple[RegularExpressionResult, ...]]]:
    asked = _asked(results)
    if isinstance(asked, Unread) or not asked:
        return ()
    return (replace(REGULAR_EXPRESSIONS, statement=lambda _version: statement(asked)),)


def _results(results: Results) -> Read[tuple[RegularExpressionResult, ...]]:
    asked = _asked(results)
    if isinstance(asked, Unread):
        return asked
    return results.take(REGULAR_EXPRESSIONS) if asked else ()


SPEC = ReaderSpec(
    Reader.REGULAR_EXPRESSIONS,
    {"regular_expressions": _results},
    needs=frozenset({Reader.HBA_RULES, Reader.IDENT_MAPPINGS, Reader.WAL_SENDERS}),
    second=_second,
)
