"""Finds the certificates of the inventory that belong to a client, and those it may send next."""

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
"""Certificates of which a client may send any; with more, none is considered."""
ENOUGH = MOST_CANDIDATES + 1


@dataclass(frozen=True, slots=True)
class Owner:
    """The client of a walsender.

    Attributes:
        shown: what its session shows of its certificate; None if it shows none.
        in_use: the known certificate that matches it; None if nothing is shown.
        named: the unbound certificates whose name the governing rule accepts for the role.
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
    accepts: Callable[[HbaRule | None, Certificate], bool],
) -> Iterable[InventoryCertificate]:
    """Yield the unbound certificates whose name a rule accepts for ``role``.

    Args:
        inventory: to look in.
        role: the role that logs in.
        rules: that require a name; if there are none, ``hostssl … cert`` without a map is taken.
        maps: every content of pg_ident.conf that may be in force.
        accepts: whether a rule accepts the name of a certificate.
    """
    for rule in rules or (None,):
        for known in _that_may_fit(inventory, role, rule, maps):
            if accepts(rule, known.certificate):
                yield known


def _that_may_fit(
    inventory: InventoryIndex, role: str, rule: HbaRule | None, maps: Sequence[IdentContent]
) -> Iterable[InventoryCertificate]:
    """Yield the candidates by name: all certificates only where the map has a pattern."""
    through = None if rule is None else map_name(rule)
    if through is None:
        return inventory.unbound_names.get(role, ())
    systems = {m.system_name for c in maps for m in c.mappings if m.map_name == through}
    if any(system.startswith("/") for system in systems):
        return inventory.unbound.by_fingerprint.values()
    return (known for system in systems for known in inventory.unbound_names.get(system, ()))


def to_be_sent(owner: Owner, inventory: InventoryIndex) -> Several:
    """Return those of which the client will send one: the newest, if that can be determined.

    The configured bindings come first, the standby's name before the role's. Without a binding,
    unbound certificates are selected by subject (a renewed certificate keeps it), then by name.
    Where one has the subject shown, those with other subjects are not the client's.
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
    """Return the newest of the subject shown, unless it may be another client's.

    Where another client has the same role and subject, the certificate in use may stay in use;
    where that one is not known, any may be sent.
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
