"""Which of the standbys that are targets too a walsender serves.

Name and role do not tell it: several standbys may share both, and one that receives from another
standby has them as well. Slot, address or the sender it names must say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.model.knowledge import Standby
from exporter.model.observation import Server
from exporter.model.target import Target
from exporter.model.wal_sender import Activity, ReplicationKind, TcpPeer, WalSender

_TEMPORARY_SLOT = "pg_walreceiver_"
"""What a standby calls a slot of its own making (walreceiver.c)."""
_DEFAULT_PORT = "5432"


@dataclass(frozen=True, slots=True)
class Standbys:
    """The standbys of a target's cluster.

    Attributes:
        by_name: by role and application name.
        hosts: names and addresses of the target.
        port: of the target; None if not known.
        others: names of the standbys at an address that is none of the target's, by address.
    """

    by_name: Mapping[tuple[str, str], tuple[Standby, ...]]
    hosts: frozenset[str]
    port: int | None
    others: Mapping[str, frozenset[str]]


def standbys_of(target: Target, server: Server, standbys: Sequence[Standby]) -> Standbys:
    """Return those of ``standbys`` that may receive from ``target``."""
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
    )


def standbys_that_may_be(wal_sender: WalSender, standbys: Standbys) -> tuple[Standby, ...]:
    """Return the standbys that the walsender may serve, as few as slot, address and sender leave.

    One that none of the three speaks for is left with the others, or alone: see ``supported``.
    """
    if wal_sender.kind is not ReplicationKind.PHYSICAL or wal_sender.activity is Activity.BACKUP:
        return ()
    key = (wal_sender.role, wal_sender.application_name)
    left = tuple(
        s for s in standbys.by_name.get(key, ()) if not _elsewhere(s, wal_sender, standbys)
    )
    for speaks in (_by_slot, _by_address, _by_sender):
        left = tuple(s for s in left if speaks(s, wal_sender, standbys)) or left
    return left


def supported(standby: Standby, wal_sender: WalSender, standbys: Standbys) -> bool:
    """Return whether more than the names says that the walsender serves this standby."""
    return any(
        speaks(standby, wal_sender, standbys) for speaks in (_by_slot, _by_address, _by_sender)
    )


def _elsewhere(standby: Standby, wal_sender: WalSender, standbys: Standbys) -> bool:
    """Return whether the standby visibly receives through another walsender."""
    receiver = standby.receiver
    slots = {receiver.slot_name, wal_sender.slot_name}
    named = "" not in slots and not receiver.slot_name.startswith(_TEMPORARY_SLOT)
    if named and len(slots) > 1:
        return True
    if receiver.sender_host in standbys.hosts:
        ports = {receiver.sender_port, standbys.port}
        return None not in ports and len(ports) > 1
    return bool(standbys.others.get(receiver.sender_host, frozenset()) - {standby.target})


def _by_slot(standby: Standby, wal_sender: WalSender, _standbys: Standbys) -> bool:
    return wal_sender.slot_name != "" and standby.receiver.slot_name == wal_sender.slot_name


def _by_address(standby: Standby, wal_sender: WalSender, _standbys: Standbys) -> bool:
    peer = wal_sender.peer
    return isinstance(peer, TcpPeer) and str(peer.address) in standby.addresses


def _by_sender(standby: Standby, _wal_sender: WalSender, standbys: Standbys) -> bool:
    # a port that differs has ruled it out already
    return standby.receiver.sender_host in standbys.hosts
