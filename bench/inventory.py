"""``python -m bench.inventory``: what 10,000 client certificates cost; writes results and a page.

They lie in one folder, one per file, as PEM.
"""

import json
import os
import platform
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from exporter.model.inventory import InventorySource
from exporter.observe.certificates.files.inventory import InventoryReader
from lab import odd_certificates as odd
from lab.pki import Authority

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "bench/inventory-results.json"
PAGE = REPOSITORY / "docs/performance-inventory.md"

CERTIFICATES = 10_000
LOOKS = 20
MOST_CPU_MS = (3000, 200, 400)
"""Of the first three looks."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the files.

    Attributes:
        cpu_ms: of one processor; the median where there were several looks.
        wall_ms: likewise.
    """

    name: str
    looks: int
    cpu_ms: float
    wall_ms: float


class _Certificates:
    """What is written into files: always another certificate."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority.create(folder)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._number = 0

    def pem(self) -> str:
        self._number += 1
        der = odd.certificate(
            self._key,
            subject=odd.distinguished_name(
                [("2.5.4.10", odd.UTF8, b"Lab")],
                [("2.5.4.3", odd.UTF8, f"standby-{self._number}".encode())],
            ),
            signed_by=self._authority.key,
            issuer=self._authority.certificate.subject.public_bytes(),
            serial_number=2**150 + self._number,
        )
        return ssl.DER_cert_to_PEM_cert(der)


def _later() -> datetime:
    # what was written just now would be read again
    return datetime.now(UTC) + timedelta(seconds=10)


def _measured(
    name: str, looks: int, look: Callable[[], object], before: Callable[[int], object]
) -> Look:
    cpu, wall = [], []
    for number in range(looks):
        before(number)
        began, began_cpu = time.perf_counter(), time.process_time()
        look()
        cpu.append(time.process_time() - began_cpu)
        wall.append(time.perf_counter() - began)
    return Look(
        name,
        looks,
        round(statistics.median(cpu) * 1000, 1),
        round(statistics.median(wall) * 1000, 1),
    )


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def measure(work: Path) -> tuple[list[Look], float]:
    """Return what each look cost, and by how many MiB the process grew."""
    certificates = _Certificates(work / "pki")
    folder = work / "many"
    folder.mkdir()
    files = [folder / f"standby-{number:05}.crt" for number in range(CERTIFICATES)]
    for file in files:
        file.write_text(certificates.pem(), "ascii")
    bundle = work / "bundle.pem"
    bundle.write_text("".join(file.read_text("ascii") for file in files), "ascii")

    reader = InventoryReader([InventorySource("bench", (str(folder),))])

    def look() -> None:
        inventory = reader.read(_later())
        if len(inventory.certificates) != CERTIFICATES or inventory.errors:
            raise RuntimeError("not all certificates were read")

    resident = _resident_mib()
    looks = [_measured("first read", 1, look, lambda _: None)]
    grown = round(_resident_mib() - resident, 1)
    looks.append(_measured("nothing changed", LOOKS, look, lambda _: None))
    looks.append(
        _measured(
            "one file changed",
            LOOKS,
            look,
            lambda number: files[number].write_text(certificates.pem(), "ascii"),
        )
    )
    bundled = InventoryReader([InventorySource("bench", (str(bundle),))])
    looks.append(
        _measured("first read, all in one file", 1, lambda: bundled.read(_later()), lambda _: None)
    )
    return looks, grown


def main() -> int:
    """Measure and write; exit with 1 if a goal is missed."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as directory:
        looks, grown = measure(Path(directory))
    goals = [
        (f"{look.name}: at most {most} ms of CPU", f"{look.cpu_ms} ms", look.cpu_ms <= most)
        for look, most in zip(looks, MOST_CPU_MS, strict=False)
    ]
    about = (
        f"{CERTIFICATES:,} files of one certificate each (PEM, P-256) in one folder; Python"
        f" {platform.python_version()}; {os.cpu_count()} processors, load average {before:.1f}"
        f" before and {os.getloadavg()[0]:.1f} after. The process grew by {grown} MiB."
    )
    results = {
        "about": about,
        "looks": [asdict(look) for look in looks],
        "grown_mib": grown,
        "goals": [{"goal": g, "measured": found, "met": met} for g, found, met in goals],
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    page = "\n".join(
        [
            "# Performance: the inventory",
            "",
            "Written by `make bench-inventory`; no number here is typed by hand. Shared machines",
            "vary by a third from run to run.",
            "",
            about,
            "",
            "| one look | CPU ms | wall ms | median of |",
            "|---|---|---|---|",
            *(f"| {e.name} | {e.cpu_ms} | {e.wall_ms} | {e.looks} |" for e in looks),
            "",
            "| goal | measured | met |",
            "|---|---|---|",
            *(f"| {goal} | {found} | {'yes' if met else '**no**'} |" for goal, found, met in goals),
            "",
        ]
    )
    PAGE.write_text(page, "utf-8")
    print(page)
    return 0 if all(met for _, _, met in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
