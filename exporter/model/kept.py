"""The state that a poll passes to the next one."""

from dataclasses import dataclass

from exporter.model.hba import FileTimes, HbaContent, LineTraits
from exporter.model.tls_files import Receiver, TlsFiles


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier poll read; what has not changed since is not read or interpreted again.

    Attributes:
        hba_lines_of: as ``TlsFiles.read_of``, for ``hba_lines``.
        out_of_reach: as in ``Observation``.
    """

    tls_files: TlsFiles | None = None
    receiver: Receiver | None = None
    hba: HbaContent | None = None
    hba_lines: tuple[LineTraits, ...] | None = None
    hba_lines_of: tuple[FileTimes, ...] = ()
    out_of_reach: frozenset[str] = frozenset()

    @property
    def is_settled(self) -> bool:
        """Whether the next poll reads no file again if none changes."""
        if self.tls_files is None or self.hba_lines is None:
            return False
        of_receiver = () if self.receiver is None else (self.receiver.read_of,)
        return all((self.tls_files.read_of, self.hba_lines_of, *of_receiver))
