"""What polls learned of certificates, for the polls and the judgements that come after.

The board owns one. Everything in it is a value that was read; nothing is judged here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from exporter.model.certificate import Certificate
from exporter.model.certificates_report import Matched
from exporter.model.failure import Read, Unread
from exporter.model.inventory import Inventory
from exporter.model.kept import Kept
from exporter.model.knowledge import Knowledge, Standby
from exporter.model.observation import Observation
from exporter.model.report import TargetReport
from exporter.model.served import ServedChain
from exporter.model.target import Target
from exporter.model.verification import Verify


@dataclass(frozen=True, slots=True)
class _Looked:
    """A look at a served chain.

    Attributes:
        at: seconds of a clock that never goes back.
        loaded_at: the server's last load that was known before the look.
    """

    served: Read[ServedChain] | None = None
    at: float = 0.0
    loaded_at: datetime | None = None


class CertificateStore:
    """Values by the name of the target.

    Attributes:
        inventory: as last read; None before, and where none is configured.
    """

    def __init__(self) -> None:
        self.inventory: Inventory | None = None
        self._kept: dict[str, Kept] = {}
        self._served: dict[str, _Looked] = {}
        self._loaded_at: dict[str, datetime] = {}
        self._standbys: dict[str, Standby] = {}
        self._seen: dict[str, tuple[Certificate, ...]] = {}

    def kept(self, name: str) -> Kept:
        """Return what earlier polls of a target read that need not be read again."""
        return self._kept.get(name, Kept())

    def served_is_due(self, target: Target, at: float) -> bool:
        """Tell whether the chain that ``target`` serves is to be looked at.

        Args:
            target: whose.
            at: seconds of a clock that never goes back.
        """
        check = target.served_certificate
        if check is None:
            return False
        looked = self._served.get(target.name, _Looked())
        # what could not be read is tried again at each poll, so that it is told soon that it can
        return not isinstance(looked.served, ServedChain) or (
            at - looked.at >= check.interval_seconds
        )

    def served_is_outdated(self, name: str) -> bool:
        """Tell whether the server has loaded its files since the look at the chain it serves.

        By the server's own clock, which need not be the exporter's.
        """
        looked = self._served.get(name, _Looked())
        loaded_at = self._loaded_at.get(name)
        return isinstance(looked.served, ServedChain) and loaded_at not in {None, looked.loaded_at}

    def loaded_at(self, name: str) -> datetime | None:
        """Return when the server last loaded its files, as its latest poll told."""
        return self._loaded_at.get(name)

    def post_served(
        self, name: str, served: Read[ServedChain], at: float, loaded_at: datetime | None
    ) -> None:
        """Keep what a look at the served chain brought.

        Args:
            name: of the target.
            served: what it brought.
            at: when it began, as for ``served_is_due``.
            loaded_at: what ``loaded_at`` told before it began.
        """
        self._served[name] = _Looked(served, at, loaded_at)

    def post_observed(self, target: Target, observation: Read[Observation]) -> None:
        """Keep what a poll read, for the next poll and for the judgement of other targets."""
        name = target.name
        self._standbys.pop(name, None)
        if isinstance(observation, Unread):
            return
        self._kept[name] = observation.kept
        self._loaded_at[name] = observation.server.configuration_loaded_at
        receiver = observation.receiver
        if isinstance(receiver, Unread) or receiver is None:
            return
        address = observation.server.address
        places = (
            target.parameters.get("host", ""),
            target.parameters.get("hostaddr", ""),
            "" if address is None else str(address),
        )
        self._standbys[name] = Standby(
            target=name,
            system_identifier=observation.server.system_identifier,
            addresses=frozenset(place for place in places if place),
            receiver=receiver,
        )

    def post_judged(self, name: str, report: TargetReport) -> None:
        """Keep which certificates the sessions of a target use, as long as they do."""
        if isinstance(report.connections, Unread):
            return
        used = {
            connection.in_use.certificate
            for connection in report.connections
            if isinstance(connection.in_use, Matched)
        }
        # in one order, so that what did not change compares equal
        self._seen[name] = tuple(sorted(used, key=lambda c: c.fingerprint))

    def knowledge(self, name: str, system_identifier: str | None, verify: Verify) -> Knowledge:
        """Return what is known beside the poll of target ``name``.

        Args:
            name: of the target.
            system_identifier: of its cluster; where it is not known, no standby is known either.
            verify: OpenSSL, as a function.
        """
        others = (
            standby
            for standby in self._standbys.values()
            if standby.target != name
            and system_identifier is not None
            and standby.system_identifier == system_identifier
        )
        return Knowledge(
            verify=verify,
            inventory=self.inventory,
            served=self._served.get(name, _Looked()).served,
            # in one order, whoever was polled last, so that what did not change compares equal
            standbys=tuple(sorted(others, key=lambda standby: standby.target)),
            seen=self._seen.get(name, ()),
        )

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Forget the targets for which ``gone`` says so."""
        for kept in (self._kept, self._served, self._loaded_at, self._standbys, self._seen):
            for name in [n for n in kept if gone(n)]:
                del kept[name]
