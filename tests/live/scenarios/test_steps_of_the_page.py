"""The page require-certificate.md, followed block by block: no client is locked out on the way."""

import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model.wal_sender import ReplicationKind
from lab import installations
from lab.pki import Issued
from lab.replication import ReplicationClient, ReplicationRefusedError
from lab.server import PostgresServer
from lab.wait import until
from tests.live.primaries import Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

PAGE = Path(__file__).resolve().parents[3] / "docs" / "runbooks" / "require-certificate.md"
ROLE, OTHER, STANDBY, PASSWORD = "repl", "other", "standby1", "of-both"
ROLES = f"""
CREATE ROLE {ROLE} LOGIN REPLICATION PASSWORD '{PASSWORD}';
CREATE ROLE {OTHER} LOGIN REPLICATION PASSWORD '{PASSWORD}';
"""
SHARED_RULE = f"host replication {ROLE},{OTHER} 127.0.0.1/32 scram-sha-256"
DATABASE_RULE = "host all all 127.0.0.1/32 scram-sha-256"


class Follower:
    """Somebody who follows the page, with names and files of their own in place of the page's."""

    def __init__(self, primary: Primary, standby: PostgresServer, issued: Issued) -> None:
        self.primary = primary.server
        self.standby = standby
        self.files = {
            "root.crt": str(primary.authority.certificate_path),
            "client.crt": str(issued.certificate_path),
            "client.key": str(issued.key_path),
        }
        page = PAGE.read_text("utf-8")
        before, _, steps = page.partition("## The steps")
        self.errors = self._blocks(before)[-1]
        self.steps = iter(self._blocks(steps))

    def _blocks(self, text: str) -> list[str]:
        found = re.findall(r"^ *```(?!promql)\w+\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
        return [self._own(textwrap.dedent(block).strip()) for block in found]

    def _own(self, block: str) -> str:
        names = {
            "ROLE": ROLE,
            "STANDBY": STANDBY,
            "PRIMARY": "localhost",
            "5432": str(self.primary.port),
            "192.0.2.7": "127.0.0.1",
        }
        for name, own in names.items():
            block = block.replace(name, own)
        for name, path in self.files.items():
            block = re.sub(rf"(?:/etc/postgresql/)?\b{name}", path, block)
        return block

    def run(self, command: str) -> str:
        program, *arguments = shlex.split(command)
        environment = {"PATH": os.environ["PATH"]}
        if program == "psql":
            newest = installations.provide(18)
            program = str(newest.program("psql"))
            # in place of typing it, as the server still asks for it
            environment |= newest.environment() | {"PGPASSWORD": PASSWORD}
        done = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def insert(self, lines: str, above: str) -> None:
        text = self.primary.hba_path.read_text("utf-8")
        assert text.count(above) == 1
        self.primary.write("pg_hba.conf", text.replace(above, f"{lines}\n{above}"))
        assert self.primary.sql(self.errors) == []
        self.primary.reload()

    def sender(self) -> tuple[int, bool] | None:
        """Return the standby's process at the primary, and whether it presented a certificate."""
        rows = self.primary.sql(
            "SELECT pid, client_serial IS NOT NULL FROM pg_stat_replication JOIN pg_stat_ssl "
            "USING (pid) WHERE application_name = %s AND state = 'streaming'",
            [STANDBY],
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def everybody_can_reconnect(self, statement: str) -> None:
        before = self.sender()
        assert before is not None
        self.primary.sql(statement)
        until(
            lambda: (now := self.sender()) is not None and now[0] != before[0],
            within=30,
            what="the standby to stream again",
        )
        ReplicationClient(parameters(self.primary, OTHER)).close()


def parameters(server: PostgresServer, role: str, sslmode: str = "prefer") -> dict[str, str]:
    return {**server.tcp, "user": role, "password": PASSWORD, "sslmode": sslmode}


@pytest.fixture(params=[13, 15, 18])
def follower(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Follower]:
    hba = f"{SHARED_RULE}\n{DATABASE_RULE}\n"
    settings = {"ssl_ca_file": ""}
    with fresh_primary(primaries, request.param, hba=hba, roles=ROLES, settings=settings) as made:
        conninfo = parameters(made.server, ROLE, "disable") | {"application_name": STANDBY}
        folder = made.server.directory.with_name(f"{made.server.directory.name}s")
        with made.server.standby(folder, conninfo) as standby:
            yield Follower(made, standby, made.authority.issue(common_name=ROLE))


def test_the_steps_lock_no_client_out_and_leave_no_way_without_a_certificate(
    follower: Follower,
) -> None:
    primary, standby = follower.primary, follower.standby
    until(follower.sender, within=30, what="the standby to stream")
    setting, reload = next(follower.steps), next(follower.steps)
    look, try_it, added, reconnect, cert, reject, databases = follower.steps

    # 1
    name, _, value = setting.partition(" = ")
    primary.set(name, value.strip("'"))
    assert primary.sql(follower.errors) == []
    primary.sql(reload)
    follower.everybody_can_reconnect(reconnect)
    # 2 and 3
    assert f"CN={ROLE}" in follower.run(look)
    assert "systemid" in follower.run(try_it)
    # 4: the reload of the standby alone makes it reconnect
    [(conninfo,)] = standby.sql("SHOW primary_conninfo")
    standby.set("primary_conninfo", f"{conninfo.replace('sslmode=disable', '')} {added}")
    assert follower.sender() is not None
    standby.sql(reload)
    # 5
    until(
        lambda: (now := follower.sender()) is not None and now[1],
        within=30,
        what="the standby to present its certificate",
    )
    follower.everybody_can_reconnect(reconnect)
    # 6
    follower.insert(cert, above=SHARED_RULE)
    follower.everybody_can_reconnect(reconnect)
    # 7
    follower.insert(reject, above=SHARED_RULE)
    follower.everybody_can_reconnect(reconnect)
    follower.insert(databases, above=DATABASE_RULE)
    follower.everybody_can_reconnect(reconnect)

    for kind in ReplicationKind:
        for sslmode in ("disable", "require"):
            with pytest.raises(ReplicationRefusedError):
                ReplicationClient(parameters(primary, ROLE, sslmode), kind)
            if kind is ReplicationKind.PHYSICAL:
                ReplicationClient(parameters(primary, OTHER, sslmode), kind).close()
