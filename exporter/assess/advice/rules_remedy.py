"""Returns the steps for pg_hba.conf itself: lines in error, content that is not loaded."""

from collections.abc import Sequence

from exporter.model.hba import ErrorLine
from exporter.model.judgement import HbaState
from exporter.model.remedy import Place, Step
from exporter.model.rule_text import literal
from exporter.model.server_steps import (
    CorrectInPatroni,
    CorrectLine,
    InstallFunctions,
    LoadOnce,
    LoadRules,
    Mistake,
)
from exporter.model.wal_sender import TcpPeer, WalSender

INSTALL = Step(Place.SERVER, InstallFunctions())
LOAD_ONCE = Step(Place.SERVER, LoadOnce())
_HOSTSSL = "hostssl {database} {role} {address} cert"
_MISTAKES = (
    (
        "cert authentication is only supported on hostssl connections",
        Mistake.NEEDS_HOSTSSL,
        _HOSTSSL,
    ),
    (
        "peer authentication is only supported on local sockets",
        Mistake.PEER_OVER_TCP,
        "local all all peer",
    ),
    (
        'clientcert can only be configured for "hostssl" rows',
        Mistake.NEEDS_HOSTSSL,
        _HOSTSSL,
    ),
    (
        'clientname can only be configured for "hostssl" rows',
        Mistake.NEEDS_HOSTSSL,
        _HOSTSSL,
    ),
)
"""Words of the server's message, what they mean, and the rule to write instead."""


def rules_remedy(
    state: HbaState,
    errors: Sequence[ErrorLine],
    wal_senders: Sequence[WalSender],
    server_version_number: int,
    *,
    is_under_patroni: bool,
) -> tuple[Step, ...]:
    """Return the steps that get the rules on disk into force; empty when they are.

    Args:
        state: of pg_hba.conf.
        errors: its lines in error.
        wal_senders: who replicates now: their roles and addresses make the lines to write exact
            (the server's view shows nothing of a line in error but its number).
        server_version_number: ``server_version_num``.
        is_under_patroni: pg_hba.conf bears the header of files that Patroni writes.
    """
    if state is HbaState.LOADED:
        return ()
    if state is HbaState.UNREADABLE:
        return (INSTALL,)
    steps = [_correct(e, wal_senders, server_version_number) for e in errors if e.blocks_loading]
    if is_under_patroni and steps:
        steps.insert(0, Step(Place.SERVER, CorrectInPatroni()))
    if state is HbaState.UNVERIFIED:
        return (*steps, INSTALL, LOAD_ONCE)
    return (*steps, Step(Place.SERVER, LoadRules(server_version_number)))


def _correct(
    error: ErrorLine, wal_senders: Sequence[WalSender], server_version_number: int
) -> Step:
    for words, mistake, rule in _MISTAKES:
        if words in error.message:
            rules = _filled(rule, wal_senders, server_version_number)
            return Step(Place.SERVER, CorrectLine(error.location, error.message, mistake, rules))
    return Step(Place.SERVER, CorrectLine(error.location, error.message))


def _filled(
    line: str, wal_senders: Sequence[WalSender], server_version_number: int
) -> tuple[str, ...]:
    """Return ``line`` for each role and address that replicates now, else with placeholders."""
    if "{" not in line:
        return (line,)
    filled = {
        line.format(
            database="replication"
            if w.database is None
            else literal(w.database, server_version_number),
            role=literal(w.role, server_version_number),
            address=f"{w.peer.address}/{w.peer.address.max_prefixlen}",
        ): None
        for w in wal_senders
        if isinstance(w.peer, TcpPeer)
    }
    return tuple(filled) or (line.format(database="replication", role="ROLE", address="ADDRESS"),)
