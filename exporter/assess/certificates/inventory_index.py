"""The inventory by what is asked of it, worked out once for all targets and polls."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from exporter.assess.certificates.match import Shown, as_shown, shown_of
from exporter.assess.certificates.passed_dates import validity_boundaries
from exporter.model.certificate import DistinguishedName
from exporter.model.inventory import InventoryCertificate

KeyT = TypeVar("KeyT")

Several = tuple[InventoryCertificate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Certificates that belong to one client, without authorities; compared by identity.

    Attributes:
        by_subject: by the subject as a session shows it: for each whole subject that looks like
            that, its certificates, the newest first.
        newest: the newest of each subject; several where they are equally new.
        by_fingerprint: all of them.
    """

    by_subject: Mapping[str, tuple[Several, ...]]
    newest: Several
    by_fingerprint: Mapping[str, InventoryCertificate]


@dataclass(frozen=True, slots=True, eq=False)
class InventoryIndex:
    """The certificates of the inventory; compared by identity.

    Attributes:
        shown: all of them by what a session that uses one would show.
        of_standby: bound to an application name, by that and the role (empty: any role).
        of_role: bound to a role and no application name, by the role.
        unbound: those that the configuration binds to no client.
        unbound_names: the same by the first CN, and by the whole name in the form of RFC 2253.
        boundaries: their ``validity_boundaries``.
    """

    shown: Mapping[Shown, Several]
    of_standby: Mapping[tuple[str, str], Pool]
    of_role: Mapping[str, Pool]
    unbound: Pool
    unbound_names: Mapping[str, Several]
    boundaries: tuple[datetime, ...]


def pool(certificates: Iterable[InventoryCertificate]) -> Pool:
    """Return ``certificates`` as a pool, each once."""
    distinct = {k.certificate.fingerprint: k for k in certificates}
    subjects: dict[DistinguishedName, list[InventoryCertificate]] = {}
    for known in sorted(distinct.values(), key=_newest_first):
        subjects.setdefault(known.certificate.subject, []).append(known)
    by_subject: dict[str, list[Several]] = {}
    for subject, several in subjects.items():
        by_subject.setdefault(as_shown(subject), []).append(tuple(several))
    return Pool(
        by_subject={shown: tuple(groups) for shown, groups in by_subject.items()},
        newest=tuple(known for several in subjects.values() for known in newest(several)),
        by_fingerprint=distinct,
    )


def newest(certificates: Iterable[InventoryCertificate]) -> Iterator[InventoryCertificate]:
    """Yield the first of ``certificates``, the newest first, and those that are equally new."""
    first = None
    for known in certificates:
        first = first or known
        if _age(known) != _age(first):
            return
        yield known


def inventory_index(certificates: Several) -> InventoryIndex:
    """Return ``certificates`` by what is asked of them.

    What was worked out for the very same tuple is returned again.
    """
    return _inventory_index(_Same(certificates))


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A tuple that is equal to itself only: ten thousand certificates are not compared."""

    certificates: Several

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.certificates is other.certificates

    def __hash__(self) -> int:
        return id(self.certificates)


@lru_cache(maxsize=4)
def _inventory_index(same: _Same) -> InventoryIndex:
    shown: dict[Shown, list[InventoryCertificate]] = {}
    of_standby: dict[tuple[str, str], list[InventoryCertificate]] = {}
    of_role: dict[str, list[InventoryCertificate]] = {}
    unbound: list[InventoryCertificate] = []
    unbound_names: dict[str, list[InventoryCertificate]] = {}
    for known in same.certificates:
        shown.setdefault(shown_of(known.certificate), []).append(known)
        if known.certificate.is_authority:
            # a CA certificate may log in, but is not meant to
            continue
        for binding in known.bindings:
            for name in binding.application_names:
                for role in binding.roles or ("",):
                    of_standby.setdefault((name, role), []).append(known)
            if not binding.application_names:
                for role in binding.roles:
                    of_role.setdefault(role, []).append(known)
        if any(not b.roles and not b.application_names for b in known.bindings):
            unbound.append(known)
            subject = known.certificate.subject
            for name in {subject.common_name, subject.rfc2253}:
                unbound_names.setdefault(name, []).append(known)
    return InventoryIndex(
        shown=_frozen(shown),
        of_standby={key: pool(several) for key, several in of_standby.items()},
        of_role={role: pool(several) for role, several in of_role.items()},
        unbound=pool(unbound),
        unbound_names=_frozen(unbound_names),
        boundaries=validity_boundaries(
            c for known in same.certificates for c in (known.certificate, *known.chain)
        ),
    )


def _newest_first(known: InventoryCertificate) -> tuple[float, float, str]:
    begins, ends = _age(known)
    return -begins.timestamp(), -ends.timestamp(), known.certificate.fingerprint


def _age(known: InventoryCertificate) -> tuple[datetime, datetime]:
    return known.certificate.not_before, known.certificate.not_after


def _frozen(found: Mapping[KeyT, Sequence[InventoryCertificate]]) -> Mapping[KeyT, Several]:
    return {key: tuple(several) for key, several in found.items()}
