"""The WAL receiver of a standby, and the certificate that it sends to its primary.

Sources: manual, "pg_stat_wal_receiver", "Database Connection Control Functions";
walreceiver.c, pg_stat_get_wal_receiver(); fe-secure-openssl.c, initialize_SSL().
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, NotAsked, Read, Reader, Unread
from exporter.model.hba import FileTimes, ServerFile
from exporter.model.tls_files import Receiver
from exporter.observe.postgres.readers.file_times import (
    functions_exist,
    times_of,
    why_unread,
)
from exporter.observe.postgres.readers.shown_conninfo import shown_values
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.readers.tls_files import (
    bounded,
    of_this_release,
    parse_bounded,
    problem_of,
    read_of,
)
from exporter.observe.postgres.session.statement import (
    HIGHEST_PORT,
    Context,
    Reading,
    Row,
    Statement,
    integer,
    text,
    text_or_none,
    word,
)

_LONGEST_CONNINFO = 1023
"""Bytes that the server keeps of it (walreceiver.h, MAXCONNINFO)."""

_SETTINGS = frozenset({ServerFile.RECEIVER_CERTIFICATE})

_CUT = Unread(
    FailureReason.LIMIT_EXCEEDED,
    f"the server shows {_LONGEST_CONNINFO} bytes of the WAL receiver's conninfo, and it is longer",
)

_DEFAULT_FILE = Unread(
    FailureReason.PERMISSION,
    "primary_conninfo names no sslcert, so that the standby shows .postgresql/postgresql.crt of"
    " its operating system's user, if there is one, which is out of sight; write sslcert= there",
)


def _statement(_version: int) -> Statement:
    # the function and not the view, which costs a fresh session more; without a receiver it
    # gives one row of NULLs
    return Statement("""
        SELECT status, slot_name, sender_host, sender_port, conninfo
          FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL
    """)


def _interpret(rows: list[Row], _context: Context) -> Read[Receiver | None]:
    if not rows:
        return None
    ((status, slot_name, sender_host, sender_port, raw),) = rows
    if status is None:
        return Unread(
            FailureReason.PERMISSION,
            "the role may not see how the WAL receiver is connected;"
            " GRANT pg_read_all_stats to it WITH INHERIT",
        )
    conninfo = raw or b""
    values = shown_values(text(conninfo))
    # printed after what is used here, always
    cut = len(conninfo) >= _LONGEST_CONNINFO and "gssencmode" not in values
    if not values:
        return _CUT if cut else Unread(FailureReason.PROTOCOL, "conninfo cannot be taken apart")
    return Receiver(
        status=word(status),
        role=values.get("user", ""),
        application_name=values.get("application_name")
        or values.get("fallback_application_name", ""),
        sender_host=text_or_none(sender_host) or "",
        sender_port=None if sender_port is None else integer(sender_port, 1, HIGHEST_PORT),
        slot_name=text_or_none(slot_name) or "",
        sslmode=values["sslmode"],
        certificate=_certificate(values, cut=cut),
    )


def _certificate(values: dict[str, str], *, cut: bool) -> Read[CertificateFile]:
    if values["sslmode"] == "disable" or values.get("sslcertmode") == "disable":
        return CertificateFile("")
    if cut:
        return _CUT
    return NotAsked() if "sslcert" in values else _DEFAULT_FILE


def _file_statement(_version: int) -> Statement:
    return Statement("""
        SELECT path, problem, pem FROM replication_cert_exporter.receiver_certificate()
    """)


FileRead: TypeAlias = tuple[Read[CertificateFile], tuple[FileTimes, ...]]
"""The content of the file, and the times under which it was read."""


def _interpret_file(rows: list[Row], context: Context) -> Read[FileRead]:
    if not rows:
        return Unread(FailureReason.FILE_MISSING, "the server shows no sslcert (any more)")
    ((path, problem, pem),) = bounded(rows)
    unread = problem_of(problem, f"sslcert ({text(path)})")
    file = parse_bounded(pem or b"", text(path)) if unread is None else unread
    return file, read_of(times_of(_SETTINGS, context.file_times), (problem,), context)


def known(receiver: Receiver, context: Context) -> Receiver | None:
    """Return ``receiver`` with its certificate if no file has to be read for it.

    Args:
        receiver: as RECEIVER read it.
        context: of the poll.
    """
    if not isinstance(receiver.certificate, NotAsked):
        return receiver
    kept = context.kept.receiver
    if (
        kept is not None
        and kept.read_of
        and kept.read_of == times_of(_SETTINGS, context.file_times)
    ):
        return replace(receiver, certificate=kept.certificate, read_of=kept.read_of)
    return None


def with_file(receiver: Receiver, read: Read[FileRead]) -> Receiver:
    """Add what RECEIVER_CERTIFICATE read."""
    if isinstance(read, Unread):
        return replace(receiver, certificate=read)
    certificate, times = read
    return replace(receiver, certificate=certificate, read_of=times)


RECEIVER = Reading(Reader.RECEIVER, _statement, _interpret)
RECEIVER_CERTIFICATE = Reading(
    Reader.RECEIVER,
    _file_statement,
    _interpret_file,
    name="receiver's certificate",
    reads_files=True,
    is_large=True,
)


def _first(context: Context) -> Reading[Receiver | None] | None:
    return RECEIVER if context.may_receive else None


def _running(results: Results) -> Read[Receiver | None]:
    """Return the WAL receiver without the content of its file."""
    return results.take(RECEIVER) if results.context.may_receive else None


def _second(results: Results) -> Iterable[Reading[FileRead]]:
    found = _running(results)
    if not isinstance(found, Receiver) or not functions_exist(results):
        return ()
    return (RECEIVER_CERTIFICATE,) if known(found, results.context) is None else ()


def _receiver(results: Results) -> Read[Receiver | None]:
    found = _running(results)
    if not isinstance(found, Receiver):
        return found
    kept = known(found, results.context)
    if kept is not None:
        return kept
    if not results.has(RECEIVER_CERTIFICATE):
        return with_file(found, why_unread(results))
    return with_file(found, of_this_release(results.take(RECEIVER_CERTIFICATE)))


SPEC = ReaderSpec(
    Reader.RECEIVER,
    {"receiver": _receiver},
    first=_first,
    needs=frozenset({Reader.FILE_TIMES}),
    second=_second,
)
