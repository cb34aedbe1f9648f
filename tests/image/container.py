"""Building and running containers as the project's image is meant to be run."""

import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STORE = REPOSITORY / ".tools" / "image"
IMAGE = "localhost/pg-replication-cert-exporter:test"
PYTHON = "3.13"
_BUILD_SECONDS = 300
_RUN_SECONDS = 60
_STORAGE = ("--storage-driver", "overlay", "--root", str(STORE / "images"), "--runroot")


def _run(command: Sequence[str], within: float) -> str:
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=within
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build() -> None:
    """Build the Dockerfile at the top of the repository into ``IMAGE``."""
    _run(["scripts/base-image", str(STORE), PYTHON], _BUILD_SECONDS)
    # --format docker: the OCI format knows no HEALTHCHECK
    options = ["--isolation", "chroot", "--format", "docker", "--pull-never"]
    _run(
        ["buildah", *_STORAGE, str(STORE / "run"), "bud", *options, "--tag", IMAGE, "."],
        _BUILD_SECONDS,
    )


def _podman(*arguments: str) -> str:
    # runc: Debian 12's crun refuses hosts with both versions of control groups
    runtime = ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]
    return _run(["podman", *_STORAGE, str(STORE / "run"), *runtime, *arguments], _RUN_SECONDS)


class Container:
    """A running container of the image."""

    def __init__(self, name: str) -> None:
        self._name = name

    def python(self, program: str) -> str:
        """Run ``program`` by the image's Python inside the container and return what it prints."""
        return _podman("exec", self._name, "python", "-c", program)

    def get(self, path: str) -> str:
        """Return what the exporter answers inside the container."""
        url = f"http://127.0.0.1:10048{path}"
        return self.python(
            f"import urllib.request; print(urllib.request.urlopen({url!r}).read().decode())"
        )

    def is_healthy(self) -> bool:
        """Run the image's own HEALTHCHECK."""
        command = ["podman", *_STORAGE, str(STORE / "run"), "healthcheck", "run", self._name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def exit_status(self) -> int:
        """Wait until the program ends by itself, and return its exit status."""
        return int(_podman("wait", self._name))

    def stop(self) -> int:
        """Send SIGTERM as an orchestrator does and return the exit status."""
        _podman("stop", "--time", "10", self._name)
        return self.exit_status()

    def logs(self) -> str:
        """Return what the program wrote to standard output and standard error."""
        command = ["podman", *_STORAGE, str(STORE / "run"), "logs", self._name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr


@contextmanager
def running(mounts: Sequence[tuple[Path, str]], *arguments: str) -> Iterator[Container]:
    """Run the image without network, capabilities or a file system to write on.

    Args:
        mounts: directories or files here, and where they appear, read-only.
        arguments: instead of those of the image.
    """
    name = f"pgrepl-{uuid.uuid4().hex[:12]}"
    volumes = [word for here, there in mounts for word in ("--volume", f"{here}:{there}:ro")]
    confined = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]
    _podman(
        *("run", "--detach", "--name", name, "--network", "none"),
        *(*confined, *limits, *volumes, IMAGE, *arguments),
    )
    try:
        yield Container(name)
    finally:
        _podman("rm", "--force", "--time", "0", name)
