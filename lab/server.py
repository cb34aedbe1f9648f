"""A real PostgreSQL server on a free loopback port, which dies with this process."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import psycopg.conninfo

from lab import remains
from lab.account import server_account, start
from lab.base_backup import copy_cluster
from lab.cluster import SETTINGS, Cluster, quoted, tls_settings
from lab.installations import Installation
from lab.pki import ServerPki
from lab.wait import until

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_BIND_ATTEMPTS = 5


class PostgresServer(Cluster):
    """One server with its files; a context manager that ends it.

    Attributes:
        port: on 127.0.0.1 (and other ``listen_addresses``) and of the unix socket.
    """

    def __init__(self, installation: Installation, directory: Path) -> None:
        super().__init__(installation, directory)
        self.port = 0
        self._settings = SETTINGS
        self._environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(
        cls,
        installation: Installation,
        directory: Path,
        *,
        hba: str,
        settings: Mapping[str, str] | None = None,
        pki: ServerPki | None = None,
        keep_access: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Initialise a cluster (superuser ``postgres``, UTF8, locale C) and start it.

        Args:
            installation: of the version wanted.
            directory: made if it is missing; everything of the server is in it.
            hba: pg_hba.conf; after ``LAB_RULE`` if ``keep_access``.
            settings: of postgresql.conf, unquoted, beside and over the lab's own.
            pki: turns TLS on.
            keep_access: False to write ``hba`` alone.
            environment: of the server, such as KRB5_CONFIG.
        """
        server = cls(installation, directory)
        server.initialise()
        server._environment = dict(environment or {})
        server._settings = {**SETTINGS, **tls_settings(pki), **(settings or {})}
        server.write_hba(hba, keep_access=keep_access)
        server.start()
        return server

    def standby(
        self,
        directory: Path,
        primary_conninfo: Mapping[str, str],
        *,
        settings: Mapping[str, str] | None = None,
        hba: str | None = None,
    ) -> "PostgresServer":
        """Copy this server by a base backup and start the copy as a hot standby of it.

        It starts whether or not ``primary_conninfo`` is let in.

        Args:
            directory: made if it is missing.
            primary_conninfo: libpq parameters; this server's address if not given.
            settings: beside and over this server's own.
            hba: instead of a copy of this server's pg_hba.conf.
        """
        copy = PostgresServer(self.installation, directory)
        copy.make_directory()
        with self.connect() as connection:
            copy_cluster(connection, self.data_directory, copy.data_directory)
        parameters = {**self.tcp, **primary_conninfo}
        conninfo = psycopg.conninfo.make_conninfo(**parameters)
        copy._settings = {
            **self._settings,
            "hot_standby": "on",
            "primary_conninfo": conninfo,
            "wal_retrieve_retry_interval": "200ms",
            **(settings or {}),
        }
        copy.write("standby.signal", "")
        copy.write("postgresql.auto.conf", "")
        server_account().own(copy.data_directory)
        if hba is not None:
            copy.write_hba(hba)
        copy.start()
        return copy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the postmaster.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    @property
    def tcp(self) -> dict[str, str]:
        """Parameters of libpq that lead here over TCP.

        With a name as host: libpq of 13 and 14 does not look for addresses in a certificate.
        """
        return {"host": "localhost", "hostaddr": "127.0.0.1", "port": str(self.port)}

    @property
    def socket(self) -> dict[str, str]:
        """Parameters of libpq that lead here over the unix socket."""
        return {"host": str(self.socket_directory), "port": str(self.port)}

    def is_running(self) -> bool:
        """Return whether the postmaster is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server, and return when it takes connections.

        Raises:
            RuntimeError: it ended instead; the message holds its log.
        """
        for _ in range(_BIND_ATTEMPTS):
            if self.port == 0:
                self.port = _free_port()
            offset = self.log_size()
            if self._start_once():
                return
            # Between choosing a port and binding it, another process may take it.
            if "could not bind" not in self.log_since(offset):
                break
            self.port = 0
        raise RuntimeError(f"PostgreSQL {self.major} did not start:\n{self.log_text()[-4000:]}")

    def _start_once(self) -> bool:
        self.write_settings(
            {
                **self._settings,
                "port": str(self.port),
                "unix_socket_directories": str(self.socket_directory),
            }
        )
        with self.log_path.open("ab") as log:
            process = start(
                [self.installation.program("postgres"), "-D", self.data_directory],
                environment={**self.installation.environment(), **self._environment},
                directory=self.directory,
                output=log,
                # Immediate shutdown: the postmaster takes its children and its shared memory
                # with it, which SIGKILL would leave behind.
                at_parents_death=signal.SIGQUIT,
            )
        self._process = process
        try:
            until(
                lambda: process.poll() is not None or self._is_ready(),
                within=_START_SECONDS,
                what=f"PostgreSQL {self.major} to start, see {self.log_path}",
            )
        except BaseException:
            self.kill()
            raise
        if process.poll() is None:
            return True
        self._process = None
        return False

    def _is_ready(self) -> bool:
        # Line 8 of postmaster.pid (pidfile.h).
        try:
            lines = (self.data_directory / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004  as said above

    def stop(self) -> None:
        """End the server: fast, and if that takes too long, at once. Harmless when it is down."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server as a crash does: no checkpoint, sessions cut off."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for attempt in (how, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(attempt)
            try:
                process.wait(_STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        remains.clear(self.data_directory)

    def restart(self) -> None:
        """Stop and start on the same port.

        Raises:
            RuntimeError: it did not come up again.
        """
        self.stop()
        self.start()

    def sql(
        self,
        statement: str,
        parameters: Sequence[object] | None = None,
        *,
        database: str = "postgres",
        user: str = "postgres",
    ) -> list[tuple[Any, ...]]:
        """Run ``statement`` over the unix socket; return the rows of its last result."""
        with (
            self.connect(database=database, user=user) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def connect(
        self, *, database: str = "postgres", user: str = "postgres"
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a session over the unix socket, in autocommit."""
        return psycopg.connect(
            host=str(self.socket_directory),
            port=self.port,
            dbname=database,
            user=user,
            autocommit=True,
            connect_timeout=10,
        )

    def set(self, name: str, value: str | None) -> None:
        """Set a parameter by ALTER SYSTEM (None: reset); reload or restart puts it in force."""
        if value is None:
            self.sql(f"ALTER SYSTEM RESET {name}")
        else:
            self.sql(f"ALTER SYSTEM SET {name} = {quoted(value)}")

    def reload(self) -> None:
        """Reload the configuration; sessions that begin afterwards meet the result.

        A rejected reload is a reload too: see what the log says.
        """
        offset = self.log_size()
        os.kill(self.pid, signal.SIGHUP)
        until(
            lambda: "received SIGHUP" in self.log_since(offset),
            within=_START_SECONDS,
            what="the postmaster to handle SIGHUP",
        )
        # The line is written before the files are read. The postmaster does one thing after
        # the other, so that a session process that answers was forked after the reload.
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(_START_SECONDS)
            connection.connect(f"{self.socket_directory}/.s.PGSQL.{self.port}")
            connection.sendall(_SSL_REQUEST)
            connection.recv(1)

    def load_time(self) -> datetime:
        """Return pg_conf_load_time() of a fresh session, which is the only true one."""
        [(moment,)] = self.sql("SELECT pg_conf_load_time()")
        if not isinstance(moment, datetime):
            raise TypeError(f"pg_conf_load_time() gave {moment!r}")
        return moment


def _free_port() -> int:
    with contextlib.closing(socket.socket(socket.AF_INET)) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
