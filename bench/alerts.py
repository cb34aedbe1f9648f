"""``python -m bench.alerts``: what the alerting rules cost a Prometheus that watches 1,000 targets.

A real Prometheus gets what the rules look back at as a block, scrapes a simulated fleet, and
evaluates the shipped rules. Writes bench/alerts.json and docs/performance-alerts.md.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import promql_parser

from bench.fleet import STANDBYS, TARGETS, Series, exposition, fleet, history
from lab.monitoring import DISTRIBUTION, SUITES, Api, Suite, prometheus
from lab.wait import until
from scripts.prometheusrule import RULES, rule_groups

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_SECONDS = 1.0
_STEP = 60
_WITHIN_SECONDS = 900.0
_PAST = {"pgrepl_up": 3600, "pgrepl_sessions_observed_total": 600}
"""How far back the rules look at a family, in seconds; at the others they do not."""


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What one rule costs at each evaluation.

    Attributes:
        series: that its own expression reads; those of a range count once.
        samples: that it reads, those in ranges included.
        milliseconds: median, by suite.
    """

    name: str
    severity: str
    series: int
    samples: int
    milliseconds: dict[str, float]


@contextlib.contextmanager
def _served(text: str) -> Iterator[int]:
    body = text.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _fill_the_past(directory: Path, series: list[Series], now: int) -> None:
    """Write what the rules look back at, with samples a minute apart, as blocks."""
    labels = {"job": "replication", "instance": "exporter:10048"}
    with tempfile.NamedTemporaryFile("w", dir=directory, encoding="utf-8") as file:
        for name, seconds in _PAST.items():
            moments = range(now - seconds, now - _STEP, _STEP)
            kept = (s for s in series if s.name == name)
            file.writelines(
                history((Series(s.name, {**s.labels, **labels}, s.value) for s in kept), moments)
            )
        file.write("# EOF\n")
        file.flush()
        subprocess.run(
            [
                *(DISTRIBUTION.program("promtool"), "tsdb", "create-blocks-from", "openmetrics"),
                *("--quiet", file.name, directory),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _rules() -> list[dict[str, Any]]:
    return [rule for group in rule_groups() for rule in group["rules"]]


def _selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expression), found.append)
    return [node for node in found if isinstance(node, promql_parser.VectorSelector)]


def _configuration(port: int, seconds: int) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {
                    "job_name": "replication",
                    "static_configs": [
                        {
                            "targets": [f"127.0.0.1:{port}"],
                            "labels": {"instance": "exporter:10048"},
                        }
                    ],
                }
            ],
        }
    )


def _times(api: Api, evaluations: int) -> list[list[float]]:
    """Return the seconds of each evaluation of each rule, in the order of the file."""
    times: list[list[float]] = [[] for _ in _rules()]
    seen: dict[int, str] = {}

    def complete() -> bool:
        rules = [r for g in _ordered(api) for r in g["rules"]]
        for number, rule in enumerate(rules):
            if rule["health"] == "ok" and seen.get(number) != rule["lastEvaluation"]:
                seen[number] = rule["lastEvaluation"]
                times[number].append(rule["evaluationTime"])
        time.sleep(1)  # asking oftener would be part of what is measured
        return all(len(one) > evaluations for one in times)

    until(complete, _WITHIN_SECONDS, f"{evaluations} evaluations of every rule")
    # the first comes before the first scrape
    return [one[-evaluations:] for one in times]


def _ordered(api: Api) -> list[dict[str, Any]]:
    order = [group["name"] for group in rule_groups()]
    groups: list[dict[str, Any]] = api.get("/api/v1/rules")["data"]["groups"]
    return sorted(groups, key=lambda group: order.index(group["name"]))


def _series(api: Api, rule: dict[str, Any]) -> int:
    touched = 0
    for selector in {s.prettify() for s in _selectors(rule["expr"])}:
        found = api.query(f"count({selector})")
        touched += int(found[0]["value"][1]) if found else 0
    return touched


def _samples(api: Api, rule: dict[str, Any]) -> int:
    answer = api.get("/api/v1/query", query=rule["expr"], stats="all")["data"]
    return int(answer["stats"]["samples"]["totalQueryableSamples"])


def measure(
    suite: Suite, past: Path, series: list[Series], evaluations: int
) -> tuple[list[RuleCost], str]:
    """Return what every rule costs with one suite, and what it was measured on.

    Args:
        suite: which Prometheus.
        past: blocks with what was scraped before.
        series: what is scraped now.
        evaluations: at least so many of each rule are measured.
    """
    with tempfile.TemporaryDirectory(prefix="pgrepl-alerts-") as temporary:
        directory = Path(temporary)
        shutil.copytree(past, directory / "data")
        with (
            _served(exposition(series)) as port,
            prometheus(suite, directory, _configuration(port, 15)) as api,
        ):
            until(lambda: api.query("count(pgrepl_up)"), _WITHIN_SECONDS, "the first scrape")
            times = _times(api, evaluations)
            firing = api.query('count(ALERTS{alertstate="firing"}) or vector(0)')[0]["value"][1]
            pending = api.query('count(ALERTS{alertstate="pending"}) or vector(0)')[0]["value"][1]
            version = api.get("/api/v1/status/buildinfo")["data"]["version"]
            costs = [
                RuleCost(
                    rule.get("alert") or rule["record"],
                    rule.get("labels", {}).get("severity", ""),
                    _series(api, rule),
                    _samples(api, rule),
                    {suite.name: round(statistics.median(spent) * 1000, 2)},
                )
                for rule, spent in zip(_rules(), times, strict=True)
            ]
    about = (
        f"{version}: {len(series)} series in a scrape, {firing} alerts firing, {pending} pending"
    )
    return costs, about


def _page(costs: list[RuleCost], abouts: list[str], totals: dict[str, float], load: str) -> str:
    names = list(totals)
    head = " | ".join(f"ms ({name})" for name in names)

    def row(cost: RuleCost) -> str:
        spent = " | ".join(f"{cost.milliseconds[name]}" for name in names)
        told = f"{cost.name} ({cost.severity})" if cost.severity else f"`{cost.name}`"
        return f"| {told} | {cost.series} | {cost.samples} | {spent} |"

    ruler = "|---" * (3 + len(names)) + "|"
    lines = [
        "# What the alerting rules cost",
        "",
        "Written by `make bench-alerts`; no number here is typed by hand. Shared machines vary",
        "by a third from run to run.",
        "",
        "A real Prometheus scrapes a simulated fleet, with samples a minute apart for what the",
        f"rules look back at: {TARGETS} targets with {STANDBYS} standbys each; one connection in",
        f"twenty is insecure, one target in a hundred is down. {load}",
        "",
        *(f"- Prometheus {about}." for about in abouts),
        "",
        "| all rules together | seconds | goal: under 1 s |",
        "|---|---|---|",
        *(
            f"| {name} | {total:.3f} | {'met' if total < MOST_SECONDS else '**missed**'} |"
            for name, total in totals.items()
        ),
        "",
        "Series are those that a rule's own expression reads; samples include those of its",
        "ranges; milliseconds are medians of one evaluation. A rule that names a recording reads",
        "the series of the recording only.",
        "",
        f"| alert | series | samples | {head} |",
        ruler,
        *(row(cost) for cost in costs if cost.severity),
        "",
        f"| recording | series | samples | {head} |",
        ruler,
        *(row(cost) for cost in costs if not cost.severity),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and write; exit with 1 if the goal is missed."""
    parser = argparse.ArgumentParser(prog="bench.alerts", description=__doc__)
    parser.add_argument("--evaluations", type=int, default=5, help="(default: %(default)s)")
    evaluations = parser.parse_args().evaluations
    before = os.getloadavg()[0]
    costs: list[RuleCost] = []
    abouts = []
    with tempfile.TemporaryDirectory(prefix="pgrepl-alerts-") as past:
        now = int(time.time())
        series = list(fleet(now))
        _fill_the_past(Path(past), series, now)
        for suite in SUITES:
            measured, about = measure(suite, Path(past), series, evaluations)
            abouts.append(about)
            costs = costs or measured
            for cost, again in zip(costs, measured, strict=True):
                cost.milliseconds.update(again.milliseconds)
    totals = {s.name: sum(c.milliseconds[s.name] for c in costs) / 1000 for s in SUITES}
    load = (
        f"{os.cpu_count()} processors, load average {before:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after."
    )
    results = {
        "about": abouts,
        "load": load,
        "seconds": totals,
        "rules": [asdict(c) for c in costs],
    }
    (REPOSITORY / "bench/alerts.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    page = _page(costs, abouts, totals, load)
    (REPOSITORY / "docs/performance-alerts.md").write_text(page, "utf-8")
    print(page)
    return 0 if all(total < MOST_SECONDS for total in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
