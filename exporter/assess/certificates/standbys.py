"""Identifies the standby, among those that are targets too, that a walsender serves.

Name and role are not enough: several standbys may share both, and so may one that receives from
another standby. Slot, address or the sender that the standby names must match as well, and match no
more walsenders than standbys, because not every standby is a target.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.model.knowledge import Standby
from exporter.model.observation import Server
from exporter.model.target import Target
from exporter.model.wal_sender import Activity, ReplicationKind, TcpPeer, WalSender

_TEMPORARY_SLOT = "pg_walreceiver_"
"""The name that a standby gives to a temporary slot (walreceiver.c)."""
_DEFAULT_PORT = "5432"


@dataclass(frozen=True, slots=True)
class Standbys:
    """The standbys of a target's cluster.

    Attributes:
        by_name: by role and application name.
        hosts: names and addresses of the target.
        port: of the target; None if not known.
        others: names of the standbys at an address that is none of the target's, by address.
        served: how many standbys the target serves, of the names in ``by_name``: by role and
            application name, and by these and the address as well.
    """

    by_name: Mapping[tuple[str, str], tuple[Standby, ...]]
    hosts: frozenset[str]
    port: int | None
    others: Mapping[str, frozenset[str]]
    served: Counter[tuple[str | None, ...]]


def standbys_of(
    target: Target,
    server: Server,
    standbys: Sequence[Standby],
    wal_senders: Sequence[WalSender],
) -> Standbys:
    """Return those of ``standbys`` that may receive from ``target``, which runs ``wal_senders``."""
    hosts = {target.parameters.get("host"), target.parameters.get("hostaddr")}
    if server.address is not None:
        hosts.add(str(server.address))
    known = frozenset(h for h in hosts if h)
    by_name: dict[tuple[str, str], tuple[Standby, ...]] = {}
    if server.system_identifier is not None:
        for standby in standbys:
            if standby.system_identifier == server.system_identifier:
                key = (standby.receiver.role, standby.receiver.application_name)
                by_name[key] = (*by_name.get(key, ()), standby)
    others: dict[str, frozenset[str]] = {}
    for standby in standbys:
        for address in standby.addresses - known:
            others[address] = others.get(address, frozenset()) | {standby.target}
    port = target.parameters.get("port", _DEFAULT_PORT)
    return Standbys(
        by_name=by_name,
        hosts=known,
        port=int(port) if port.isdecimal() else None,
        others=others,
        served=Counter(
            key
            for sender in wal_senders
            if _serves_standby(sender) and _names(sender) in by_name
            for key in (_names(sender), (*_names(sender), _address(sender)))
        ),
    )


def _serves_standby(wal_sender: WalSender) -> bool:
    physical = wal_sender.kind is ReplicationKind.PHYSICAL
    return physical and wal_sender.activity is not Activity.BACKUP


def _names(wal_sender: WalSender) -> tuple[str, str]:
    return wal_sender.role, wal_sender.application_name


def _address(wal_sender: WalSender) -> str | None:
    peer = wal_sender.peer
    return str(peer.address) if isinstance(peer, TcpPeer) else None


def standbys_that_may_be(wal_sender: WalSender, standbys: Standbys) -> tuple[Standby, ...]:
    """Return the standbys that the walsender may serve, as few as slot, address and sender leave.

    One that none of the three speaks for is left with the others, or alone: see ``supported``.
    """
    if not _serves_standby(wal_sender):
        return ()
    left = tuple(
        s
        for s in standbys.by_name.get(_names(wal_sender), ())
        if not _elsewhere(s, wal_sender, standbys)
    )
    for spoken_for in (_by_slot, _by_address, _by_sender):
        left = spoken_for(left, wal_sender, standbys) or left
    return left


def supported(found: Sequence[Standby], wal_sender: WalSender, standbys: Standbys) -> bool:
    """Return whether more than the names says that the walsender serves one of ``found``."""
    return any(
        spoken_for(found, wal_sender, standbys)
        for spoken_for in (_by_slot, _by_address, _by_sender)
    )


def _elsewhere(standby: Standby, wal_sender: WalSender, standbys: Standbys) -> bool:
    """Return whether the standby certainly receives through another walsender."""
    receiver = standby.receiver
    slots = {receiver.slot_name, wal_sender.slot_name}
    named = "" not in slots and not receiver.slot_name.startswith(_TEMPORARY_SLOT)
    if named and len(slots) > 1:
        return True
    if receiver.sender_host in standbys.hosts:
        ports = {receiver.sender_port, standbys.port}
        return None not in ports and len(ports) > 1
    return bool(standbys.others.get(receiver.sender_host, frozenset()) - {standby.target})


def _by_slot(
    found: Sequence[Standby], wal_sender: WalSender, _standbys: Standbys
) -> tuple[Standby, ...]:
    # one walsender at a time uses a slot
    slot = wal_sender.slot_name
    return tuple(s for s in found if slot != "" and s.receiver.slot_name == slot)


def _by_address(
    found: Sequence[Standby], wal_sender: WalSender, standbys: Standbys
) -> tuple[Standby, ...]:
    address = _address(wal_sender)
    there = tuple(s for s in found if address in s.addresses)
    # with more walsenders than that, another standby at this address may be behind this one
    return there if standbys.served[(*_names(wal_sender), address)] <= len(there) else ()


def _by_sender(
    found: Sequence[Standby], wal_sender: WalSender, standbys: Standbys
) -> tuple[Standby, ...]:
    # a port that differs has ruled it out already
    here = tuple(s for s in found if s.receiver.sender_host in standbys.hosts)
    return here if standbys.served[_names(wal_sender)] <= len(here) else ()
