"""A primary with five replication connections, and the exporter's login by certificate over TLS."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from exporter.sql import least_privilege_sql
from lab import installations, modes
from lab.pki import Authority, server_pki
from lab.server import PostgresServer
from lab.wait import until

ROLE = "exporter"
CONNECTIONS = (
    modes.UNIX_SOCKET,
    modes.LOGICAL_WITH_CERTIFICATE,
    modes.LOGICAL_WITH_PASSWORD,
    modes.TRUSTED_PLAINTEXT,
    modes.SHADOWED,
)
_HBA = f"""\
hostssl   postgres {ROLE} 127.0.0.1/32 cert
hostnossl postgres {ROLE} 127.0.0.1/32 trust
"""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Place:
    """What is measured against.

    Attributes:
        login: libpq parameters of a login by certificate over TLS.
    """

    server: PostgresServer
    login: Mapping[str, str]

    def cpu_seconds(self) -> float:
        """Return the processor time of the postmaster and all its children, ended ones included.

        In steps of the kernel's clock tick (10 ms as a rule), so measure many polls together.
        """
        own = _fields(self.server.pid)
        total = sum(map(int, own[11:15]))  # utime, stime, and those of children waited for
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = _fields(int(entry.name))
            except (OSError, ProcessLookupError):
                continue  # it ended meanwhile, and is counted by its parent
            if int(fields[1]) == self.server.pid:
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third, ``state``, on (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


@contextmanager
def place(directory: Path) -> Iterator[Place]:
    """Yield the primary with its connections up."""
    authority = Authority.create(directory / "pki")
    with ExitStack() as stack:
        server = stack.enter_context(
            PostgresServer.create(
                installations.find(),
                directory / "primary",
                hba=_HBA + modes.hba_text(CONNECTIONS),
                pki=server_pki(authority),
            )
        )
        server.sql(least_privilege_sql(ROLE))
        password = modes.create_roles(server, CONNECTIONS)
        stack.enter_context(modes.clients(server, authority, password, CONNECTIONS))
        until(
            lambda: server.sql("SELECT count(*) FROM pg_stat_replication") == [(len(CONNECTIONS),)],
            within=20,
            what="the replication connections",
        )
        issued = authority.issue(common_name=ROLE)
        yield Place(
            server,
            {
                **server.tcp,
                "user": ROLE,
                "dbname": "postgres",
                "sslmode": "verify-full",
                "sslrootcert": str(authority.certificate_path),
                "sslcert": str(issued.certificate_path),
                "sslkey": str(issued.key_path),
            },
        )
