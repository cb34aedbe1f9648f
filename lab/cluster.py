"""A cluster at rest: its data directory, configuration files and log."""

from collections.abc import Mapping
from pathlib import Path

from lab.account import run, server_account
from lab.installations import Installation
from lab.pki import ServerPki

LAB_RULE = "local all,replication postgres trust\n"
"""The first line of every pg_hba.conf unless told otherwise: the lab keeps its access."""


_LONGEST_SOCKET_DIRECTORY = 85
SETTINGS: Mapping[str, str] = {
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
"""What every server of the lab is configured with, unless told otherwise."""


class Cluster:
    """The files of one server.

    Attributes:
        data_directory: holds the configuration files, ``pg_hba.conf`` among them.
        socket_directory: of the unix socket.
        log_path: what the server wrote.
    """

    def __init__(self, installation: Installation, directory: Path) -> None:
        self.installation = installation
        self.directory = directory
        self.data_directory = directory / "data"
        self.socket_directory = directory
        self.log_path = directory / "server.log"
        if len(str(directory).encode()) > _LONGEST_SOCKET_DIRECTORY:
            raise ValueError(
                f"{directory} is too long for a unix socket; use lab.account.workspace()"
            )

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.installation.major

    @property
    def hba_path(self) -> Path:
        """pg_hba.conf."""
        return self.data_directory / "pg_hba.conf"

    def make_directory(self) -> None:
        """Make the directory that everything is in, owned by the servers' account."""
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700, parents=True)
            server_account().own(self.directory)

    def initialise(self) -> None:
        """Run initdb: superuser ``postgres``, UTF8, locale C; settings come from ``lab.conf``."""
        self.make_directory()
        run(
            [
                self.installation.program("initdb"),
                *("-D", self.data_directory, "-U", "postgres", "-A", "trust"),
                *("--no-locale", "-E", "UTF8", "--no-sync"),
            ],
            environment=self.installation.environment(),
            directory=self.directory,
        )
        with (self.data_directory / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("include 'lab.conf'\n")

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Replace ``lab.conf``, which postgresql.conf includes."""
        lines = (f"{name} = {quoted(text)}\n" for name, text in settings.items())
        self.write("lab.conf", "".join(lines))

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


def tls_settings(pki: ServerPki | None) -> dict[str, str]:
    """Return the settings that turn TLS on with the files of ``pki``; none for None."""
    if pki is None:
        return {}
    files = {
        "ssl_cert_file": pki.certificate,
        "ssl_key_file": pki.key,
        "ssl_ca_file": pki.authority,
        "ssl_crl_file": pki.revocation_list,
    }
    return {"ssl": "on"} | {name: str(path) for name, path in files.items() if path is not None}
