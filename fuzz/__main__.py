"""``python -m fuzz``: run, tell, and with ``--record`` write fuzz/results.json."""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from fuzz.seeds import write_seeds

RESULTS = Path(__file__).parent / "results.json"
LONGEST_INPUT_BYTES = 4096
MOST_SECONDS_PER_INPUT = 20
MOST_MEMORY_MIB = 1024


def main() -> int:
    """Run; return libFuzzer's exit status: not 0 after an exception, a hang, too much memory."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="write fuzz/results.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        for name in ("corpus", "crashes"):
            (work / name).mkdir()
        write_seeds(work / "corpus", work / "pki")
        log = work / "log"
        status = _run(work, arguments.inputs, log)
        told = log.read_text("utf-8", errors="replace")
        crashes = sorted((work / "crashes").iterdir())
        for crash in crashes:
            print(f"{crash.name}: {crash.read_bytes()!r}")
    if status or crashes:
        print(told[-4000:])
    results = {
        "inputs": _number(r"stat::number_of_executed_units: *(\d+)", told),
        "seconds": _number(r"Done \d+ runs in (\d+) second", told),
        "peak_memory_mib": _number(r"stat::peak_rss_mb: *(\d+)", told),
        "slowest_input_seconds": _number(r"stat::slowest_unit_time_sec: *(\d+)", told),
        "inputs_that_reached_something_new": _number(r"stat::new_units_added: *(\d+)", told),
        "crashes": len(crashes),
        "with": f"atheris {version('atheris')}, Python {platform.python_version()},"
        f" cryptography {version('cryptography')}, pyOpenSSL {version('pyopenssl')}",
    }
    print(json.dumps(results, indent=2))
    if arguments.record:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    return status


def _run(work: Path, inputs: int, log: Path) -> int:
    with log.open("wb") as output:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "fuzz.target",
                str(work / "corpus"),
                f"-runs={inputs}",
                f"-max_len={LONGEST_INPUT_BYTES}",
                f"-timeout={MOST_SECONDS_PER_INPUT}",
                f"-rss_limit_mb={MOST_MEMORY_MIB}",
                f"-artifact_prefix={work}/crashes/",
                "-print_final_stats=1",
                "-verbosity=1",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _number(pattern: str, told: str) -> int | None:
    found = re.search(pattern, told)
    return int(found[1]) if found else None


if __name__ == "__main__":
    sys.exit(main())
