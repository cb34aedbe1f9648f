"""The last row: can the exporter see, and what does it cost?"""

from grafana.source import looks
from grafana.source.parts import About, Column, Panel, graph, listing, number, worded
from grafana.source.queries import JOBS, chosen, once, or_zero

TITLE = "The exporter's own health"


def panels() -> list[Panel]:
    """Return the panels on polls, readers and the process."""
    return [*_polls(), _unread(), *_numbers(), *_process()]


def _polls() -> list[Panel]:
    up = once("target", "pgrepl_up")
    last = once("target", "pgrepl_last_success_timestamp_seconds")
    took = once("target", "pgrepl_poll_duration_seconds")
    failures = once("target, reason", "pgrepl_target_failure")
    return [
        graph(
            About(
                "Targets up and down",
                "Up: logged in and read what must be read at the last poll.",
                ("PgReplicationTargetDown", "PgReplicationTargetVanished"),
            ),
            [(f"sum({up})", "up"), (f"count({up}) - sum({up})", "down")],
            stacked=True,
            colours={"up": looks.GOOD, "down": looks.BAD},
            width=6,
        ),
        graph(
            About(
                "Targets down by reason",
                "Why polls fail; the ten most frequent reasons.",
                ("PgReplicationTargetDown", "PgReplicationTargetBlind"),
            ),
            [(f"topk(10, count by (reason) ({failures}))", "{{reason}}")],
            width=6,
        ),
        graph(
            About(
                "How long a poll takes",
                "The slowest target, and the middle one.",
                ("PgReplicationPollsStale",),
            ),
            [(f"max({took})", "slowest"), (f"quantile(0.5, {took})", "median")],
            unit="s",
            colours={"slowest": looks.ORANGE, "median": looks.SKY},
            width=6,
        ),
        graph(
            About(
                "Age of what is known",
                "Time since the last successful poll: of the target that has waited longest, and "
                "of the middle one.",
                ("PgReplicationPollsStale", "PgReplicationTargetDown"),
            ),
            [
                (f"time() - min({last})", "oldest"),
                (f"time() - quantile(0.5, {last})", "median"),
            ],
            unit="s",
            colours={"oldest": looks.ORANGE, "median": looks.SKY},
            width=6,
        ),
    ]


def _unread() -> Panel:
    down = chosen("pgrepl_target_failure")
    failed = f'label_replace({down}, "reader", "the target", "reader", "")'
    parts = chosen("pgrepl_reader_failure")
    by = "target, reader, reason"
    blind = f"group by ({by}) ({parts}) unless on (target) ({down})"
    return listing(
        About(
            "What could not be read, and why",
            "Targets that could not be polled, and parts that could not be read of the others. "
            "What is not read makes verdicts unknown.",
            ("PgReplicationTargetDown", "PgReplicationTargetBlind"),
        ),
        [f"2 * group by ({by}) ({failed})\nor ({blind})"],
        [
            Column(
                "Value",
                "State",
                80,
                worded(
                    looks.ranges([(2, 2, looks.BAD, "down"), (1, 1, looks.DOUBTFUL, "blind")]),
                    filled=True,
                ),
            ),
            Column("target", "Target", 140),
            Column("reader", "Not read", 170),
            Column("reason", "Reason"),
        ],
        ("State", True),
        width=12,
        height=10,
    )


def _numbers() -> list[Panel]:
    dropped = once("target, family", "pgrepl_series_dropped")
    faults = f"increase({chosen('pgrepl_exporter_family_errors_total', scope=JOBS)}[1d])"
    loaded = chosen("pgrepl_exporter_config_last_reload_successful", scope=JOBS)
    return [
        number(
            About(
                "Configuration",
                "Whether every exporter uses the configuration that is on its disk.",
                ("PgReplicationExporterConfigRejected",),
            ),
            f"min({loaded})",
            looks.steps(looks.BAD, (1, looks.GOOD)),
            texts=looks.ranges([(0, 0, looks.BAD, "rejected"), (1, 1, looks.GOOD, "in use")]),
        ),
        number(
            About(
                "Series left out",
                "Series that a limit keeps from being told; secure ones are left out first.",
                ("PgReplicationSeriesDropped",),
            ),
            or_zero(f"sum({dropped})"),
            looks.none_is_good(looks.DOUBTFUL),
            texts=_NONE,
        ),
        number(
            About(
                "Faults in a day",
                "Times in the last day that a family was left out because of a fault in the "
                "exporter.",
                ("PgReplicationExporterFault",),
            ),
            f"sum(ceil(max by (family) ({faults})))",
            looks.none_is_good(),
            texts=_NONE,
        ),
    ]


_NONE = looks.ranges([(0, 0, looks.GOOD, "none")])


def _process() -> list[Panel]:
    cpu = f"rate({chosen('process_cpu_seconds_total', scope=JOBS)}[$__rate_interval])"
    memory = chosen("process_resident_memory_bytes", scope=JOBS)
    return [
        graph(
            About("Processor", "Share of one core that an exporter uses; the ten busiest."),
            [(f"topk(10, max by (instance) ({cpu}))", "{{instance}}")],
            unit="percentunit",
            width=6,
            height=6,
        ),
        graph(
            About("Memory", "Resident memory of an exporter; the ten largest."),
            [(f"topk(10, max by (instance) ({memory}))", "{{instance}}")],
            unit="bytes",
            width=6,
            height=6,
        ),
    ]
