"""What the demo is about: the servers, the certificates, and the clients that replicate."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.sql import least_privilege_sql
from lab import modes
from lab.installations import Installation
from lab.modes import Mode
from lab.pki import Authority, server_pki
from lab.replication import ReplicationClient
from lab.server import PostgresServer
from lab.wait import until

EXPORTER_ROLE = "replication_cert_exporter"
STANDBY_ROLE = "standby"
STANDBY_NAME = "standby1"

SHOWN = (
    modes.CERTIFICATE_NOT_ASKED_FOR,
    modes.TRUSTED_WITH_CERTIFICATE,
    modes.TLS_WITHOUT_CERTIFICATE,
    modes.FALLEN_BACK,
    modes.UNIX_SOCKET,
    modes.LOGICAL_WITH_CERTIFICATE,
    modes.LOGICAL_WITH_PASSWORD,
)
"""The clients beside the standby, which is the one that is as it should be."""

_HBA = f"""\
# the exporter's own login: no password, a certificate of its name
hostssl postgres     {EXPORTER_ROLE}  127.0.0.1/32  cert
# the standby, as it should be
hostssl replication  {STANDBY_ROLE}   127.0.0.1/32  cert
# the others, each by a way of its own
"""
_CATCH_UP_SECONDS = 20.0
_AUTHORITY_VALID = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Stage:
    """The running servers and clients."""

    primary: PostgresServer
    standby: PostgresServer
    clients: Mapping[str, ReplicationClient]
    config_file: Path

    def broken(self) -> str:
        """Return which part has ended by itself; empty if none has."""
        for name, server in (("primary", self.primary), ("standby", self.standby)):
            if not server.is_running():
                return f"the {name}, see the end of its log:\n{server.log_text()[-1500:]}"
        for name, client in self.clients.items():
            if not client.is_streaming():
                return f"the client {name}"
        return ""


@contextmanager
def stage(
    installation: Installation, directory: Path, going_on: Callable[[], None]
) -> Iterator[Stage]:
    """Yield servers and clients that replicate.

    Args:
        installation: the PostgreSQL to use.
        directory: an empty one of the servers' account.
        going_on: called between two steps; raises to give up.
    """
    # An authority outlives what it issues; the certificates end in a year.
    authority = Authority.create(
        directory / "pki",
        common_name="Demo CA",
        not_after=datetime.now(UTC) + _AUTHORITY_VALID,
    )
    with ExitStack() as stack:
        primary = stack.enter_context(_primary(installation, directory, authority))
        going_on()
        standby = stack.enter_context(_standby(primary, directory, authority))
        password = modes.create_roles(primary, SHOWN)
        clients: dict[str, ReplicationClient] = {}
        for mode in SHOWN:
            going_on()
            clients[mode.name] = stack.enter_context(_client(mode, primary, authority, password))
        until(
            lambda: _streaming(primary) == 1 + len(SHOWN),
            within=_CATCH_UP_SECONDS,
            what="every client to stream",
        )
        config = _configuration(primary, standby, directory, authority)
        yield Stage(primary, standby, clients, config)


def _primary(installation: Installation, directory: Path, authority: Authority) -> PostgresServer:
    primary = PostgresServer.create(
        installation,
        directory / "primary",
        hba=_HBA + modes.hba_text(SHOWN),
        pki=server_pki(authority),
        settings={"cluster_name": "demo"},
    )
    primary.sql(f"CREATE ROLE {STANDBY_ROLE} LOGIN REPLICATION")
    primary.sql(least_privilege_sql(EXPORTER_ROLE))
    return primary


def _standby(primary: PostgresServer, directory: Path, authority: Authority) -> PostgresServer:
    issued = authority.issue(common_name=STANDBY_ROLE)
    return primary.standby(
        directory / "standby",
        {
            "user": STANDBY_ROLE,
            "application_name": STANDBY_NAME,
            "sslmode": "verify-full",
            "sslrootcert": str(authority.certificate_path),
            "sslcert": str(issued.certificate_path),
            "sslkey": str(issued.key_path),
        },
    )


def _client(
    mode: Mode, primary: PostgresServer, authority: Authority, password: str
) -> ReplicationClient:
    return ReplicationClient(modes.parameters(mode, primary, authority, password), mode.kind)


def _streaming(primary: PostgresServer) -> int:
    [(number,)] = primary.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
    return int(number)


def _configuration(
    primary: PostgresServer, standby: PostgresServer, directory: Path, authority: Authority
) -> Path:
    issued = authority.issue(common_name=EXPORTER_ROLE)
    login = f"""\
    host: localhost
    hostaddr: 127.0.0.1
    dbname: postgres
    user: {EXPORTER_ROLE}
    sslmode: verify-full
    sslrootcert: {authority.certificate_path}
    sslcert: {issued.certificate_path}
    sslkey: {issued.key_path}
    cluster_name: demo
"""
    path = directory / "config.yml"
    path.write_text(
        f"""\
defaults:
  interval: 5s
  timeout: 4s
  policy:
    # As a rule connections from a loopback address are exempt: nobody else hears them. All of
    # the demo is on one machine, and this is how the others are to be seen.
    exempt_loopback: false

# Certificates of the clients, so that it can be told when each of them ends.
inventory:
  - name: clients
    paths: {authority.directory}/*.crt

targets:
  - name: primary
    port: {primary.port}
{login}
  # The standby tells which certificate it will show when it connects again.
  - name: {STANDBY_NAME}
    port: {standby.port}
{login}""",
        "utf-8",
    )
    return path
