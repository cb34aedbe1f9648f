"""Metric families for one target: its polls, its configuration, its server."""

import math
from collections.abc import Iterable

from exporter.model.hba import ErrorLine
from exporter.model.judgement import HbaState, Verdict
from exporter.model.observation import Server
from exporter.model.report import RulesReport
from exporter.model.wal_sender import ReplicationKind
from exporter.publish.metrics.family import Counter, Gauge, Row
from exporter.publish.reading import Reading


def _one(value: float) -> tuple[Row, ...]:
    return (((), value),)


def _target_failure(reading: Reading) -> Iterable[Row]:
    failure = reading.report.failure
    return () if failure is None else (((failure.reason.value,), 1),)


def _poll_failures(reading: Reading) -> Iterable[Row]:
    return (((reason.value,), count) for reason, count in sorted(reading.record.failures.items()))


def _last_success(reading: Reading) -> Iterable[Row]:
    ended_at = reading.record.last_success
    return () if ended_at is None else _one(ended_at.timestamp())


def _reader_success(reading: Reading) -> Iterable[Row]:
    return (((r.value,), unread is None) for r, unread in sorted(reading.report.readers.items()))


def _reader_failure(reading: Reading) -> Iterable[Row]:
    return (
        ((reader.value, unread.reason.value), 1)
        for reader, unread in sorted(reading.report.readers.items())
        if unread is not None
    )


def _configured_labels(reading: Reading) -> tuple[str, ...]:
    return tuple(sorted(reading.report.target.labels))


def _target_info(reading: Reading) -> Iterable[Row]:
    target = reading.report.target
    configured = (target.labels[name] for name in _configured_labels(reading))
    return (((target.cluster_name, *configured), 1),)


def _policy_info(reading: Reading) -> Iterable[Row]:
    policy = reading.report.policy
    explicit = "true" if policy.explicit else "false"
    return (((policy.require.value, policy.minimum_tls_version.value, explicit), 1),)


def _exemption_end(reading: Reading) -> Iterable[Row]:
    return (
        ((use.name,), math.inf if use.until is None else use.until.timestamp())
        for use in reading.report.exemptions
    )


def _exemption_connections(reading: Reading) -> Iterable[Row]:
    if reading.connections is None:
        return ()
    return (((use.name,), use.connections) for use in reading.report.exemptions)


def _server(reading: Reading) -> tuple[Server, ...]:
    server = reading.report.server
    return () if server is None else (server,)


def _server_info(reading: Reading) -> Iterable[Row]:
    return (((s.version, s.system_identifier or ""), 1) for s in _server(reading))


def _rules(reading: Reading) -> tuple[RulesReport, ...]:
    rules = reading.report.rules
    return () if rules is None else (rules,)


def _hba_state(reading: Reading) -> Iterable[Row]:
    return (
        ((state.value,), rules.state is state) for rules in _rules(reading) for state in HbaState
    )


def _blocking(lines: Iterable[ErrorLine]) -> int:
    return sum(line.blocks_loading for line in lines)


def _hba_error_lines(reading: Reading) -> Iterable[Row]:
    # what could not be read has no number of errors
    return (
        ((), _blocking(rules.error_lines))
        for rules in _rules(reading)
        if rules.state is not HbaState.UNREADABLE
    )


def _sessions_observed(reading: Reading) -> Iterable[Row]:
    seen = reading.record.sessions_observed
    return (
        ((kind.value, verdict.value), seen.get((kind, verdict), 0))
        for kind in ReplicationKind
        for verdict in Verdict
    )


POLL_FAMILIES: tuple[Gauge[Reading] | Counter[Reading], ...] = (
    Gauge(
        name="up",
        meaning="1 if the exporter logged in and read what it must (the server and its "
        "walsenders) at the last poll, else 0.",
        read=lambda r: _one(r.report.failure is None),
    ),
    Gauge(
        name="target_failure",
        meaning="1 for the reason why the last poll failed; only while it fails.",
        labels=("reason",),
        read=_target_failure,
    ),
    Counter(
        name="polls_total",
        meaning="Polls that have finished, including failed ones.",
        read=lambda r: _one(r.record.polls),
    ),
    Counter(
        name="poll_failures_total",
        meaning="Polls that failed, by reason; a reason appears once it has occurred.",
        labels=("reason",),
        read=_poll_failures,
    ),
    Gauge(
        name="last_poll_timestamp_seconds",
        meaning="When the last poll finished, in unix time.",
        read=lambda r: _one(r.report.polled_at.timestamp()),
    ),
    Gauge(
        name="last_success_timestamp_seconds",
        meaning="When a poll last succeeded, in unix time; absent if none ever did.",
        read=_last_success,
    ),
    Gauge(
        name="poll_duration_seconds",
        meaning="How long the last poll took, connecting included.",
        read=lambda r: _one(r.report.duration_seconds),
    ),
    Gauge(
        name="poll_interval_seconds",
        meaning="The configured time from the start of one poll to the start of the next.",
        read=lambda r: _one(r.report.target.interval_seconds),
    ),
    Gauge(
        name="reader_success",
        meaning="1 if the last poll read this, else 0; absent for what it did not try to read.",
        labels=("reader",),
        read=_reader_success,
    ),
    Gauge(
        name="reader_failure",
        meaning="1 for the reason why the last poll could not read this; only while it cannot.",
        labels=("reader", "reason"),
        read=_reader_failure,
    ),
)

TARGET_FAMILIES: tuple[Gauge[Reading] | Counter[Reading], ...] = (
    Gauge(
        name="target_info",
        meaning="Always 1; carries the cluster name and the static labels configured for the "
        "target.",
        labels=("cluster_name",),
        more_labels=_configured_labels,
        read=_target_info,
    ),
    Gauge(
        name="policy_info",
        meaning="Always 1; what the policy requires of replication connections, and whether the "
        "configuration itself says so (explicit; false for the built-in default).",
        labels=("require", "min_tls_version", "explicit"),
        read=_policy_info,
    ),
    Gauge(
        name="exemption_end_timestamp_seconds",
        meaning="When an exemption of the policy expires, in unix time; +Inf for never.",
        labels=("exemption",),
        read=_exemption_end,
    ),
    Gauge(
        name="exemption_connections",
        meaning="Connections that an exemption covers now.",
        labels=("exemption",),
        read=_exemption_connections,
    ),
)

SERVER_FAMILIES: tuple[Gauge[Reading] | Counter[Reading], ...] = (
    Gauge(
        name="server_info",
        meaning="Always 1; the server's version, and the identifier that all nodes of a cluster "
        "share (empty if it may not be read).",
        source="server_version, pg_control_system()",
        labels=("server_version", "system_identifier"),
        read=_server_info,
    ),
    Gauge(
        name="server_start_timestamp_seconds",
        meaning="When the server started, in unix time.",
        source="pg_postmaster_start_time()",
        read=lambda r: (((), s.started_at.timestamp()) for s in _server(r)),
    ),
    Gauge(
        name="config_load_timestamp_seconds",
        meaning="When the server last loaded its configuration files, in unix time.",
        source="pg_conf_load_time()",
        read=lambda r: (((), s.configuration_loaded_at.timestamp()) for s in _server(r)),
    ),
    Gauge(
        name="in_recovery",
        meaning="1 if the server is a standby, 0 if it is a primary.",
        source="pg_is_in_recovery()",
        read=lambda r: (((), s.in_recovery) for s in _server(r)),
    ),
    Gauge(
        name="server_tls",
        meaning="1 if the server offers TLS.",
        source="setting ssl",
        read=lambda r: (((), s.tls_enabled) for s in _server(r)),
    ),
    Gauge(
        name="server_requests_client_certificate",
        meaning="1 if the server requests a certificate from clients, which it does only with TLS "
        "on and a CA file configured.",
        source="settings ssl, ssl_ca_file",
        read=lambda r: (((), s.requests_client_certificate) for s in _server(r)),
    ),
    Gauge(
        name="hba_state",
        meaning="Whether the rules in pg_hba.conf are the rules in force: 1 for the present state, "
        "0 for the others.",
        source="pg_hba_file_rules, pg_conf_load_time(), file times",
        labels=("state",),
        read=_hba_state,
    ),
    Gauge(
        name="hba_error_lines",
        meaning="Lines of pg_hba.conf with errors, because of which the file is not loaded.",
        source="pg_hba_file_rules.error",
        read=_hba_error_lines,
    ),
    Counter(
        name="sessions_observed_total",
        meaning="Replication sessions seen, each once (by process and start) with the verdict it "
        "had when first seen; a session shorter than the poll interval may go unseen.",
        source="pg_stat_replication",
        labels=("kind", "verdict"),
        read=_sessions_observed,
    ),
)
