"""What polls have read about certificates, kept for later polls and judgements.

The board owns one store. Everything in it is a value that was read; nothing is judged here.
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
class _ServedReading:
    """One reading of a served chain.

    Attributes:
        at: seconds of a monotonic clock.
        loaded_at: the server's last load that was known before the reading.
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
        self._served: dict[str, _ServedReading] = {}
        self._loaded_at: dict[str, datetime] = {}
        self._standbys: dict[str, Standby] = {}
        self._seen: dict[str, tuple[Certificate, ...]] = {}

    def kept(self, name: str) -> Kept:
        """Return what earlier polls of a target read that need not be read again."""
        return self._kept.get(name, Kept())

    def served_is_due(self, target: Target, at: float) -> bool:
        """Return whether the chain that ``target`` serves is to be read.

        Args:
            target: the server that serves it.
            at: seconds of a monotonic clock.
        """
        check = target.served_certificate
        if check is None:
            return False
        reading = self._served.get(target.name, _ServedReading())
        # what could not be read is tried again at each poll, so that success is reported soon
        return not isinstance(reading.served, ServedChain) or (
            at - reading.at >= check.interval_seconds
        )

    def served_is_outdated(self, name: str) -> bool:
        """Return whether the server has loaded its files since its served chain was read.

        The server's own clock decides; it may differ from the exporter's.
        """
        reading = self._served.get(name, _ServedReading())
        loaded_at = self._loaded_at.get(name)
        has_loaded = loaded_at not in {None, reading.loaded_at}
        return has_loaded and isinstance(reading.served, ServedChain)

    def loaded_at(self, name: str) -> datetime | None:
        """Return when the server last loaded its files, according to its latest poll."""
        return self._loaded_at.get(name)

    def post_served(
        self, name: str, served: Read[ServedChain], at: float, loaded_at: datetime | None
    ) -> None:
        """Keep the result of reading the served chain.

        Args:
            name: of the target.
            served: the result.
            at: when the reading began, as for ``served_is_due``.
            loaded_at: what ``loaded_at`` returned before it began.
        """
        self._served[name] = _ServedReading(served, at, loaded_at)

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
        """Keep the certificates that sessions of a target use, for as long as they use them."""
        if isinstance(report.connections, Unread):
            return
        used = {
            connection.in_use.certificate
            for connection in report.connections
            if isinstance(connection.in_use, Matched)
        }
        # sorted, so that unchanged values compare equal
        self._seen[name] = tuple(sorted(used, key=lambda c: c.fingerprint))

    def knowledge(self, name: str, system_identifier: str | None, verify: Verify) -> Knowledge:
        """Return what is known in addition to the poll of target ``name``.

        Args:
            name: of the target.
            system_identifier: of its cluster; if it is unknown, no standby is returned.
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
            served=self._served.get(name, _ServedReading()).served,
            # sorted, whichever target was polled last, so that unchanged values compare equal
            standbys=tuple(sorted(others, key=lambda standby: standby.target)),
            seen=self._seen.get(name, ()),
        )

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Forget the targets for which ``gone`` returns true."""
        for kept in (self._kept, self._served, self._loaded_at, self._standbys, self._seen):
            for name in [n for n in kept if gone(n)]:
                del kept[name]
