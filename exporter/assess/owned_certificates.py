"""Which certificates of the inventory are a client's, and which of them it will send next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from exporter.assess.certificate_match import Inventoried, as_shown
from exporter.assess.demand import map_name
from exporter.model.certificate import Certificate
from exporter.model.certificates_report import InUse, Matched
from exporter.model.hba import HbaRule, IdentContent
from exporter.model.inventory import InventoryCertificate
from exporter.model.wal_sender import PeerCertificate, WalSender


@dataclass(frozen=True, slots=True)
class Owner:
    """The client of a walsender.

    Attributes:
        shown: what its session shows of its certificate; None if it shows none.
        in_use: that, held against known certificates; None if nothing is shown.
        named: the certificates bound to nobody whose name the governing rule lets in as the role.
        taken: fingerprints of the certificates that other clients use which log in by the same
            role and show the same subject; None if there is no such client.
    """

    wal_sender: WalSender
    shown: PeerCertificate | None
    in_use: InUse | None
    named: tuple[InventoryCertificate, ...]
    taken: frozenset[str] | None = None


def named(
    inventory: Inventoried,
    role: str,
    rules: Sequence[HbaRule],
    maps: Sequence[IdentContent],
    lets_in: Callable[[HbaRule | None, Certificate], bool],
) -> tuple[InventoryCertificate, ...]:
    """Return the certificates bound to nobody whose name a rule lets in as ``role``.

    Args:
        inventory: to look in.
        role: the role that logs in.
        rules: that demand a name; if there are none, ``hostssl … cert`` without a map is taken.
        maps: every content of pg_ident.conf that may be in force.
        lets_in: whether a rule lets in the name of a certificate.
    """
    found: dict[str, InventoryCertificate] = {}
    for rule in rules or (None,):
        for known in _that_may_fit(inventory, role, rule, maps):
            if lets_in(rule, known.certificate):
                found[known.certificate.fingerprint] = known
    return tuple(found.values())


def _that_may_fit(
    inventory: Inventoried, role: str, rule: HbaRule | None, maps: Sequence[IdentContent]
) -> Iterable[InventoryCertificate]:
    """Yield those that are worth a look: all of them only where a pattern says so."""
    through = None if rule is None else map_name(rule)
    if through is None:
        return inventory.unbound.get(role, ())
    systems = {m.system_name for c in maps for m in c.mappings if m.map_name == through}
    if any(system.startswith("/") for system in systems):
        return (known for several in inventory.unbound.values() for known in several)
    return (
        known
        for system in sorted(systems)
        for index in (inventory.unbound, inventory.unbound_names)
        for known in index.get(system, ())
    )


def owned(owner: Owner, inventory: Inventoried) -> tuple[InventoryCertificate, ...]:
    """Return the certificates of the inventory that are the client's, by fingerprint.

    By configuration first, the standby's name before the role's; else, of those that are bound to
    nobody, by subject (a renewed certificate keeps it) and by name.
    """
    found = (
        _for_standby(owner.wal_sender, inventory)
        or _for_role(owner.wal_sender, inventory)
        or [*_same_subject(owner.shown, inventory), *owner.named]
    )
    by_fingerprint = {k.certificate.fingerprint: k for k in found}
    return tuple(by_fingerprint[f] for f in sorted(by_fingerprint))


def to_be_sent(owner: Owner, inventory: Inventoried) -> tuple[InventoryCertificate, ...]:
    """Return those of which the client will send one: the newest, if it can be told.

    Where the subject shown is among them, the others are not its; where another client has the
    same role and subject, the newest may be that one's, and what is in use may stay in use.
    """
    left = _of_subject(owner, owned(owner, inventory))
    shared = owner.taken is not None and not _for_standby(owner.wal_sender, inventory)
    if not shared:
        return _newest(left)
    taken = owner.taken or frozenset()
    left = tuple(k for k in left if k.certificate.fingerprint not in taken) or left
    stays = tuple(k for k in left if owner.in_use == Matched(k.certificate))
    if not stays:
        return left
    return tuple(dict.fromkeys((*_newest(left), *stays)))


def _for_standby(sender: WalSender, inventory: Inventoried) -> Sequence[InventoryCertificate]:
    name = sender.application_name
    return [
        known
        for known in inventory.by_application_name.get(name, ())
        if any(
            name in b.application_names and (not b.roles or sender.role in b.roles)
            for b in known.bindings
        )
    ]


def _for_role(sender: WalSender, inventory: Inventoried) -> Sequence[InventoryCertificate]:
    return [
        known
        for known in inventory.by_role.get(sender.role, ())
        if any(sender.role in b.roles and not b.application_names for b in known.bindings)
    ]


def _same_subject(
    shown: PeerCertificate | None, inventory: Inventoried
) -> Sequence[InventoryCertificate]:
    if shown is None or shown.subject is None:
        return ()
    return inventory.unbound_subjects.get(shown.subject.text, ())


def _of_subject(
    owner: Owner, found: tuple[InventoryCertificate, ...]
) -> tuple[InventoryCertificate, ...]:
    if owner.shown is None or owner.shown.subject is None:
        return found
    if isinstance(owner.in_use, Matched):
        subject = owner.in_use.certificate.subject
        same = tuple(k for k in found if k.certificate.subject == subject)
    else:
        text = owner.shown.subject.text
        same = tuple(k for k in found if as_shown(k.certificate.subject) == text)
    return same or found


def _newest(found: Sequence[InventoryCertificate]) -> tuple[InventoryCertificate, ...]:
    """Return the newest of each subject; several that are equally new."""
    newest: dict[str, tuple[InventoryCertificate, ...]] = {}
    for known in found:
        subject = known.certificate.subject.rfc2253
        others = newest.get(subject, ())
        if not others or _age(known) > _age(others[0]):
            newest[subject] = (known,)
        elif _age(known) == _age(others[0]):
            newest[subject] = (*others, known)
    return tuple(known for several in newest.values() for known in several)


def _age(known: InventoryCertificate) -> tuple[datetime, datetime]:
    return known.certificate.not_before, known.certificate.not_after
