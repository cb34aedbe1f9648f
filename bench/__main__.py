"""``python -m bench``: measure, print, and write bench/results.json and docs/performance.md."""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from bench import peer, poll
from bench.measured import Cost
from bench.place import CONNECTIONS, place
from bench.wire import Traffic
from lab.account import workspace

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_CPU_MS = 4.0
MOST_ROUND_TRIPS = 2
SHARE_OF_PEER = 0.5


def _goals(ours: Cost, theirs: Cost, seen: Traffic) -> list[tuple[str, str, bool]]:
    half_cpu = theirs.server_cpu_ms * SHARE_OF_PEER
    half_wall = theirs.wall_ms * SHARE_OF_PEER
    return [
        (
            f"exporter CPU at most {MOST_CPU_MS:g} ms",
            f"{ours.own_cpu_ms} ms",
            ours.own_cpu_ms <= MOST_CPU_MS,
        ),
        (
            f"round trips after login at most {MOST_ROUND_TRIPS}",
            str(seen.round_trips),
            seen.round_trips <= MOST_ROUND_TRIPS,
        ),
        ("one connection", str(seen.connections), seen.connections == 1),
        (
            f"server CPU at most half of the peer's ({half_cpu:.2f} ms)",
            f"{ours.server_cpu_ms} ms",
            ours.server_cpu_ms <= half_cpu,
        ),
        (
            f"wall clock at most half of the peer's ({half_wall:.2f} ms)",
            f"{ours.wall_ms} ms",
            ours.wall_ms <= half_wall,
        ),
    ]


def _page(about: str, costs: list[Cost], goals: list[tuple[str, str, bool]]) -> str:
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; no number here is typed by hand. Shared machines vary by a third",
        "from run to run.",
        "",
        about,
        "",
        "| one poll | exporter CPU ms | server CPU ms | wall ms (median) | measured over |",
        "|---|---|---|---|---|",
        *(
            f"| {c.name} | {c.own_cpu_ms} | {c.server_cpu_ms} | {c.wall_ms} | {c.polls} |"
            for c in costs
        ),
        "",
        "| goal | measured | met |",
        "|---|---|---|",
        *(f"| {goal} | {found} | {'yes' if met else '**no**'} |" for goal, found, met in goals),
        "",
        "Server CPU is that of the postmaster and its children, ended ones included, so that the",
        "new process and the TLS handshake count. postgres_exporter collects other things as well;",
        "it stands here as what people already run.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and write; exit with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--polls", type=int, default=200, help="(default: %(default)s)")
    polls = parser.parse_args().polls
    before = os.getloadavg()[0]
    with workspace() as directory, place(directory) as where:
        seen = poll.traffic(where)
        ours = poll.measure(where, polls)
        theirs = peer.measure(where, directory, max(20, polls // 4))
        version = where.server.installation.version
    goals = _goals(ours, theirs, seen)
    about = (
        f"One target, PostgreSQL {version} on the same machine, {len(CONNECTIONS)} replication "
        f"connections, login over TLS with a client certificate; Python "
        f"{platform.python_version()}; {os.cpu_count()} processors, "
        f"load average {before:.1f} before and {os.getloadavg()[0]:.1f} after."
    )
    results = {
        "about": about,
        "costs": [asdict(ours), asdict(theirs)],
        "traffic": asdict(seen),
        "goals": [{"goal": g, "measured": found, "met": met} for g, found, met in goals],
    }
    (REPOSITORY / "bench/results.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    page = _page(about, [ours, theirs], goals)
    (REPOSITORY / "docs/performance.md").write_text(page, "utf-8")
    print(page)
    return 0 if all(met for _, _, met in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
