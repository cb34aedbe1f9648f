"""A real standby, secured as the remedy says: a reload of the standby is what reconnects it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from exporter.model.client_steps import ConfigureStandby, Reconnect
from exporter.model.judgement import Posture
from exporter.model.remedy import Step
from exporter.model.report import Connection
from lab.cluster import quoted
from lab.server import PostgresServer
from lab.wait import until
from tests.live.primaries import Primaries
from tests.live.scenarios.stage import Stage, connections_of, stage
from tests.steps import lines

pytestmark = pytest.mark.live

PASSWORD = "a-password"
RULES = "host replication repl 127.0.0.0/8 scram-sha-256\n"


@dataclass
class Pair:
    primary: Stage
    standby: PostgresServer
    conninfo: dict[str, str]

    def connection(self) -> Connection | None:
        found = [
            c
            for c in connections_of(self.primary.poll())
            if c.wal_sender.application_name == "standby" and c.wal_sender.state == "streaming"
        ]
        return found[0] if found else None

    def streaming(self, posture: Posture) -> Connection:
        """Poll until the standby streams in this posture."""
        found: list[Connection] = []

        def streams() -> bool:
            connection = self.connection()
            found[:] = [] if connection is None else [connection]
            return bool(found) and found[0].posture is posture

        until(streams, within=30, what=f"the standby to stream as {posture.value}")
        return found[0]


@pytest.fixture(params=[13, 15, 18])
def pair(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Pair]:
    roles = f"CREATE ROLE repl LOGIN REPLICATION PASSWORD {quoted(PASSWORD)}"
    with stage(primaries, request.param, RULES, roles=roles) as started:
        server = started.primary.server
        conninfo = {
            **server.tcp,
            "user": "repl",
            "password": PASSWORD,
            "sslmode": "disable",
            "application_name": "standby",
        }
        folder = server.directory
        with server.standby(folder.with_name(f"{folder.name}s"), conninfo) as standby:
            yield Pair(started, standby, conninfo)


def the(of: type, steps: tuple[Step, ...]) -> Step:
    [found] = [step for step in steps if isinstance(step.kind, of)]
    return found


def test_a_reload_after_the_new_primary_conninfo_is_enough(pair: Pair) -> None:
    connection = pair.streaming(Posture.PLAINTEXT)
    step = the(ConfigureStandby, connection.remedy)
    assert lines(step)[-1] == "SELECT pg_reload_conf();"
    issued = pair.primary.primary.authority.issue(common_name="repl")
    authority = pair.primary.primary.authority.certificate_path
    new = pair.conninfo | {
        "sslmode": "verify-full",
        "sslrootcert": str(authority),
        "sslcert": str(issued.certificate_path),
        "sslkey": str(issued.key_path),
    }
    pair.standby.set("primary_conninfo", make_conninfo(**new))
    # edited, and not reloaded: the standby continues as before, however often it is asked
    assert pair.streaming(Posture.PLAINTEXT).wal_sender.pid == connection.wal_sender.pid
    assert pair.standby.sql("SELECT pg_reload_conf()") == [(True,)]
    secured = pair.streaming(Posture.CERTIFICATE_OPTIONAL)

    # another certificate at the same paths: a reload does not end the connection
    again = pair.primary.primary.authority.issue(common_name="repl")
    Path(issued.certificate_path).write_bytes(again.certificate_path.read_bytes())
    Path(issued.key_path).write_bytes(again.key_path.read_bytes())
    pair.standby.reload()
    now = pair.streaming(Posture.CERTIFICATE_OPTIONAL)
    assert now.wal_sender.pid == secured.wal_sender.pid
    assert now.wal_sender.tls == secured.wal_sender.tls
    [terminate] = lines(the(Reconnect, now.remedy))
    pair.primary.primary.server.sql(terminate)

    def presents_the_new_one() -> bool:
        connection = pair.connection()
        return (
            connection is not None
            and connection.wal_sender.tls is not None
            and connection.wal_sender.tls.client_certificate is not None
            and connection.wal_sender.tls.client_certificate.serial_number
            == again.certificate.serial_number
        )

    until(presents_the_new_one, within=30, what="the standby to present the new certificate")
