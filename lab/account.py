"""The operating-system account that servers run as.

PostgreSQL refuses to run as root and as a user id without a name ("could not look up effective
user ID"). Under root the servers therefore run as ``postgres`` or ``nobody``; under an ordinary
user they run as that user.
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SERVER_ACCOUNTS = ("postgres", "nobody")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Account:
    """An account that owns the servers' files and processes."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> Path:
        """Give ``path``, and all that is below it, to this account; return it."""
        if os.geteuid() == self.uid:
            return path
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if path.is_dir() and not path.is_symlink():
            for entry in path.iterdir():
                self.own(entry)
        return path


def server_account() -> Account:
    """Return the account that servers run as.

    Raises:
        LookupError: this is root, and neither ``postgres`` nor ``nobody`` exists.
    """
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()))
    for name in _SERVER_ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LookupError("PostgreSQL does not run as root; no account 'postgres' or 'nobody' here")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


@contextlib.contextmanager
def workspace(prefix: str = "pgrepl-") -> Iterator[Path]:
    """Yield a new directory that the servers' account owns; remove it at the end.

    Its path is short, so that a unix socket in it stays below the system's 107 bytes.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield server_account().own(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run(
    command: Sequence[str | Path], *, environment: Mapping[str, str], directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end as the servers' account.

    Raises:
        RuntimeError: it failed; the message holds what it wrote.
    """
    account = server_account()
    result = subprocess.run(
        [str(word) for word in command],
        env=_environment(environment, directory),
        cwd=directory,
        user=_other(account.uid),
        group=_other(account.gid),
        extra_groups=[] if os.geteuid() == 0 else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(
            f"{command[0]} ended with {result.returncode}:\n{result.stdout}{result.stderr}"
        )
    return result


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: IO[bytes],
    at_parents_death: signal.Signals,
    as_server_account: bool = True,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a process group of its own, as a rule as the servers' account.

    Args:
        command: program and arguments.
        environment: added to ``PATH`` and a ``HOME`` of ``directory``; nothing else is inherited.
        directory: where it runs.
        output: receives standard output and standard error.
        at_parents_death: the signal that the kernel sends it when the thread that called this
            function ends, however that happens (Linux only). Call it from the main thread.
        as_server_account: False to keep the present user.
    """
    account = server_account()
    change = as_server_account and os.geteuid() == 0
    return subprocess.Popen(
        [str(word) for word in command],
        env=_environment(environment, directory),
        cwd=directory,
        user=account.uid if change else None,
        group=account.gid if change else None,
        extra_groups=[] if change else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=_die_with_parent(at_parents_death),  # noqa: PLW1509  must run after setuid
    )


def _other(identity: int) -> int | None:
    return identity if os.geteuid() == 0 else None


def _environment(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": str(directory), "LC_ALL": "C", **environment}


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def in_the_child() -> None:
        # Changing the user clears the setting (prctl(2)); subprocess calls this afterwards.
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child
