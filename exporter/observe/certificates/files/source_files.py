"""The files of one inventory source: what each held when it was read, and whether it changed."""

import os
from datetime import UTC, datetime, timedelta

from exporter.model.certificate import CertificateFile
from exporter.model.failure import Unread
from exporter.model.inventory import Binding, InventoryError, InventoryFault, InventorySource
from exporter.observe.certificates.files.file_formats import Held, held_in
from exporter.observe.certificates.files.file_reading import (
    NEVER,
    FileFault,
    FileState,
    Refused,
    read_file,
)
from exporter.observe.certificates.files.file_search import FoundFile, find
from exporter.observe.passwords import read_password

MOST_CERTIFICATES = 100_000
MOST_CERTIFICATE_BYTES = 256 * 1024 * 1024
"""What one source may hold in all: at most about half a gigabyte of memory."""

_COARSEST_CLOCK = timedelta(seconds=2)
"""Of a file system: a file that is written twice within it may look unchanged the second time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOO_MANY = FileFault(
    InventoryFault.TOO_MANY, "there are more certificates than can be kept: the rest is left out"
)


class SourceFiles:
    """Checks the files of one source and remembers what they contained.

    Attributes:
        binding: the roles and standbys that use the certificates.
    """

    def __init__(self, source: InventorySource) -> None:
        self.binding = Binding(source.roles, source.application_names)
        self._source = source
        self._password: str | Unread = ""
        self._held: dict[str, tuple[FileState, Held]] = {}
        self._faults: dict[str, FileFault] = {}

    @property
    def files(self) -> list[CertificateFile]:
        """The files that contain certificates, in order of paths."""
        held = (self._held[path][1].file for path in sorted(self._held))
        return [file for file in held if file.certificates]

    @property
    def errors(self) -> list[InventoryError]:
        """The faults, in order of paths."""
        faults = self._faults | {
            path: held.fault for path, (_, held) in self._held.items() if held.fault
        }
        return [
            InventoryError(self._source.name, shown(path), fault.reason, fault.detail)
            for path, fault in sorted(faults.items(), key=lambda entry: entry[0])
        ]

    def look(self, now: datetime) -> bool:
        """Check all files, read those that changed, and return whether any content changed.

        Args:
            now: by the clock that file systems use, too.
        """
        password = read_password(self._source.password)
        found = find(self._source.paths)
        settled_ns = (now - _COARSEST_CLOCK - _EPOCH) // timedelta(microseconds=1) * 1000
        latest, self._held = self._held, {}
        changed = False
        number = kept_bytes = 0
        for path, file in found.files.items():
            state, before = latest.get(path, (NEVER, None))
            held = before
            if before is None or state != file.state or self._is_reopened(before, password):
                state, held = _read(path, file, password)
                if state.changed_ns > settled_ns:
                    state = NEVER
            if held is None:  # it was removed just now
                continue
            number += len(held.file.certificates)
            kept_bytes += sum(len(one.der) for one in held.file.certificates)
            if number > MOST_CERTIFICATES or kept_bytes > MOST_CERTIFICATE_BYTES:
                found.faults[path] = _TOO_MANY
                break
            if held == before:
                held = before
            else:
                changed = True
            self._held[path] = state, held
        changed = changed or self._held.keys() != latest.keys() or self._faults != found.faults
        self._faults = found.faults
        self._password = password
        return changed

    def _is_reopened(self, held: Held, password: str | Unread) -> bool:
        return held.by_password and password != self._password


def shown(path: str) -> str:
    r"""Return a path as text for any place: ``\xff`` for bytes that are not UTF-8, and the like."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _read(path: str, file: FoundFile, password: str | Unread) -> tuple[FileState, Held | None]:
    name = shown(path)
    try:
        data, state = read_file(path)
    except Refused as refused:
        if refused.fault.reason is InventoryFault.MISSING and not file.named:
            return NEVER, None
        return NEVER, Held(CertificateFile(name), refused.fault)
    return state, held_in(data, name, password, named=file.named)
