"""``python -m bench``: measure, print, and write bench/results.json and docs/performance.md."""

import argparse
import json
import os
import platform
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path

from bench import peer, poll
from bench.measured import Cost, side_by_side
from bench.place import CONNECTIONS, place
from bench.wire import Traffic
from lab.account import workspace

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_CPU_MS = 4.0
MOST_ROUND_TRIPS = 2
SHARE_OF_PEER = 0.5
POLLS_IN_TURN = 10
_METHOD = (
    f"They take turns, {POLLS_IN_TURN} polls each, so that whatever else the machine does meets "
    "all alike; CPU times are means, for the kernel counts them in steps. A poll is the whole of "
    "it: login, reading, judging, and the board that `/metrics` is served from. The login alone "
    "is what no fresh login can do without. Server CPU is that of the postmaster and "
    "its children, ended ones included, so that the new process and the TLS handshake count. "
    "postgres_exporter logs in as the same role and runs with the collectors that it has by "
    "default, which read other things as well; it stands here as what people already run."
)


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


def _beyond_login(ours: Cost, login: Cost) -> Cost:
    """Return what is left of a poll without its login."""
    return Cost(
        "so that reading and judging take",
        ours.polls,
        round(ours.own_cpu_ms - login.own_cpu_ms, 2),
        round(ours.server_cpu_ms - login.server_cpu_ms, 2),
        round(ours.wall_ms - login.wall_ms, 2),
    )


def _page(about: str, costs: list[Cost], goals: list[tuple[str, str, bool]], first: Traffic) -> str:
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; no number here is typed by hand. Shared machines vary by a third",
        "from run to run.",
        "",
        "This page is about polls; [the inventory](performance-inventory.md) and",
        "[the alerting rules](performance-alerts.md) have their own.",
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
        *textwrap.wrap(
            f"The first poll of a target also reads files and looks at the chain that is served: "
            f"{first.round_trips} round trips, {first.connections} connections. So does a later "
            "one when the files have changed.",
            95,
        ),
        "",
        *textwrap.wrap(_METHOD, 95),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and write; exit with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="(default: %(default)s)")
    rounds = parser.parse_args().rounds
    before = os.getloadavg()[0]
    with workspace() as directory, place(directory) as where, peer.probe(where, directory) as probe:
        first, usual = poll.traffic(where)
        costs = side_by_side(
            [poll.whole_poll(where), poll.login(where), probe],
            where.cpu_seconds,
            rounds=rounds,
            polls_each=POLLS_IN_TURN,
        )
        version = where.server.installation.version
    ours, login, theirs = costs
    costs.insert(2, _beyond_login(ours, login))
    goals = _goals(ours, theirs, usual)
    about = (
        f"One target, PostgreSQL {version} on the same machine, {len(CONNECTIONS)} replication "
        f"connections, login over TLS with a client certificate; Python "
        f"{platform.python_version()}; {os.cpu_count()} processors, "
        f"load average {before:.1f} before and {os.getloadavg()[0]:.1f} after."
    )
    results = {
        "about": about,
        "costs": [asdict(each) for each in costs],
        "traffic": {"first poll": asdict(first), "usual poll": asdict(usual)},
        "goals": [{"goal": g, "measured": found, "met": met} for g, found, met in goals],
    }
    (REPOSITORY / "bench/results.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    page = _page(about, costs, goals, first)
    (REPOSITORY / "docs/performance.md").write_text(page, "utf-8")
    print(page)
    return 0 if all(met for _, _, met in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
