"""The server's certificate, authorities and revocation lists as they are on its disk.

Read by the shipped function public_certificates(), which is called only if the times of the files
differ from those of the previous reading.

Sources: manual, "Connections and Authentication" (ssl_*); be-secure-openssl.c, be_tls_init().
"""

from collections.abc import Iterable
from typing import TypeVar

from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.hba import FileTimes, ServerFile
from exporter.model.tls_files import TlsFiles
from exporter.observe.certificates.parse.parsing import MOST_TO_VERIFY, are_too_many, parse
from exporter.observe.detail import one_line
from exporter.observe.postgres.readers.file_times import (
    functions_exist,
    lasting,
    times_of,
    why_unread,
)
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import (
    MAXIMUM_ROWS,
    Context,
    Reading,
    Row,
    Statement,
    text,
)

T = TypeVar("T")

_RUN_AGAIN = (
    "the functions in this database are those of an older release; run the output of"
    " `pg-replication-cert-exporter sql` again"
)

_SETTINGS = frozenset(
    {
        ServerFile.CERTIFICATE,
        ServerFile.AUTHORITY,
        ServerFile.CRL,
        ServerFile.CRL_DIRECTORY,
    }
)

_MAXIMUM_BYTES = 5 * 1024 * 1024
"""The shipped functions read 4 MiB of files."""

_MOST_LISTS = 1500
"""The shipped functions read 1000 files of ``ssl_crl_dir``; ``ssl_crl_file`` may hold others."""

_PROBLEMS = {
    "missing": (FailureReason.FILE_MISSING, "there is no such file"),
    "unreadable": (FailureReason.FILE_MISSING, "the server cannot read it"),
    "directory": (FailureReason.FILE_MISSING, "it is a directory"),
    "empty": (FailureReason.FILE_MISSING, "it is empty, or not a regular file"),
    "too_large": (FailureReason.LIMIT_EXCEEDED, "it is larger than the exporter asks for"),
    "too_many": (FailureReason.LIMIT_EXCEEDED, "it holds more than 1000 revocation lists"),
}
"""What the shipped functions return for a file that they did not read."""


def bounded(rows: list[Row]) -> list[Row]:
    """Return rows with blocks of PEM, if they are no more than the shipped functions give.

    Raises:
        ValueError: they are more.
    """
    if sum(len(row[-1] or b"") for row in rows) > _MAXIMUM_BYTES:
        raise ValueError("more than the shipped functions give")
    return rows


def problem_of(problem: bytes | None, what: str) -> Unread | None:
    """Return why a file was not read, or None if it was.

    Args:
        problem: as the shipped functions return it.
        what: the file, for a person.
    """
    if problem is None:
        return None
    reason, words = _PROBLEMS[text(problem)]
    return Unread(reason, one_line(f"{what}: {words}"))


def parse_bounded(data: bytes, path: str, most: int = MOST_TO_VERIFY) -> Read[CertificateFile]:
    """Return the content of a file of the server, if it has no more blocks than allowed.

    Args:
        data: its blocks of PEM.
        path: of it, as it is shown.
        most: how many blocks there may be.
    """
    if are_too_many(data, most):
        return Unread(
            FailureReason.LIMIT_EXCEEDED, one_line(f"{path}: it holds more than {most} blocks")
        )
    return parse(data, path)


def read_of(
    times: tuple[FileTimes, ...], problems: Iterable[bytes | None], context: Context
) -> tuple[FileTimes, ...]:
    """Return ``times`` if every later change of the content changes them, too; else nothing.

    A change of a file's permissions may not change these times.

    Args:
        times: of the files, taken before they were read.
        problems: as the shipped functions return them.
        context: of the poll.
    """
    return () if b"unreadable" in problems else lasting(times, context)


def of_this_release(read: Read[T]) -> Read[T]:
    """Report a function that is missing or has other columns, while others are there."""
    outdated = {FailureReason.NOT_INSTALLED, FailureReason.UNSUPPORTED_SERVER}
    if isinstance(read, Unread) and read.reason in outdated:
        return Unread(FailureReason.NOT_INSTALLED, _RUN_AGAIN)
    return read


def known(context: Context) -> TlsFiles | None:
    """Return what the poll before read, if it is still valid; None if the files must be read."""
    kept = context.kept.tls_files
    if (
        kept is not None
        and kept.read_of
        and kept.read_of == times_of(_SETTINGS, context.file_times)
    ):
        return kept
    return None


def _statement(_version: int) -> Statement:
    return Statement(f"""
        SELECT setting, path, problem, pem
          FROM replication_cert_exporter.public_certificates() LIMIT {MAXIMUM_ROWS + 1}
    """)  # noqa: S608  the limit is a constant


def _file(rows: list[Row], *settings: ServerFile) -> Read[CertificateFile]:
    """Return what the files of ``settings`` hold together."""
    paths: list[str] = []
    blocks: list[bytes] = []
    for setting in settings:
        of_setting = [row for row in rows if text(row[0]) == setting]
        # of a directory, the first row is its own
        for number, (_, raw_path, problem, pem) in enumerate(of_setting):
            path = text(raw_path)
            if number == 0:
                paths.append(path)
            elif problem == b"missing":
                continue  # a dangling link: OpenSSL ignores it as well
            unread = problem_of(problem, f"{setting} ({path})")
            if unread is not None:
                return unread
            blocks.append(pem or b"")
    most = _MOST_LISTS if ServerFile.CRL in settings else MOST_TO_VERIFY
    return parse_bounded(b"\n".join(blocks), ", ".join(paths), most)


def _interpret(rows: list[Row], context: Context) -> Read[TlsFiles]:
    bounded(rows)
    return TlsFiles(
        certificate=_file(rows, ServerFile.CERTIFICATE),
        authority=_file(rows, ServerFile.AUTHORITY),
        revocation=_file(rows, ServerFile.CRL, ServerFile.CRL_DIRECTORY),
        read_of=read_of(
            times_of(_SETTINGS, context.file_times), [problem for _, _, problem, _ in rows], context
        ),
    )


TLS_FILES = Reading(Reader.TLS_FILES, _statement, _interpret, reads_files=True, is_large=True)


def _second(results: Results) -> Iterable[Reading[TlsFiles]]:
    is_asked = functions_exist(results) and known(results.context) is None
    return (TLS_FILES,) if is_asked else ()


def _tls_files(results: Results) -> Read[TlsFiles]:
    kept = known(results.context)
    if kept is not None:
        return kept
    if not results.has(TLS_FILES):
        return why_unread(results)
    return of_this_release(results.take(TLS_FILES))


SPEC = ReaderSpec(
    Reader.TLS_FILES,
    {"tls_files": _tls_files},
    needs=frozenset({Reader.FILE_TIMES}),
    second=_second,
)
