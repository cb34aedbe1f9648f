"""What a real server did with a real client, taken from its log.

The server writes file and line of the rule with every successful authentication (17 and up also for
``trust``) and with every failed one. It does not where a rule says ``reject``, or demands a
certificate that was not shown; it says only that, and the twin of the rules has to be asked.

Source: auth.c, ClientAuthentication(), auth_failed(), set_authn_id().
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from exporter.model.hba import RuleLocation
from lab.pki import Issued
from lab.replication import LOGICAL, PHYSICAL, ReplicationClient, ReplicationRefusedError
from lab.server import PostgresServer
from lab.source_address import SourceAddresses
from tests.live.differential.clients import Client
from tests.live.differential.population import PASSWORD

_LOCATION = (
    re.compile(r'connection authenticated: (?:identity|user)=".*" method=\S+ \((.+):(\d+)\)$'),
    re.compile(r'(?:DETAIL:  |^\t)Connection matched file "(.+?)" line (\d+): "'),
)


class Silent(Enum):
    """Why the server refused without logging the line."""

    REJECTED = "pg_hba.conf rejects "
    NO_CERTIFICATE = "connection requires a valid client certificate"


class NoEntry(Enum):
    """No rule matched."""

    NO_ENTRY = "no pg_hba.conf entry for "


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a client.

    Attributes:
        governed_by: the rule's location; or that there was none; or why the log does not show it.
        admitted: it became a walsender.
    """

    governed_by: RuleLocation | NoEntry | Silent
    admitted: bool
    log: str


class UnreadableLogError(Exception):
    """The log contains none of the messages known here, or two that contradict each other."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """Connects clients to one server, one after the other."""

    server: PostgresServer
    sources: SourceAddresses
    certificates: Mapping[str, Issued]

    def ask(self, client: Client) -> Outcome:
        """Connect ``client`` and return what became of it."""
        offset = self.server.log_size()
        admitted = True
        kind = PHYSICAL if client.database is None else LOGICAL
        try:
            ReplicationClient(self._parameters(client), kind, stream=False).close()
        except ReplicationRefusedError:
            admitted = False
        log = self.server.log_since(offset)
        return Outcome(_governed_by(log), admitted, log)

    def _parameters(self, client: Client) -> dict[str, str]:
        parameters = {
            "user": client.role,
            "password": PASSWORD if client.knows_password else "wrong",
            "sslmode": "require" if client.tls else "disable",
        }
        if client.database is not None:
            parameters["dbname"] = client.database
        if client.source is None:
            parameters |= {
                "host": str(self.server.socket_directory),
                "port": str(self.server.port),
            }
        else:
            parameters |= {"host": "127.0.0.1", "port": str(self.sources.port(client.source))}
        if client.certificate is not None:
            issued = self.certificates[client.certificate]
            parameters |= {"sslcert": str(issued.certificate_path), "sslkey": str(issued.key_path)}
        return parameters


def _governed_by(log: str) -> RuleLocation | NoEntry | Silent:
    found: set[RuleLocation | NoEntry | Silent] = set()
    for line in log.splitlines():
        for pattern in _LOCATION:
            match = pattern.search(line)
            if match is not None:
                found.add(RuleLocation(match[1], int(match[2])))
        for said in (*NoEntry, *Silent):
            if f"FATAL:  {said.value}" in line:
                found.add(said)
    if len(found) != 1:
        raise UnreadableLogError(log)
    return found.pop()
