"""What one poll has been answered so far: what that means, and what it gives reason to ask.

Answers are interpreted in the thread that receives them, most of them while the server is busy with
the next; a large one, of a hostile server above all, holds up no other target there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.hba import FileTimes, LineTraits
from exporter.model.observation import Observation, RegularExpressionResult, Server
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.wal_sender import WalSender
from exporter.observe.postgres.readers import hba_lines, receiver, regular_expressions, tls_files
from exporter.observe.postgres.readers.file_times import FILE_TIMES, FILE_TIMES_AT_ONCE, with_times
from exporter.observe.postgres.readers.hba_lines import HBA_LINES
from exporter.observe.postgres.readers.hba_rules import HBA_RULES
from exporter.observe.postgres.readers.ident_mappings import IDENT_MAPPINGS
from exporter.observe.postgres.readers.receiver import RECEIVER, RECEIVER_CERTIFICATE, FileRead
from exporter.observe.postgres.readers.regular_expressions import REGULAR_EXPRESSIONS
from exporter.observe.postgres.readers.role_memberships import (
    DIRECT_MEMBERSHIPS,
    FOLLOWED_MEMBERSHIPS,
    Memberships,
    follow,
    of_followed,
)
from exporter.observe.postgres.readers.server import SERVER, SERVER_WITHOUT_IDENTIFIER
from exporter.observe.postgres.readers.tls_files import TLS_FILES
from exporter.observe.postgres.readers.wal_senders import WAL_SENDERS, role_oids
from exporter.observe.postgres.session.statement import Context, Reading, Row, Statement

T = TypeVar("T")

_BEFORE_TIMES: tuple[Reading[object], ...] = (WAL_SENDERS, HBA_RULES, IDENT_MAPPINGS)
"""What a poll asks before the times of files: what is written meanwhile must not look older."""
_AFTER_TIMES: tuple[Reading[object], ...] = (DIRECT_MEMBERSHIPS, RECEIVER)

_RECEIVER_CERTIFICATE = "receiver's certificate"
_FOLLOWED = "memberships of replicating roles"
_TIMES_AGAIN = "file_times again"
_WITHOUT_IDENTIFIER = "without the identifier"

_OF_ONE_FILE = frozenset(
    {FailureReason.PERMISSION, FailureReason.FILE_MISSING, FailureReason.INTERNAL}
)
"""Why file_times_at_once() fails where the server may not look at a file."""

_NOT_YET = Unread(FailureReason.INTERNAL, "not asked")
_NOTHING_TAKEN = (None, None, None)


class Answers:
    """Of one session, by the names of what was asked.

    Args:
        context: what is known after the login.
        received: rows, or why there are none.
    """

    def __init__(
        self, context: Context, received: Mapping[str, Read[list[Row]]] | None = None
    ) -> None:
        self._first_context = self._context = context
        self._rows = dict(received or {})
        self._taken: dict[str, tuple[object, Context, Any]] = {}
        self._asked: set[str] = set()
        self._may_receive = True
        self._at_once_failed = False
        self._questions_of: tuple[object, Read[regular_expressions.Questions]] | None = None
        self._server: Server | None = None
        self._tls_files_read: Read[TlsFiles] | None = None
        self._certificate_read: Read[FileRead] | None = None

    def so_far(self) -> "Answers":
        """Return a copy, while a thread may still be at work on the original.

        Files whose content it has not taken apart yet count as not read.
        """
        copy = Answers(self._first_context, self._rows)
        copy._tls_files_read = self._tls_files_read
        copy._certificate_read = self._certificate_read
        return copy

    def add(self, name: str, rows: Read[list[Row]]) -> None:
        """Take an answer, and interpret it as soon as may be."""
        self._rows[name] = rows
        # that completes the context in which all others are interpreted
        if FILE_TIMES.reader.value in self._rows and not isinstance(
            self._learn_server(_NOT_YET), Unread
        ):
            self._learn_files(_NOT_YET)
            for reading in (*_BEFORE_TIMES, *_AFTER_TIMES):
                if reading.reader.value in self._rows:
                    self._take(reading, _NOT_YET)

    def first_statements(self, *, may_receive: bool) -> dict[str, Statement]:
        """Return what is to be asked, by names.

        Args:
            may_receive: False if the server is known to be no standby, which receives nothing.
        """
        self._may_receive = may_receive
        if not may_receive:
            self._rows[RECEIVER.reader.value] = []
        return self._first_statements(SERVER)

    def _first_statements(self, server: Reading[object]) -> dict[str, Statement]:
        times = FILE_TIMES if self._context.kept.out_of_reach else FILE_TIMES_AT_ONCE
        # the server first, so that a poll that is cut off still tells whose it was
        readings = [server, *_BEFORE_TIMES, times, *_AFTER_TIMES]
        return {
            each.reader.value: each.statement(self._context.version)
            for each in readings
            if self._may_receive or each is not RECEIVER
        }

    def further_statements(self) -> dict[str, Statement]:
        """Return what the answers give reason to ask, once; most of the time that is nothing."""
        if isinstance(self._learn_server(_NOT_YET), Unread):
            refused = isinstance(self._rows.get(SERVER.reader.value), Unread)
            if not refused or not self._is_new(_WITHOUT_IDENTIFIER):
                return {}
            # all of it: no load of the rules may come between them and the time of the load
            return self._first_statements(SERVER_WITHOUT_IDENTIFIER)
        # first the files: they complete the context that the others are interpreted in
        statements = self._file_statements()
        asked = self._questions(_NOT_YET)
        if asked and not isinstance(asked, Unread):
            name = REGULAR_EXPRESSIONS.reader.value
            statements[name] = regular_expressions.statement(asked)
        if self._take(DIRECT_MEMBERSHIPS, _NOT_YET) is None:
            statements[_FOLLOWED] = FOLLOWED_MEMBERSHIPS.statement(self._context.version)
        return {name: each for name, each in statements.items() if self._is_new(name)}

    def _is_new(self, name: str) -> bool:
        """Return whether that was not asked before, and count it as asked."""
        if name in self._asked:
            return False
        self._asked.add(name)
        return True

    def _file_statements(self) -> dict[str, Statement]:
        version = self._context.version
        statements = {}
        file_times = self._learn_files(_NOT_YET)
        reason = file_times.reason if isinstance(file_times, Unread) else None
        if reason is FailureReason.NOT_INSTALLED:
            return {}
        reads_lines = self._known_lines(_NOT_YET) is None
        if reads_lines:
            statements[HBA_LINES.reader.value] = HBA_LINES.statement(version)
        if reason in _OF_ONE_FILE:
            self._at_once_failed = True
        if self._at_once_failed or (reads_lines and reason is None):
            # after the lines, too; and before the files below, so that they are not older than it
            statements[_TIMES_AGAIN] = FILE_TIMES.statement(version)
        if tls_files.known(self._context) is None:
            statements[TLS_FILES.reader.value] = TLS_FILES.statement(version)
        found = self._take(RECEIVER, _NOT_YET)
        if isinstance(found, Receiver) and receiver.known(found, self._context) is None:
            statements[_RECEIVER_CERTIFICATE] = RECEIVER_CERTIFICATE.statement(version)
        return statements

    def parse_files(self) -> None:
        """Take the content of files apart that was read for this poll."""
        if TLS_FILES.reader.value in self._rows:
            self._tls_files_read = tls_files.of_this_release(self._take(TLS_FILES, _NOT_YET))
        rows = self._rows.get(_RECEIVER_CERTIFICATE)
        if rows is not None:
            self._certificate_read = tls_files.of_this_release(
                RECEIVER_CERTIFICATE.take(rows, self._context)
            )

    def observation(
        self, target: str, missing: Unread, *, at: datetime, duration_seconds: float
    ) -> Observation | Unread:
        """Return what was read; ``missing`` stands for everything that was not."""
        server = self._learn_server(missing)
        if isinstance(server, Unread):
            return server
        file_times = self._learn_files(missing)
        files_missing = file_times if isinstance(file_times, Unread) else missing
        wal_senders = self._take(WAL_SENDERS, missing)
        lines, lines_of = self._hba_lines(missing, file_times)
        return Observation(
            target=target,
            at=at,
            duration_seconds=duration_seconds,
            server=server,
            wal_senders=wal_senders,
            hba=self._take(HBA_RULES, missing),
            hba_lines=lines,
            hba_lines_of=lines_of,
            ident=self._take(IDENT_MAPPINGS, missing),
            file_times=file_times,
            role_memberships=self._role_memberships(wal_senders, missing),
            regular_expressions=self._regular_expressions(missing),
            tls_files=self._tls_files(files_missing),
            receiver=self._receiver(missing, files_missing),
            out_of_reach=self._out_of_reach(),
        )

    def _take(self, reading: Reading[T], missing: Unread, name: str = "") -> Read[T]:
        """Interpret what was read, once as long as neither it nor the context changes."""
        name = name or reading.reader.value
        rows = self._rows.get(name, missing)
        of_rows, of_context, taken = self._taken.get(name, _NOTHING_TAKEN)
        if of_rows is not rows or of_context is not self._context:
            taken = reading.take(rows, self._context)
            self._taken[name] = (rows, self._context, taken)
        return cast("Read[T]", taken)

    def _learn_server(self, missing: Unread) -> Read[Server]:
        """Interpret what tells what all the rest is interpreted by."""
        if self._server is None:
            read = self._take(SERVER, missing)
            if isinstance(read, Unread):
                return read
            self._server, self._context = read
        return self._server

    def _learn_files(self, missing: Unread) -> Read[tuple[FileTimes, ...]]:
        name = _TIMES_AGAIN if _TIMES_AGAIN in self._rows else FILE_TIMES.reader.value
        file_times = self._take(FILE_TIMES, missing, name)
        if not isinstance(file_times, Unread) and file_times != self._context.file_times:
            self._context = with_times(self._context, file_times)
        return file_times

    def _known_lines(self, missing: Unread) -> tuple[LineTraits, ...] | None:
        return hba_lines.known(self._context, self._take(HBA_RULES, missing))

    def _hba_lines(
        self, missing: Unread, file_times: Read[tuple[FileTimes, ...]]
    ) -> tuple[Read[tuple[LineTraits, ...]], tuple[FileTimes, ...]]:
        """Return the lines, and the times of the files that they will be known by."""
        known = self._known_lines(missing)
        if known is not None:
            return known, hba_lines.read_of(self._context)
        if isinstance(file_times, Unread):
            return self._take(HBA_LINES, file_times), ()
        if _TIMES_AGAIN not in self._rows:
            # of lines that were written after the rules, the times would tell too late
            return missing, ()
        after = hba_lines.read_of(self._context)
        first = self._take(FILE_TIMES, missing)
        before = () if isinstance(first, Unread) else hba_lines.times(first)
        return self._take(HBA_LINES, missing), after if after == before else ()

    def _questions(self, missing: Unread) -> Read[regular_expressions.Questions]:
        if self._context.version < regular_expressions.EXPRESSIONS_EXIST:
            return frozenset()
        of = (
            self._take(HBA_RULES, missing),
            self._take(IDENT_MAPPINGS, missing),
            self._take(WAL_SENDERS, missing),
        )
        if self._questions_of is None or self._questions_of[0] != of:
            self._questions_of = (of, regular_expressions.questions(*of))
        return self._questions_of[1]

    def _regular_expressions(self, missing: Unread) -> Read[tuple[RegularExpressionResult, ...]]:
        asked = self._questions(missing)
        if isinstance(asked, Unread):
            return asked
        return self._take(REGULAR_EXPRESSIONS, missing) if asked else ()

    def _role_memberships(
        self, wal_senders: Read[tuple[WalSender, ...]], missing: Unread
    ) -> Read[Memberships]:
        rows = self._rows.get(WAL_SENDERS.reader.value, missing)
        oids = (
            {} if isinstance(wal_senders, Unread) or isinstance(rows, Unread) else role_oids(rows)
        )
        direct = self._take(DIRECT_MEMBERSHIPS, missing)
        if isinstance(direct, Unread):
            return direct
        if direct is not None:
            return follow(direct, oids)
        followed = FOLLOWED_MEMBERSHIPS.take(self._rows.get(_FOLLOWED, missing), self._context)
        return followed if isinstance(followed, Unread) else of_followed(followed, oids)

    def _out_of_reach(self) -> frozenset[str]:
        before = self._context.kept.out_of_reach
        if not before and not self._at_once_failed:
            return frozenset()
        times = self._context.file_times
        found = frozenset(each.path for each in times if each.modified is None)
        # when something changes, the next poll tries all at once again
        return found if not before or found == before else frozenset()

    def _tls_files(self, missing: Unread) -> Read[TlsFiles]:
        kept = tls_files.known(self._context)
        if kept is not None:
            return kept
        return missing if self._tls_files_read is None else self._tls_files_read

    def _receiver(self, missing: Unread, file_missing: Unread) -> Read[Receiver | None]:
        found = self._take(RECEIVER, missing)
        if not isinstance(found, Receiver):
            return found
        read = file_missing if self._certificate_read is None else self._certificate_read
        return receiver.known(found, self._context) or receiver.with_file(found, read)
