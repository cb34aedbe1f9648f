"""Which certificates of the inventory are a client's, and which of them it will send next."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from exporter.assess.certificates.inventory_index import InventoryIndex, Pool, Several, newest
from exporter.assess.rules.demand import map_name
from exporter.model.certificate import Certificate
from exporter.model.certificates_report import InUse, Matched
from exporter.model.hba import HbaRule, IdentContent
from exporter.model.inventory import InventoryCertificate
from exporter.model.wal_sender import PeerCertificate, WalSender

MOST_CANDIDATES = 16
"""Certificates of which a client may send any; with more, none is looked at."""
ENOUGH = MOST_CANDIDATES + 1


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
    named: Pool
    taken: Container[str] | None = None


def named(
    inventory: InventoryIndex,
    role: str,
    rules: Sequence[HbaRule],
    maps: Sequence[IdentContent],
    lets_in: Callable[[HbaRule | None, Certificate], bool],
) -> Iterable[InventoryCertificate]:
    """Yield the certificates bound to nobody whose name a rule lets in as ``role``.

    Args:
        inventory: to look in.
        role: the role that logs in.
        rules: that demand a name; if there are none, ``hostssl … cert`` without a map is taken.
        maps: every content of pg_ident.conf that may be in force.
        lets_in: whether a rule lets in the name of a certificate.
    """
    for rule in rules or (None,):
        for known in _that_may_fit(inventory, role, rule, maps):
            if lets_in(rule, known.certificate):
                yield known


def _that_may_fit(
    inventory: InventoryIndex, role: str, rule: HbaRule | None, maps: Sequence[IdentContent]
) -> Iterable[InventoryCertificate]:
    """Yield those that are worth a look: all of them only where a pattern says so."""
    through = None if rule is None else map_name(rule)
    if through is None:
        return inventory.unbound_names.get(role, ())
    systems = {m.system_name for c in maps for m in c.mappings if m.map_name == through}
    if any(system.startswith("/") for system in systems):
        return inventory.unbound.by_fingerprint.values()
    return (known for system in systems for known in inventory.unbound_names.get(system, ()))


def to_be_sent(owner: Owner, inventory: InventoryIndex) -> Several:
    """Return those of which the client will send one: the newest, if it can be told.

    By configuration first, the standby's name before the role's; else, of those that are bound to
    nobody, by subject (a renewed certificate keeps it) and by name. Where the subject shown is
    among them, the others are not its.
    """
    sender = owner.wal_sender
    for role in (sender.role, ""):
        bound = inventory.of_standby.get((sender.application_name, role))
        if bound is not None:
            same = (known for group in _same_subject(owner, bound) for known in newest(group))
            return tuple(same) or bound.newest
    of_role = inventory.of_role.get(sender.role)
    if of_role is not None:
        return _unless_taken(owner, of_role) or of_role.newest
    return _unless_taken(owner, inventory.unbound) or owner.named.newest


def _unless_taken(owner: Owner, of: Pool) -> Several:
    """Return the newest of the subject shown, unless another client may own it.

    Where another has the same role and subject, what is in use may stay in use, and where that is
    not known, any may be sent.
    """
    groups = _same_subject(owner, of)
    if owner.taken is None:
        return tuple(known for group in groups for known in newest(group))
    stays: Several = ()
    if isinstance(owner.in_use, Matched):
        own = of.by_fingerprint.get(owner.in_use.certificate.fingerprint)
        stays = () if own is None else (own,)
    found: dict[InventoryCertificate, None] = {}
    for group in groups:
        left = (k for k in group if k.certificate.fingerprint not in owner.taken)
        found.update(dict.fromkeys(newest(left) if stays else islice(left, ENOUGH)))
    found.update(dict.fromkeys(stays))
    return tuple(found) or tuple(known for group in groups for known in newest(group))


def _same_subject(owner: Owner, of: Pool) -> tuple[Several, ...]:
    if owner.shown is None or owner.shown.subject is None:
        return ()
    groups = of.by_subject.get(owner.shown.subject.text, ())
    if not isinstance(owner.in_use, Matched):
        return groups
    # what was cut, or reads like another name, is known now
    subject = owner.in_use.certificate.subject
    return tuple(group for group in groups if group[0].certificate.subject == subject)
