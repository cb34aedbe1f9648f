"""Walsenders: the rows of pg_stat_replication, with TLS, GSSAPI and slot of each session.

Sources: manual, "The Cumulative Statistics System"; backend_status.h (64-byte buffers);
walsender.c, WalSndGetStateString().
"""

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.wal_sender import (
    Activity,
    OtherPeer,
    Peer,
    PeerCertificate,
    ReplicationKind,
    SlashName,
    TcpPeer,
    TlsSession,
    WalSender,
)
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    HIGHEST_PORT,
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    binary,
    boolean,
    inet,
    integer,
    remembered,
    text,
    text_or_none,
    timestamp,
    word,
)

_SHORTEST_CUT = 60
"""The server's buffer holds 63 bytes; a cut inside a four-byte character leaves 60 whole ones."""

_LARGEST_SERIAL = 10**63
"""The server's buffer holds 63 digits; a certificate may have more, against RFC 5280."""

_ROLE = 2
"""Its column."""

_UNIX_SOCKET_PORT = -1
"""client_port of a session over a unix socket (backend_status.c)."""

# The functions behind pg_stat_replication, pg_stat_activity, pg_stat_ssl, pg_stat_gssapi and
# pg_replication_slots; the names of their columns are the same from 13 to 18. The views would cost
# three times as much: a fresh session has no catalog cached to open and join them, and four of them
# call the same function once more.
# - client_addr and the rest is NULL in rows that our role may not see
# - textsend(): a DN that was cut inside a character is not valid text
# - a role that was dropped meanwhile keeps its number
# - a session that ended between the two functions is left out
_SQL = f"""
    SELECT w.pid, extract(epoch FROM a.backend_start), pg_get_userbyid(a.usesysid),
           a.application_name, a.client_addr, a.client_port, w.state, w.sync_state,
           (SELECT datname FROM pg_database WHERE oid = a.datid), l.slot_name,
           a.ssl, a.sslversion, a.sslcipher, a.sslbits,
           textsend(a.ssl_client_dn), textsend(a.ssl_issuer_dn),
           a.ssl_client_serial, a.gss_enc, a.usesysid
      FROM pg_stat_get_wal_senders() w
     CROSS JOIN LATERAL pg_stat_get_activity(w.pid) a
      LEFT JOIN pg_get_replication_slots() l ON l.active_pid = w.pid AND NOT l.temporary
     LIMIT {MAXIMUM_ROWS + 1}
"""  # noqa: S608  the limit is a constant


def _statement(_version: int) -> Statement:
    return Statement(_SQL)


def _name(value: bytes | None) -> SlashName | None:
    if value is None:
        return None
    raw = binary(value)
    return SlashName(raw.decode("utf-8", "backslashreplace"), len(raw) >= _SHORTEST_CUT)


def _peer(address: bytes | None, port: bytes | None) -> Peer:
    if port is None:
        return OtherPeer.HIDDEN
    number = integer(port, _UNIX_SOCKET_PORT, HIGHEST_PORT)
    if number == _UNIX_SOCKET_PORT:
        return OtherPeer.UNIX_SOCKET
    return TcpPeer(inet(address), number)


def _activity(state: str) -> Activity:
    match state:
        case "backup":
            return Activity.BACKUP
        case "startup":
            return Activity.IDLE
        case _:
            return Activity.STREAMING


@remembered
def _wal_sender(row: Row) -> WalSender:
    (
        pid,
        backend_start,
        role,
        application_name,
        address,
        port,
        state,
        sync_state,
        database,
        slot,
        tls,
        tls_version,
        cipher,
        bits,
        subject,
        issuer,
        serial,
        gss_encrypted,
        _,
    ) = row
    certificate = (
        None
        if serial is None
        else PeerCertificate(
            _name(subject), _name(issuer), integer(serial, -_LARGEST_SERIAL, _LARGEST_SERIAL)
        )
    )
    session = (
        TlsSession(text(tls_version), text(cipher), integer(bits, 0), certificate)
        if boolean(tls)
        else None
    )
    return WalSender(
        pid=integer(pid, 1),
        backend_start=timestamp(backend_start),
        role=text(role),
        application_name=text_or_none(application_name) or "",
        peer=_peer(address, port),
        kind=ReplicationKind.PHYSICAL if database is None else ReplicationKind.LOGICAL,
        database=text_or_none(database),
        tls=session,
        gss_encrypted=boolean(gss_encrypted),
        state=word(state),
        activity=_activity(text(state)),
        slot_name=text_or_none(slot) or "",
        sync_state="" if sync_state is None else word(sync_state),
    )


def _interpret(rows: list[Row], context: Context) -> Read[tuple[WalSender, ...]]:
    if not context.statistics_visible:
        # also without any walsender: these rights are needed as soon as there is one
        return Unread(
            FailureReason.PERMISSION,
            f"walsenders: {len(rows)}, but the role may not see how they are connected;"
            " GRANT pg_read_all_stats to it WITH INHERIT",
        )
    return tuple(_wal_sender(row) for row in rows)


def role_oids(rows: list[Row]) -> dict[str, bytes | None]:
    """Return the OIDs of the walsenders' roles by name: a role may be renamed at any time."""
    return {text(row[_ROLE]): row[-1] for row in rows}


WAL_SENDERS = Reading(Reader.WAL_SENDERS, _statement, _interpret)


def _wal_senders(results: Results) -> Read[tuple[WalSender, ...]]:
    return results.take(WAL_SENDERS)


SPEC = ReaderSpec(
    Reader.WAL_SENDERS,
    {"wal_senders": _wal_senders},
    first=lambda _context: WAL_SENDERS,
    needs=frozenset({Reader.FILE_TIMES}),
)
