"""Which certificates of the inventory are a client's, and which of them it will send next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from exporter.assess.demand import map_name
from exporter.assess.inventory_index import InventoryIndex, Pool, Several, newest
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
    named: Pool
    taken: frozenset[str] | None = None


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
        return (known for several in inventory.unbound.by_subject.values() for known in several)
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
            return newest(_same_subject(owner, bound)) or bound.newest
    of_role = inventory.of_role.get(sender.role)
    if of_role is not None:
        return _unless_taken(owner, _same_subject(owner, of_role)) or of_role.newest
    return _unless_taken(owner, _same_subject(owner, inventory.unbound)) or owner.named.newest


def _unless_taken(owner: Owner, found: Several) -> Several:
    """Return the newest of ``found``, unless another client may own it.

    Where another has the same role and subject, what is in use may stay in use.
    """
    if owner.taken is None:
        return newest(found)
    left = tuple(k for k in found if k.certificate.fingerprint not in owner.taken) or found
    stays = tuple(k for k in left if owner.in_use == Matched(k.certificate))
    if not stays:
        return left
    return tuple(dict.fromkeys((*newest(left), *stays)))


def _same_subject(owner: Owner, of: Pool) -> Several:
    if owner.shown is None or owner.shown.subject is None:
        return ()
    found = of.by_subject.get(owner.shown.subject.text, ())
    if not isinstance(owner.in_use, Matched):
        return found
    # what was cut, or reads like another name, is known now
    subject = owner.in_use.certificate.subject
    return tuple(k for k in found if k.certificate.subject == subject)
