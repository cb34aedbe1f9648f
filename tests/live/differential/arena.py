"""One server with the exporter's login on it, ready for one rule file after the other."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

from exporter.assess.report import assess
from exporter.model.failure import Unread
from exporter.model.hba import HbaContent
from exporter.model.history import RulesHistory
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.report import Connection, TargetReport
from exporter.model.target import Target
from exporter.observe.postgres.poll import observe
from exporter.sql import least_privilege_sql
from lab import installations
from lab.account import server_account
from lab.pki import Authority, server_pki
from lab.replication import LOGICAL, ReplicationClient
from lab.server import PostgresServer
from lab.source_address import SourceAddresses
from tests.live.differential import ordinary_files as ordinary
from tests.live.differential.clients import SOURCES, Client
from tests.live.differential.maps import NAMES
from tests.live.differential.oracle import Oracle
from tests.live.differential.population import (
    DATABASES,
    GROUPS,
    OBSERVER,
    ROLES,
    client_certificates,
    populate,
)
from tests.live.differential.rule_files import MAIN, PARTS
from tests.unit.assess.facts import KNOWLEDGE

OUR_LINES = f"local postgres {OBSERVER} trust\n"
"""Our own ways in; they come first in every pg_hba.conf, after the lab's."""

_POLLS = 3
"""As many until the rules must be known to be loaded."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the exporter says.

    Attributes:
        content: the rules as it read them.
        connections: one for each client, in their order.
    """

    content: HbaContent
    connections: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class Arena:
    """One server.

    Attributes:
        runner: for the exporter's poll.
    """

    server: PostgresServer
    oracle: Oracle
    runner: asyncio.Runner

    def load(self, files: Mapping[str, str], *, tls: bool = True) -> None:
        """Put files in place of those before, and have the server load them.

        Args:
            files: text by path relative to the data directory.
            tls: the setting ``ssl``.
        """
        self.server.write("postgresql.auto.conf", "" if tls else "ssl = off\n")
        parts = self.server.data_directory / PARTS
        shutil.rmtree(parts, ignore_errors=True)
        for name, text in files.items():
            self._folder((self.server.data_directory / name).parent)
            if name == MAIN:
                self.server.write_hba(OUR_LINES + text)
            else:
                self.server.write(name, text)
        offset = self.server.log_size()
        self.server.reload()
        log = self.server.log_since(offset)
        assert "was not reloaded" not in log, log

    def _folder(self, folder: Path) -> None:
        if folder != self.server.data_directory and not folder.is_dir():
            folder.mkdir(parents=True)
            server_account().own(folder)

    def judge(self, clients: Sequence[Client]) -> Judged:
        """Poll the server as the exporter does, and judge ``clients`` as if they replicated.

        The walsenders that are really there are idle ones of every role and to every database,
        so that all that is read about them is read.
        """
        observation, report = self._once_loaded(clients)
        assert not isinstance(observation.hba, Unread)
        assert not isinstance(report.connections, Unread)
        by_number = {c.wal_sender.pid: c for c in report.connections}
        return Judged(observation.hba, tuple(by_number[number] for number in range(len(clients))))

    def _once_loaded(self, clients: Sequence[Client]) -> tuple[Observation, TargetReport]:
        history = RulesHistory()
        for _ in range(_POLLS):
            observation = self.observe()
            now = datetime.now(UTC)
            wal_senders = tuple(c.wal_sender(n, at=now) for n, c in enumerate(clients))
            report, history = assess(
                replace(observation, wal_senders=wal_senders),
                self.target,
                history,
                KNOWLEDGE,
                now=now,
            )
            if report.rules is not None and report.rules.state is HbaState.LOADED:
                return observation, report
            # Of some files the times are not read (lists for @): a reload between two polls
            # that see the same content settles it.
            self.server.reload()
        raise AssertionError("the rules are not known to be loaded")

    @property
    def target(self) -> Target:
        """The exporter's way in."""
        return Target(
            name=f"pg{self.server.major}",
            parameters={
                "host": str(self.server.socket_directory),
                "port": str(self.server.port),
                "user": OBSERVER,
                "dbname": "postgres",
            },
        )

    def observe(self) -> Observation:
        """Poll once; everything must be readable."""
        read = self.runner.run(observe(self.target, now=lambda: datetime.now(UTC)))
        assert isinstance(read, Observation), read
        unread = [
            value
            for value in (
                read.wal_senders,
                read.hba,
                read.hba_lines,
                read.ident,
                read.file_times,
                read.role_memberships,
                read.regular_expressions,
            )
            if isinstance(value, Unread)
        ]
        assert not unread, unread
        return read


@contextlib.contextmanager
def arena(major: int, directory: Path) -> Iterator[Arena]:
    """Start a server of ``major`` with everything that the tests need."""
    with contextlib.ExitStack() as stack:
        authority = Authority.create(directory / f"pki{major}")
        server = stack.enter_context(
            PostgresServer.create(
                installations.provide(major),
                directory / f"server{major}",
                hba="local all all trust\nlocal replication all trust\n",
                pki=server_pki(authority),
                settings={
                    "listen_addresses": "127.0.0.1,::1",
                    "log_replication_commands": "off",
                    "max_connections": "100",
                    "max_wal_senders": "60",
                    "autovacuum": "off",
                    "max_logical_replication_workers": "0",
                },
            )
        )
        # by name: those that ordinary files share with the odd ones are the same
        roles = {role.name: role for role in (*ordinary.ROLES, *ROLES)}
        databases = dict.fromkeys((*ordinary.DATABASES, *DATABASES))
        populate(server, (*GROUPS, *ordinary.GROUPS), tuple(roles.values()), databases)
        server.sql(least_privilege_sql(OBSERVER))
        for role, database in zip_longest(roles, databases):
            # they stay, whatever rules are loaded later
            stack.enter_context(
                ReplicationClient(
                    {
                        "host": str(server.socket_directory),
                        "port": str(server.port),
                        "user": role or ROLES[0].name,
                        "dbname": database or DATABASES[0],
                    },
                    LOGICAL,
                    stream=False,
                )
            )
        sources = stack.enter_context(
            SourceAddresses(server.port, sorted({*SOURCES, *ordinary.SOURCES}))
        )
        oracle = Oracle(server, sources, client_certificates(authority, {*roles, *NAMES}))
        yield Arena(server, oracle, stack.enter_context(asyncio.Runner()))
