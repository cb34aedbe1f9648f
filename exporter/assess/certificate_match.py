"""What a live session shows of its certificate, held against certificates that are known whole.

Sources: backend_status.h, PgBackendSSLStatus (names are cut at 63 bytes, the serial number is
exact); RFC 5280, section 4.1.2.2 (issuer and serial number identify a certificate).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.certificates_report import Ambiguous, InUse, Matched, Unmatched
from exporter.model.inventory import InventoryCertificate
from exporter.model.wal_sender import PeerCertificate, SlashName

SHOWN_BYTES = 63
"""What pg_stat_ssl has room for, of a subject or an issuer."""

KeyT = TypeVar("KeyT", bound=Hashable)

Shown = tuple[str, int, str]
"""Issuer, serial number and subject of a certificate, as a session that uses it shows them."""


@dataclass(frozen=True, slots=True, eq=False)
class Inventoried:
    """The certificates of the inventory by what is asked of them; compared by identity.

    Attributes:
        shown: by what a session would show of them.
        by_application_name, by_role: those bound by configuration, to the one or the other;
            one that is bound to both stands in both.
        unbound: those of which the configuration does not say whose they are, by the first CN.
        unbound_names, unbound_subjects: the same by the whole name in the form of RFC 2253, and
            by the subject as a session shows it.
    """

    shown: Mapping[Shown, tuple[InventoryCertificate, ...]]
    by_application_name: Mapping[str, tuple[InventoryCertificate, ...]]
    by_role: Mapping[str, tuple[InventoryCertificate, ...]]
    unbound: Mapping[str, tuple[InventoryCertificate, ...]]
    unbound_names: Mapping[str, tuple[InventoryCertificate, ...]]
    unbound_subjects: Mapping[str, tuple[InventoryCertificate, ...]]


def as_shown(name: DistinguishedName) -> str:
    r"""Return a name as ``SlashName.text`` has it: cut, bytes of half a character as ``\xNN``."""
    return name.slash.encode("utf-8", "backslashreplace")[:SHOWN_BYTES].decode(
        "utf-8", "backslashreplace"
    )


def shown_of(certificate: Certificate) -> Shown:
    """Return what a session that uses ``certificate`` shows of it."""
    return as_shown(certificate.issuer), certificate.serial_number, as_shown(certificate.subject)


def shown_by(peer: PeerCertificate) -> Shown:
    """Return what a session shows, in the form of ``shown_of``."""
    return _text(peer.issuer), peer.serial_number, _text(peer.subject)


def in_use(
    peer: PeerCertificate,
    inventory: Inventoried,
    others: Mapping[Shown, Sequence[Certificate]],
) -> InUse:
    """Return which known certificate a session uses.

    Every known certificate that would look the same is a candidate: what was cut away, and what
    ``/`` and ``=`` in values leave open, cannot tell them apart.

    Args:
        peer: what the session shows.
        inventory: the certificates of the inventory.
        others: certificates that are known otherwise, by what a session would show of them.
    """
    shown = shown_by(peer)
    found = {k.certificate.fingerprint: k.certificate for k in inventory.shown.get(shown, ())}
    found.update({c.fingerprint: c for c in others.get(shown, ())})
    match sorted(found.values(), key=_fingerprint):
        case []:
            return Unmatched()
        case [certificate]:
            return Matched(certificate)
        case several:
            return Ambiguous(tuple(several))


def inventoried(certificates: tuple[InventoryCertificate, ...]) -> Inventoried:
    """Return the certificates of an inventory by what is asked of them.

    What was worked out for the very same tuple is returned again: all targets and polls share it.
    """
    return _inventoried(_Same(certificates))


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A tuple that is equal to itself only: ten thousand certificates are not compared."""

    certificates: tuple[InventoryCertificate, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.certificates is other.certificates

    def __hash__(self) -> int:
        return id(self.certificates)


@lru_cache(maxsize=4)
def _inventoried(same: _Same) -> Inventoried:
    shown: dict[Shown, list[InventoryCertificate]] = {}
    by_application_name: dict[str, list[InventoryCertificate]] = {}
    by_role: dict[str, list[InventoryCertificate]] = {}
    unbound: dict[str, list[InventoryCertificate]] = {}
    unbound_names: dict[str, list[InventoryCertificate]] = {}
    unbound_subjects: dict[str, list[InventoryCertificate]] = {}
    for known in same.certificates:
        shown.setdefault(shown_of(known.certificate), []).append(known)
        if known.certificate.is_authority:
            # an authority may log in, but nobody plans it
            continue
        for name in {n for b in known.bindings for n in b.application_names}:
            by_application_name.setdefault(name, []).append(known)
        for role in {r for b in known.bindings for r in b.roles}:
            by_role.setdefault(role, []).append(known)
        if any(not b.roles and not b.application_names for b in known.bindings):
            subject = known.certificate.subject
            unbound.setdefault(subject.common_name, []).append(known)
            unbound_names.setdefault(subject.rfc2253, []).append(known)
            unbound_subjects.setdefault(as_shown(subject), []).append(known)
    return Inventoried(
        shown=_frozen(shown),
        by_application_name=_frozen(by_application_name),
        by_role=_frozen(by_role),
        unbound=_frozen(unbound),
        unbound_names=_frozen(unbound_names),
        unbound_subjects=_frozen(unbound_subjects),
    )


def _frozen(
    found: Mapping[KeyT, Sequence[InventoryCertificate]],
) -> Mapping[KeyT, tuple[InventoryCertificate, ...]]:
    return {key: tuple(known) for key, known in found.items()}


def _fingerprint(certificate: Certificate) -> str:
    return certificate.fingerprint


def _text(name: SlashName | None) -> str:
    return "" if name is None else name.text
