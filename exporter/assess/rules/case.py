"""The inputs for the reasons and the remedy of one connection."""

from dataclasses import dataclass

from exporter.assess.rules.match import Client
from exporter.assess.rules.outcome import InForce, Outcomes
from exporter.assess.rules.peers import Peer
from exporter.assess.rules.surroundings import Surroundings
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand, HbaState, Posture
from exporter.model.observation import Server
from exporter.model.policy import Policy
from exporter.model.wal_sender import WalSender

CLIENTNAME_SINCE = 140000
"""``server_version_num`` from which a rule may carry ``clientname=``."""


@dataclass(frozen=True, slots=True)
class Case:
    """One connection under the rules in force.

    Attributes:
        found: the rules that may govern it, as it connects.
        peers: the other connections of the target; None where there are too many to compare.
    """

    wal_sender: WalSender
    client: Client
    posture: Posture
    demanded: frozenset[Demand]
    found: Outcomes
    name_unproven: bool
    server: Server
    hba_state: HbaState
    ident_state: HbaState
    in_force: InForce
    surroundings: Surroundings
    policy: Policy
    peers: tuple[Peer, ...] | None

    def compares_whole_name(self, rule: HbaRule, found: Outcomes | None = None) -> bool | None:
        """Return whether ``rule`` has ``clientname=DN``; None if that is not known.

        Args:
            rule: one that may govern.
            found: among these outcomes; None for those of the connection as it is.
        """
        if self.server.version_number < CLIENTNAME_SINCE:
            return False
        answers = (self.found if found is None else found).clientname(rule)
        return next(iter(answers)) if len(answers) == 1 else None

    @property
    def is_under_patroni(self) -> bool:
        """Whether pg_hba.conf has the header of files that Patroni writes."""
        return any(content.is_written_by_patroni for content in self.in_force.rules)
