"""The certificates of all configured files, read again only where a file changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from exporter.model.certificate import Certificate
from exporter.model.inventory import (
    Binding,
    Inventory,
    InventoryCertificate,
    InventorySource,
)
from exporter.observe.certificates.files.source_files import SourceFiles

T = TypeVar("T")

_LONGEST_CHAIN = 100
"""OpenSSL follows no longer one (verify depth); some files hold thousands of authorities."""


class InventoryReader:
    """Reads the files of all sources, again and again.

    It blocks, for seconds when 10,000 files are new: call it in a thread, one call at a time.
    """

    def __init__(self, sources: Iterable[InventorySource]) -> None:
        self._sources = [SourceFiles(source) for source in sources]
        self._latest: Inventory | None = None

    def read(self, now: datetime) -> Inventory:
        """Check all files, read those that changed, and return the certificates.

        What did not change is the same object as in the previous inventory: the tuples of
        certificates and errors, or else the single certificates.

        Args:
            now: by the clock that file systems use, too.
        """
        # all sources must be checked, whether or not one of them changed
        changed = [source.look(now) for source in self._sources]
        if self._latest is not None and not any(changed):
            self._latest = replace(self._latest, read_at=now)
            return self._latest
        before = self._latest or Inventory((), (), now)
        errors = tuple(error for source in self._sources for error in source.errors)
        self._latest = Inventory(
            certificates=_same_if_equal(before.certificates, self._certificates(before)),
            errors=_same_if_equal(before.errors, errors),
            read_at=now,
        )
        return self._latest

    def _certificates(self, before: Inventory) -> tuple[InventoryCertificate, ...]:
        gathered: dict[str, _Gathered] = {}
        for source in self._sources:
            for file in source.files:
                authorities = tuple(
                    islice((c for c in file.certificates if c.is_authority), _LONGEST_CHAIN)
                )
                for one in file.certificates:
                    entry = gathered.get(one.fingerprint)
                    if entry is None:
                        entry = gathered[one.fingerprint] = _Gathered(one)
                    entry.add(file.path, authorities, source.binding)
        known = {one.certificate.fingerprint: one for one in before.certificates}
        results = (entry.result() for entry in gathered.values())
        return tuple(
            _same_if_equal(known.get(result.certificate.fingerprint, result), result)
            for result in results
        )


@dataclass(slots=True)
class _Gathered:
    """One certificate while its places are brought together.

    Attributes:
        chains: the authorities of each file that holds it, by path.
        bindings: each once, in the order of the sources.
    """

    certificate: Certificate
    chains: dict[str, tuple[Certificate, ...]] = field(default_factory=dict)
    bindings: dict[Binding, None] = field(default_factory=dict)

    def add(self, path: str, authorities: tuple[Certificate, ...], binding: Binding) -> None:
        """Add a place."""
        self.chains.setdefault(path, authorities)
        self.bindings.setdefault(binding)

    def result(self) -> InventoryCertificate:
        """Return it with all its places."""
        paths = tuple(sorted(self.chains))
        chain = self.chains[paths[0]]
        if chain == (self.certificate,):
            chain = ()
        return InventoryCertificate(self.certificate, chain, paths, tuple(self.bindings))


def _same_if_equal(before: T, now: T) -> T:
    return before if before == now else now
