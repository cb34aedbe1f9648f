"""Primaries for the live tests: with TLS, roles, rules and the exporter's login."""

import contextlib
import itertools
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporter.model.kept import Kept
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.observe.postgres.poll import observe
from exporter.sql import least_privilege_sql
from lab import installations
from lab.pki import Authority, server_pki
from lab.server import PostgresServer
from tests.live.seen import note_read

_NUMBERS = itertools.count(1)
_NOTHING = Kept()

MAJORS = (13, 14, 15, 16, 17, 18)

EXPORTER_ROLE = "exporter"
REPLICA_PASSWORD = "replica-password"

HBA = f"""\
local   replication  r_socket                    trust
local   postgres     l_socket                    trust
host    postgres     {EXPORTER_ROLE},blind  127.0.0.1/32  trust
hostssl replication  r_cert       127.0.0.1/32  cert
hostssl postgres     l_cert       127.0.0.1/32  cert
host    replication  r_password   127.0.0.1/32  scram-sha-256
"""

ROLES = f"""
CREATE ROLE r_cert LOGIN REPLICATION;
CREATE ROLE l_cert LOGIN REPLICATION;
CREATE ROLE r_socket LOGIN REPLICATION;
CREATE ROLE l_socket LOGIN REPLICATION;
CREATE ROLE r_password LOGIN REPLICATION PASSWORD '{REPLICA_PASSWORD}';
CREATE ROLE blind LOGIN;
CREATE ROLE standbys;
CREATE ROLE machines;
GRANT machines TO standbys;
GRANT standbys TO r_cert;
"""


@dataclass(frozen=True, slots=True)
class Primary:
    """A server with TLS that requires certificates from its replicas, and the authority of both."""

    server: PostgresServer
    authority: Authority

    def target(
        self,
        parameters: Mapping[str, str] | None = None,
        *,
        role: str = EXPORTER_ROLE,
        timeout_seconds: float = 10.0,
    ) -> Target:
        """Return the target for a login as ``role`` by ``trust``."""
        return Target(
            name=f"pg{self.server.major}",
            parameters={
                "host": "127.0.0.1",
                "port": str(self.server.port),
                "user": role,
                "dbname": "postgres",
                **(parameters or {}),
            },
            timeout_seconds=timeout_seconds,
        )

    async def observe(self, role: str = EXPORTER_ROLE, *, kept: Kept = _NOTHING) -> Observation:
        """Poll once; the poll must succeed."""
        read = await observe(self.target(role=role), now=lambda: datetime.now(UTC), kept=kept)
        note_read(read)
        assert isinstance(read, Observation), read
        return read

    def reset(self) -> None:
        """Put files, settings and the exporter's grants back as they were at the start."""
        self.server.write_hba(HBA)
        self.server.write_ident("")
        self.server.sql("ALTER SYSTEM RESET ALL")
        self.server.reload()
        self.server.sql(f"ALTER ROLE {EXPORTER_ROLE} INHERIT")
        self.server.sql("DROP SCHEMA IF EXISTS replication_cert_exporter CASCADE")
        self.server.sql(least_privilege_sql(EXPORTER_ROLE))

    def client(self, role: str, **parameters: str) -> dict[str, str]:
        """Return the parameters of a replication client without a certificate, over TCP."""
        return {
            "host": "127.0.0.1",
            "port": str(self.server.port),
            "user": role,
            "sslmode": "disable",
            **parameters,
        }

    def client_with_certificate(self, role: str, **parameters: str) -> dict[str, str]:
        """Return the parameters of a replication client with a certificate of its own."""
        issued = self.authority.issue(common_name=role)
        return {
            **self.client(role),
            "sslmode": "verify-ca",
            "sslcert": str(issued.certificate_path),
            "sslkey": str(issued.key_path),
            "sslrootcert": str(self.authority.certificate_path),
            **parameters,
        }

    def client_over_socket(self, role: str, **parameters: str) -> dict[str, str]:
        """Return the parameters of a replication client on the unix socket."""
        return {**self.client(role), "host": str(self.server.socket_directory), **parameters}


class Primaries:
    """The shared primaries by major."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self._directory = directory
        self._authority = authority
        self._started: dict[int, Primary] = {}
        self._changeable: dict[int, Primary] = {}

    def __getitem__(self, major: int) -> Primary:
        if major not in self._started:
            self._started[major] = self.start(major, f"{major}")
        return self._started[major]

    def changeable(self, major: int) -> Primary:
        """Return the primary that tests change and reset."""
        if major not in self._changeable:
            self._changeable[major] = self.start(major, f"changeable{major}")
        return self._changeable[major]

    def start(
        self,
        major: int,
        name: str,
        *,
        hba: str = HBA,
        settings: Mapping[str, str] | None = None,
        tls: bool = True,
        roles: str = ROLES,
    ) -> Primary:
        """Start another primary, with the lab's roles and the exporter's."""
        server = PostgresServer.create(
            installations.provide(major),
            self._directory / name,
            hba=hba,
            settings=settings,
            pki=server_pki(self._authority) if tls else None,
        )
        server.sql(roles)
        server.sql(least_privilege_sql(EXPORTER_ROLE))
        return Primary(server, self._authority)

    def stop(self) -> None:
        for primary in (*self._started.values(), *self._changeable.values()):
            primary.server.kill()


@contextlib.contextmanager
def fresh_primary(
    primaries: Primaries,
    major: int,
    *,
    hba: str = HBA,
    settings: Mapping[str, str] | None = None,
    tls: bool = True,
    roles: str = ROLES,
) -> Iterator[Primary]:
    """A primary for one test alone."""
    name = f"own{next(_NUMBERS)}"
    started = primaries.start(major, name, hba=hba, settings=settings, tls=tls, roles=roles)
    try:
        yield started
    finally:
        started.server.kill()
        shutil.rmtree(started.server.directory)
