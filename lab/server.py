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

from lab.account import run, server_account, start
from lab.base_backup import copy_cluster
from lab.installations import Installation
from lab.pki import ServerPki
from lab.wait import until

LAB_RULE = "local all,replication postgres trust\n"
"""The first line of every pg_hba.conf unless told otherwise: the lab keeps its access."""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_BIND_ATTEMPTS = 5
_LONGEST_SOCKET_DIRECTORY = 85
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "wal_level": "logical",
    "max_wal_senders": "30",
    "max_replication_slots": "30",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_connections": "on",
    "log_replication_commands": "on",
    "log_timezone": "UTC",
}


class PostgresServer:
    """One server with its data directory; a context manager that ends it.

    Attributes:
        data_directory: holds the configuration files, ``pg_hba.conf`` among them.
        socket_directory: of the unix socket.
        port: on 127.0.0.1 (and other ``listen_addresses``) and of the unix socket.
        log_path: what the server wrote.
    """

    def __init__(self, installation: Installation, directory: Path) -> None:
        self.installation = installation
        self.directory = directory
        self.data_directory = directory / "data"
        self.socket_directory = directory
        self.log_path = directory / "server.log"
        self.port = 0
        self._settings = _SETTINGS
        self._process: subprocess.Popen[bytes] | None = None
        if len(str(directory).encode()) > _LONGEST_SOCKET_DIRECTORY:
            raise ValueError(
                f"{directory} is too long for a unix socket; use lab.account.workspace()"
            )

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
    ) -> Self:
        """Initialise a cluster (superuser ``postgres``, UTF8, locale C) and start it.

        Args:
            installation: of the version wanted.
            directory: made if it is missing; everything of the server is in it.
            hba: pg_hba.conf; after ``LAB_RULE`` if ``keep_access``.
            settings: of postgresql.conf, unquoted, beside and over the lab's own.
            pki: turns TLS on.
            keep_access: False to write ``hba`` alone.
        """
        server = cls(installation, directory)
        _make(directory)
        run(
            [
                *(installation.program("initdb"), "-D", server.data_directory, "-U", "postgres"),
                *("-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"),
            ],
            environment=installation.environment(),
            directory=directory,
        )
        with (server.data_directory / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("include 'lab.conf'\n")
        server._settings = {**_SETTINGS, **_tls(pki), **(settings or {})}
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
            primary_conninfo: libpq parameters; host and port of this server if not given.
            settings: beside and over this server's own.
            hba: instead of a copy of this server's pg_hba.conf.
        """
        copy = PostgresServer(self.installation, directory)
        _make(directory)
        with self.connect() as connection:
            copy_cluster(connection, self.data_directory, copy.data_directory)
        parameters = {"host": "127.0.0.1", "port": str(self.port), **primary_conninfo}
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
    def major(self) -> int:
        """The server's major version."""
        return self.installation.major

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
    def hba_path(self) -> Path:
        """pg_hba.conf."""
        return self.data_directory / "pg_hba.conf"

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
        settings = {
            **self._settings,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_directory),
        }
        self.write(
            "lab.conf", "".join(f"{name} = {quoted(text)}\n" for name, text in settings.items())
        )
        with self.log_path.open("ab") as log:
            process = start(
                [self.installation.program("postgres"), "-D", self.data_directory],
                environment=self.installation.environment(),
                directory=self.directory,
                output=log,
                # Immediate shutdown: the postmaster takes its children and its shared memory
                # with it, which SIGKILL would leave behind.
                at_parents_death=signal.SIGQUIT,
            )
        self._process = process
        until(
            lambda: process.poll() is not None or self._is_ready(),
            within=_START_SECONDS,
            what=f"PostgreSQL {self.major} to start, see {self.log_path}",
        )
        if process.poll() is None:
            return True
        self._process = None
        return False

    def _is_ready(self) -> bool:
        # Line 8 of postmaster.pid; "standby" is a hot standby that takes no connections yet,
        # which is as far as one without a consistent state gets (pidfile.h).
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
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

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

    def write_hba(self, text: str, *, keep_access: bool = True) -> None:
        """Replace pg_hba.conf, after ``LAB_RULE`` if ``keep_access``; loads nothing."""
        self.write("pg_hba.conf", (LAB_RULE if keep_access else "") + text)

    def write_ident(self, text: str) -> None:
        """Replace pg_ident.conf; loads nothing."""
        self.write("pg_ident.conf", text)

    def write(self, name: str, text: str) -> Path:
        """Replace a file of the data directory, atomically; return its path."""
        path = self.data_directory / name
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o600)
        return server_account().own(fresh).replace(path)

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

    def log_size(self) -> int:
        """Return the present size of the log, in bytes, for ``log_since``."""
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def log_since(self, offset: int) -> str:
        """Return what was logged after the first ``offset`` bytes."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace")

    def log_text(self) -> str:
        """Return the whole log."""
        return self.log_since(0)


def quoted(text: str) -> str:
    """Return ``text`` as a literal of SQL and of postgresql.conf."""
    return "'" + text.replace("'", "''") + "'"


def _tls(pki: ServerPki | None) -> dict[str, str]:
    if pki is None:
        return {}
    files = {
        "ssl_cert_file": pki.certificate,
        "ssl_key_file": pki.key,
        "ssl_ca_file": pki.authority,
        "ssl_crl_file": pki.revocation_list,
    }
    return {"ssl": "on"} | {name: str(path) for name, path in files.items() if path is not None}


def _make(directory: Path) -> None:
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True)
        server_account().own(directory)


def _free_port() -> int:
    with contextlib.closing(socket.socket(socket.AF_INET)) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
