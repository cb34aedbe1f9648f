"""A real MIT Kerberos realm on a free loopback port, for GSSAPI-encrypted replication.

Needs krb5kdc, kdb5_util, kadmin.local and kinit (Debian: krb5-kdc, krb5-admin-server,
krb5-user). Everything lives in one directory, named by environment variables only.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.account import server_account, start
from lab.wait import until

REALM = "LAB.EXAMPLE"
_SERVICE = "postgres/localhost"
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
_MASTER_KEY = "made for one run on this machine"
_SEARCH_PATH = "/usr/sbin:/sbin:/usr/lib/mit/sbin:/usr/local/sbin"
_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Realm:
    """A running realm.

    Attributes:
        keytab: of the service ``postgres/localhost``, for ``krb_server_keyfile``.
    """

    directory: Path
    keytab: Path

    def environment(self) -> dict[str, str]:
        """Return what every program of the realm needs in its environment."""
        return {
            "KRB5_CONFIG": str(self.directory / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{self.directory / 'credentials'}",
        }

    @contextlib.contextmanager
    def logged_in(self, principal: str) -> Iterator[None]:
        """Hold a ticket of ``principal``, made if there is none, for libpq in this process.

        It takes the ticket from the environment, which is changed meanwhile.
        """
        keytab = self.directory / f"{principal}.keytab"
        if not keytab.exists():
            self._add(principal, keytab)
        self._run(["kinit", "-k", "-t", str(keytab), principal])
        before = {name: os.environ.get(name) for name in self.environment()}
        os.environ.update(self.environment())
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _add(self, principal: str, keytab: Path) -> None:
        self._run(["kadmin.local", "-r", REALM, "addprinc", "-randkey", principal])
        self._run(["kadmin.local", "-r", REALM, "ktadd", "-k", str(keytab), principal])
        server_account().own(keytab)

    def _run(self, command: list[str]) -> None:
        _run(command, self.environment())


@contextlib.contextmanager
def realm(directory: Path) -> Iterator[Realm]:
    """Create a realm in ``directory`` (made) and run its key distribution centre.

    Raises:
        LookupError: a program is missing; the message tells which packages to install.
    """
    missing = [name for name in _PROGRAMS if _program(name) is None]
    if missing:
        raise LookupError(
            f"missing: {', '.join(missing)}; on Debian: "
            "apt-get install krb5-kdc krb5-admin-server krb5-user"
        )
    directory.mkdir(mode=0o711)
    port = _free_port()
    _write_configuration(directory, port)
    made = Realm(directory, directory / "postgres.keytab")
    _run(["kdb5_util", "create", "-s", "-r", REALM, "-P", _MASTER_KEY], made.environment())
    made._add(_SERVICE, made.keytab)  # noqa: SLF001  its own class
    with (directory / "kdc.log").open("wb") as log:
        process = start(
            [_program("krb5kdc") or "krb5kdc", "-n", "-r", REALM],
            environment=made.environment(),
            directory=directory,
            output=log,
            at_parents_death=signal.SIGTERM,
            as_server_account=False,
        )
    try:
        until(
            lambda: process.poll() is not None or _answers(port),
            within=_START_SECONDS,
            what="the key distribution centre to listen",
        )
        if process.poll() is not None:
            raise RuntimeError((directory / "kdc.log").read_text("utf-8"))
        yield made
    finally:
        process.terminate()
        try:
            process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _write_configuration(directory: Path, port: int) -> None:
    (directory / "krb5.conf").write_text(
        f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {REALM}
[logging]
    default = STDERR
""",
        "utf-8",
    )
    (directory / "kdc.conf").write_text(
        f"""[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {REALM} = {{
        database_name = {directory}/principal
        key_stash_file = {directory}/stash
        acl_file = {directory}/kadm5.acl
        max_life = 1h
    }}
""",
        "utf-8",
    )
    # The server, as another account, reads it too.
    (directory / "krb5.conf").chmod(0o644)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SEARCH_PATH}")


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    program = _program(command[0]) or command[0]
    result = subprocess.run(
        [program, *command[1:]],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
