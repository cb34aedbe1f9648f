"""``python -m fuzz``: run, tell, and with ``--record`` write fuzz/results.json."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.seeds import write_seeds

RESULTS = Path(__file__).parent / "results.json"
LONGEST_INPUT_BYTES = 8192
MOST_SECONDS_PER_INPUT = 20
MOST_MEMORY_MIB = 1024


def main() -> int:
    """Return libFuzzer's exit status: not 0 after an exception, a hang, or too much memory."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="write fuzz/results.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        corpus = Path(directory, "corpus")
        corpus.mkdir()
        write_seeds(corpus, Path(directory, "pki"))
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "fuzz.target",
                str(corpus),
                f"-runs={arguments.inputs}",
                f"-max_len={LONGEST_INPUT_BYTES}",
                f"-timeout={MOST_SECONDS_PER_INPUT}",
                f"-rss_limit_mb={MOST_MEMORY_MIB}",
                f"-artifact_prefix={directory}/",
                "-print_final_stats=1",
            ],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        crashes = [path for path in Path(directory).glob("*-*") if path.is_file()]
        for crash in crashes:
            print(f"{crash.name}: {crash.read_bytes()!r}")
    print(run.stderr[-4000:])


if __name__ == "__main__":
    sys.exit(main())
