"""The lab: real servers of every major, certificates, standbys, clients."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from lab import installations
from lab.account import server_account, workspace
from lab.installations import Installation
from lab.modes import CERTIFICATE_REQUIRED, PLAINTEXT, create_roles, hba_text, parameters
from lab.pki import Authority, server_pki
from lab.replication import LOGICAL, ReplicationClient, ReplicationRefusedError
from lab.server import PostgresServer
from lab.wait import NotWithinTimeError, until
from tests.live.primaries import Primary

pytestmark = pytest.mark.live

STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND pid = %s"


def test_each_major_is_the_major_asked_for_and_speaks_tls(primary: Primary) -> None:
    issued = primary.authority.issue(common_name="r_cert")
    [(number,)] = primary.server.sql("SELECT current_setting('server_version_num')::int")
    assert number // 10000 == primary.server.major
    with ReplicationClient(
        {
            **primary.server.tcp,
            "user": "r_cert",
            "sslmode": "verify-full",
            "sslrootcert": str(primary.authority.certificate_path),
            "sslcert": str(issued.certificate_path),
            "sslkey": str(issued.key_path),
        }
    ) as client:
        rows = primary.server.sql(
            "SELECT ssl, client_serial FROM pg_stat_ssl WHERE pid = %s", [client.backend_pid]
        )
    assert rows == [(True, issued.certificate.serial_number)]


def test_a_standby_of_each_major_streams(primary: Primary) -> None:
    issued = primary.authority.issue(common_name="r_cert")
    with (
        workspace() as directory,
        primary.server.standby(
            directory / "standby",
            {
                "user": "r_cert",
                "application_name": "a standby",
                "sslmode": "verify-full",
                "sslrootcert": str(primary.authority.certificate_path),
                "sslcert": str(issued.certificate_path),
                "sslkey": str(issued.key_path),
            },
        ) as standby,
    ):
        until(
            lambda: primary.server.sql(
                "SELECT 1 FROM pg_stat_replication"
                " WHERE application_name = 'a standby' AND state = 'streaming'"
            ),
            within=20,
            what="the standby to stream",
        )
        assert standby.sql("SELECT pg_is_in_recovery()") == [(True,)]


def test_a_client_streams_and_ends(primary: Primary) -> None:
    server = primary.server
    with ReplicationClient(primary.client_over_socket("r_socket")) as client:
        until(
            lambda: server.sql(STREAMING, [client.backend_pid]) == [(1,)],
            within=10,
            what="streaming",
        )
        assert client.is_streaming()
    until(
        lambda: server.sql(STREAMING, [client.backend_pid]) == [(0,)],
        within=10,
        what="its end",
    )
    assert not client.is_streaming()


def test_a_logical_client_is_connected_to_its_database(primary: Primary) -> None:
    with ReplicationClient(primary.client_over_socket("l_socket"), LOGICAL) as client:
        rows = primary.server.sql(
            "SELECT datname, backend_type FROM pg_stat_activity WHERE pid = %s",
            [client.backend_pid],
        )
    assert rows == [("postgres", "walsender")]


def test_a_base_backup_stays_under_way(primary: Primary) -> None:
    def state() -> list[tuple[str, ...]]:
        return primary.server.sql(
            "SELECT state FROM pg_stat_replication WHERE pid = %s", [client.backend_pid]
        )

    with ReplicationClient(primary.client_over_socket("r_socket"), base_backup=True) as client:
        until(lambda: state() == [("backup",)], within=20, what="the state backup")


def test_a_refused_client_reports_the_server_s_message(primary: Primary) -> None:
    with pytest.raises(ReplicationRefusedError, match="valid client certificate"):
        ReplicationClient(primary.client("r_cert", sslmode="require"))


def test_a_reload_has_happened_when_it_returns(own_primary: Primary) -> None:
    server = own_primary.server
    with ReplicationClient(own_primary.client_over_socket("r_socket"), stream=False):
        before = server.load_time()
    server.write_hba("local replication r_socket reject\n")
    server.reload()
    assert server.load_time() > before
    with pytest.raises(ReplicationRefusedError, match="rejects replication connection"):
        ReplicationClient(own_primary.client_over_socket("r_socket"))


def test_a_rejected_reload_moves_the_load_time_and_is_in_the_log(own_primary: Primary) -> None:
    server = own_primary.server
    before, offset = server.load_time(), server.log_size()
    server.write_hba("host all all 127.0.0.1/32 peer\n")
    server.reload()
    assert server.load_time() > before
    until(lambda: "was not reloaded" in server.log_since(offset), within=5, what="the log")


def test_a_setting_is_in_force_after_a_reload_and_a_restart_keeps_the_port(
    own_primary: Primary,
) -> None:
    server = own_primary.server
    port = server.port
    server.set("ssl", "off")
    server.reload()
    assert server.sql("SHOW ssl") == [("off",)]
    server.restart()
    assert (server.port, server.sql("SHOW ssl")) == (port, [("off",)])


@pytest.fixture(scope="module")
def found() -> Installation:
    return installations.find()


def test_the_server_found_here_has_tls(found: Installation) -> None:
    assert found.major in installations.MAJORS
    assert found.version.startswith(str(found.major))


def test_the_log_of_a_server_that_does_not_start_is_shown(found: Installation) -> None:
    with workspace() as directory, pytest.raises(RuntimeError, match="no_such_setting"):
        PostgresServer.create(found, directory / "p", hba="", settings={"no_such_setting": "1"})


def test_a_path_too_long_for_a_socket_is_refused_at_once(found: Installation) -> None:
    with pytest.raises(ValueError, match="too long for a unix socket"):
        PostgresServer.create(found, Path("/tmp") / ("long" * 25), hba="")


def test_a_client_takes_nothing_from_home_or_environment(
    found: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # variables of the environment come from outside, not from our code
    with workspace() as directory:
        authority = Authority.create(directory / "pki")
        stray = authority.issue(common_name="stray")
        monkeypatch.setenv("PGSSLCERT", str(stray.certificate_path))
        monkeypatch.setenv("PGSSLKEY", str(stray.key_path))
        monkeypatch.setenv("PGSSLMODE", "disable")
        monkeypatch.setenv("PGUSER", "stray")
        home = directory / "home" / ".postgresql"
        home.mkdir(parents=True)
        (home / "postgresql.crt").write_bytes(stray.certificate_path.read_bytes())
        (home / "postgresql.key").write_bytes(stray.key_path.read_bytes())
        (home / "postgresql.key").chmod(0o600)
        monkeypatch.setenv("HOME", str(directory / "home"))
        with (
            PostgresServer.create(
                found,
                directory / "p",
                hba="host replication all all trust\n",
                pki=server_pki(authority),
            ) as server,
            ReplicationClient({**server.tcp, "user": "postgres"}) as client,
        ):
            rows = server.sql(
                "SELECT ssl, client_serial FROM pg_stat_ssl WHERE pid = %s",
                [client.backend_pid],
            )
    assert rows == [(True, None)]


def test_prefer_falls_back_to_plaintext_only_where_the_rules_make_it(found: Installation) -> None:
    with workspace() as directory:
        authority = Authority.create(directory / "pki")
        shown = (CERTIFICATE_REQUIRED, PLAINTEXT)
        with PostgresServer.create(
            found, directory / "p", hba=hba_text(shown), pki=server_pki(authority)
        ) as server:
            password = create_roles(server, shown)
            prefer = {**parameters(PLAINTEXT, server, authority, password), "sslmode": "prefer"}
            with ReplicationClient(prefer) as client:
                rows = server.sql("SELECT ssl FROM pg_stat_ssl WHERE pid=%s", [client.backend_pid])
    assert rows == [(True,)]


def test_a_killed_postmaster_leaves_no_process_and_no_shared_memory(found: Installation) -> None:
    def segments() -> set[str]:
        lines = Path("/proc/sysvipc/shm").read_text("utf-8").splitlines()[1:]
        owned = [line.split() for line in lines]
        return {words[1] for words in owned if int(words[7]) == server_account().uid}

    with workspace() as directory:
        server = PostgresServer.create(found, directory / "p", hba="")
        own = (server.data_directory / "postmaster.pid").read_text("utf-8").splitlines()[6]
        identifier = own.split()[1]
        assert identifier in segments()
        with server.connect() as session:
            os.kill(server.pid, signal.SIGKILL)
            until(lambda: not server.is_running(), within=5, what="the postmaster to end")
            server.stop()
            with pytest.raises(psycopg.OperationalError):
                session.execute("SELECT 1")
        assert identifier not in segments()


OWNER = """
import sys, time
from pathlib import Path
from lab.installations import find
from lab.server import PostgresServer
server = PostgresServer.create(find(), Path(sys.argv[1]), hba="")
print(server.pid, flush=True)
time.sleep(600)
"""


def test_a_server_does_not_outlive_the_process_that_started_it(found: Installation) -> None:
    assert found.bin_directory.is_dir()
    with workspace() as directory:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(directory / "p")],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert owner.stdout is not None
        with owner, owner.stdout:
            pid = int(owner.stdout.readline())
            assert ends_in(f"/proc/{pid}/cwd", "/p/data")
            owner.kill()
        until(lambda: not ends_in(f"/proc/{pid}/cwd", "/p/data"), within=10, what="its end")


def ends_in(link: str, end: str) -> bool:
    try:
        return str(Path(link).readlink()).endswith(end)
    except OSError:
        return False


def test_what_does_not_come_true_in_time_is_reported() -> None:
    began = time.monotonic()
    with pytest.raises(NotWithinTimeError, match=r"waited 0\.1 s for a wonder"):
        until(lambda: False, within=0.1, what="a wonder")
    assert time.monotonic() - began < 5
