"""What to do about pg_hba.conf itself: lines in error, content that is not loaded."""

from collections.abc import Sequence

from exporter.model.hba import ErrorLine
from exporter.model.judgement import HbaState
from exporter.model.remedy import ExporterCommand, Place, Step
from exporter.model.rule_text import literal
from exporter.model.wal_sender import TcpPeer, WalSender

RELOAD = "SELECT pg_reload_conf();"
INSTALL = Step(
    Place.SERVER,
    "Give the exporter its rights and functions: as a superuser, on the primary, in the database "
    "that the exporter connects to (it may be run again at any time)",
    (ExporterCommand.INSTALL,),
)
LOAD_ONCE = Step(
    Place.SERVER,
    "Or load the rules once while the exporter runs: it then sees the same content before and "
    "after the load",
    (RELOAD,),
)
_FILE_NAMES_SINCE = 160000
# a rule with a message is loaded, and matches nothing (ssl = off; a build without GSSAPI)
_ERRORS = "SELECT {} FROM pg_hba_file_rules WHERE type IS NULL;"
_MAP_ERRORS = "SELECT {} FROM {} WHERE error IS NOT NULL;"
_MAP_VIEW_SINCE = 150000


def check_and_load(server_version_number: int) -> Step:
    """Return the step that loads the rules, with the query that must find nothing before it."""
    return Step(
        Place.SERVER,
        "Make sure that no line is in error (the query must find none: a reload with an error "
        "keeps all old rules, and the next restart fails), then load the rules",
        (_ERRORS.format(_columns(server_version_number)), RELOAD),
    )


def check_and_load_maps(server_version_number: int) -> Step:
    """Return the step that loads pg_ident.conf, with the query that must find nothing before it."""
    return Step(
        Place.SERVER,
        "Make sure that no line of pg_ident.conf is in error (the query must find none: a reload "
        "with an error keeps all old maps), then load the maps",
        (_map_errors(server_version_number), RELOAD),
    )


def correct_maps(server_version_number: int) -> Step:
    """Return the step that corrects pg_ident.conf."""
    return Step(
        Place.SERVER,
        "Correct the lines of pg_ident.conf that are in error, which this query lists",
        (_map_errors(server_version_number),),
    )


def _map_errors(server_version_number: int) -> str:
    shown = (
        "pg_ident_file_mappings"
        if server_version_number >= _MAP_VIEW_SINCE
        else "replication_cert_exporter.ident_mappings()"
    )
    return _MAP_ERRORS.format(_columns(server_version_number), shown)


def _columns(server_version_number: int) -> str:
    named = server_version_number >= _FILE_NAMES_SINCE
    return "file_name, line_number, error" if named else "line_number, error"


CORRECT_LINES = Step(
    Place.SERVER,
    "Correct the lines of pg_hba.conf that are in error (explain lists them with what to write)",
    (ExporterCommand.EXPLAIN,),
)


_UNDER_PATRONI = Step(
    Place.SERVER,
    "Patroni writes pg_hba.conf on this server (its header says so): do not edit it by hand, as "
    "Patroni undoes that. Make the following corrections in the list of the key postgresql.pg_hba "
    "of Patroni's configuration (patronictl edit-config, unless the configuration file of a node "
    "sets the key, which then takes precedence); it must contain every line that is to stay",
)


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
        steps.insert(0, _UNDER_PATRONI)
    if state is HbaState.UNVERIFIED:
        return (*steps, INSTALL, LOAD_ONCE)
    return (*steps, check_and_load(server_version_number))


def _correct(
    error: ErrorLine, wal_senders: Sequence[WalSender], server_version_number: int
) -> Step:
    at = f"{error.location.file_name}, line {error.location.line_number}"
    for words, advice, lines in _ADVICE:
        if words in error.message:
            filled = _filled(lines, wal_senders, server_version_number)
            return Step(Place.SERVER, f"{at}: {advice}", filled)
    return Step(Place.SERVER, f"{at}: correct the line, of which the server says: {error.message}")


_CERTIFICATE_RULE = "hostssl {database} {role} {address} cert"
_ADVICE: tuple[tuple[str, str, str], ...] = (
    (
        "cert authentication is only supported on hostssl connections",
        "write hostssl in place of host (a certificate is shown over TLS only)",
        _CERTIFICATE_RULE,
    ),
    (
        "peer authentication is only supported on local sockets",
        "peer is for unix sockets: write local, without an address, or another method for TCP",
        "local all all peer",
    ),
    (
        'clientcert can only be configured for "hostssl" rows',
        "write hostssl in place of host (a certificate is shown over TLS only)",
        _CERTIFICATE_RULE,
    ),
    (
        'clientname can only be configured for "hostssl" rows',
        "write hostssl in place of host (a certificate is shown over TLS only)",
        _CERTIFICATE_RULE,
    ),
)


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
