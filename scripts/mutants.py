"""Mutation tests of exporter/assess: every surviving mutant has to be explained.

mutmut changes one expression at a time. What mypy objects to is noticed already; of the others, the
unit tests that reach the expression are run. A mutant that nothing notices means that the judgement
could be wrong there without anybody seeing it. Those that cannot be noticed, because they behave
the same, stand in tests/mutants-explained.toml with the reason.

An explanation names the function and the changed lines, not mutmut's running number, so that it
holds when code above it changes; one that fits no survivor any more is an error too.
"""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

EXPLAINED = Path("tests/mutants-explained.toml")
NOTICED = {"killed", "timeout", "segfault", "caught by type check"}
"""mutmut's words for a mutant that made the tests fail, hang or crash."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changes.

    Attributes:
        function: dotted name of the function or method.
        before, after: the changed lines, without indentation, joined by line breaks.
    """

    function: str
    before: str
    after: str


def _mutmut(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], check=True, capture_output=True, text=True
    ).stdout


def _function(mutant: str) -> str:
    """Return the dotted name in ``package.x_name__mutmut_7`` or ``….xǁClassǁname__mutmut_7``."""
    name = mutant.rsplit("__mutmut_", 1)[0]
    module, _, last = name.rpartition(".")
    return f"{module}.{last.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def _change(mutant: str) -> Change:
    removed, added = [], []
    for line in _mutmut("show", mutant).splitlines():
        if line.startswith("-") and not line.startswith("---"):
            removed.append(line[1:].strip())
        elif line.startswith("+") and not line.startswith("+++"):
            added.append(line[1:].strip())
    return Change(_function(mutant), "\n".join(removed), "\n".join(added))


def _explained() -> dict[Change, str]:
    entries = tomllib.loads(EXPLAINED.read_text("utf-8")).get("mutant", [])
    return {
        Change(e["function"], e["before"].strip(), e["after"].strip()): e["because"]
        for e in entries
    }


def main() -> int:
    """Run mutmut and return 1 if a survivor is not explained or an explanation fits none."""
    shutil.rmtree("mutants", ignore_errors=True)
    run = subprocess.run(
        [sys.executable, "-m", "mutmut", "run"], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        print(run.stdout[-4000:], run.stderr[-4000:], sep="\n", file=sys.stderr)
        return 1
    lines = _mutmut("results", "--all", "true").splitlines()
    results = [
        (name, state)
        for name, _, state in (line.strip().partition(": ") for line in lines)
        if "__mutmut_" in name
    ]
    if not results:
        print("mutmut made no mutants: is exporter/assess where it was?", file=sys.stderr)
        return 1
    survivors = {_change(name): (name, state) for name, state in results if state not in NOTICED}
    explained = _explained()
    print(
        f"{len(results)} mutants, {len(survivors)} not noticed, {len(explained)} of them explained"
    )
    for change in survivors.keys() - explained.keys():
        name, state = survivors[change]
        print(f"\n{state}: {name}\n- {change.before}\n+ {change.after}", file=sys.stderr)
    for change in explained.keys() - survivors.keys():
        print(f"\nexplained, but noticed or gone: {change}", file=sys.stderr)
    return 0 if survivors.keys() == explained.keys() else 1


if __name__ == "__main__":
    sys.exit(main())
