"""Metric families for the replication connections of one target."""

from collections import Counter as Tally
from collections.abc import Iterable

from exporter.model.certificates_report import Matched
from exporter.model.judgement import Verdict
from exporter.model.report import Connection, Governs
from exporter.publish.metrics.family import Gauge, Row
from exporter.publish.reading import Reading

MAX_SERIES = 1000
"""Series of one family and target; beyond it secure connections are left out first."""

CONNECTION_KEY = ("application_name", "usename", "client_addr", "kind")

_WHO = "pg_stat_replication, pg_stat_activity"


def _connections(reading: Reading) -> Iterable[Row]:
    return (((*c.key.labels(), c.posture.value, c.verdict.value), c.count) for c in reading.counts)


def _target_connections(reading: Reading) -> Iterable[Row]:
    if reading.connections is None:
        return ()
    tally = Tally(connection.verdict for connection in reading.connections)
    return (((verdict.value,), tally[verdict]) for verdict in Verdict)


def _rule_labels(connection: Connection) -> tuple[str, str, str]:
    """Return auth_method, hba_file, hba_line; all empty unless exactly one rule governs."""
    if not isinstance(connection.rule_match, Governs):
        return ("", "", "")
    rule = connection.rule_match.rule
    return (rule.auth_method, rule.location.file_name, str(rule.location.line_number))


def _certificate_labels(connection: Connection) -> tuple[str, str, str, str]:
    """Return serial_number, certificate_cn, issuer_cn, fingerprint; empty where not known."""
    tls = connection.wal_sender.tls
    if tls is None or tls.client_certificate is None:
        return ("", "", "", "")
    return (
        str(tls.client_certificate.serial_number),
        connection.certificate_name or "",
        connection.issuer_name or "",
        connection.in_use.certificate.key[0] if isinstance(connection.in_use, Matched) else "",
    )


def _connection_info(reading: Reading) -> Iterable[Row]:
    for key, connection in reading.described:
        sender = connection.wal_sender
        tls = ("", "") if sender.tls is None else (sender.tls.version, sender.tls.cipher)
        labels = (
            *key.labels(),
            *tls,
            *_rule_labels(connection),
            *_certificate_labels(connection),
            sender.slot_name,
            sender.sync_state,
            sender.activity.value,
        )
        yield labels, 1


def _connection_reason(reading: Reading) -> Iterable[Row]:
    return (
        ((*key.labels(), reason.value), 1)
        for key, connection in reading.described
        # a reason is exposed once, however often it was found
        for reason in dict.fromkeys(connection.reasons)
    )


def _connection_predates_rules(reading: Reading) -> Iterable[Row]:
    return (
        (key.labels(), connection.predates_rules)
        for key, connection in reading.described
        if connection.predates_rules is not None
    )


def _connection_forecast(reading: Reading) -> Iterable[Row]:
    return (
        ((*key.labels(), connection.forecast.value, connection.forecast_cause.value), 1)
        for key, connection in reading.described
    )


def _certificate_not_after(reading: Reading) -> Iterable[Row]:
    return (
        (key.labels(), connection.in_use.certificate.not_after.timestamp())
        for key, connection in reading.described
        if isinstance(connection.in_use, Matched)
    )


def _breaks(reading: Reading) -> Iterable[Row]:
    return (
        ((*key.labels(), connection.breaks_cause.value), connection.breaks_at.timestamp())
        for key, connection in reading.described
        if connection.breaks_at is not None
    )


def _client_certificate_pending(reading: Reading) -> Iterable[Row]:
    return (
        (key.labels(), connection.certificate_pending)
        for key, connection in reading.described
        if connection.certificate_pending is not None
    )


CAPPED_FAMILIES: tuple[Gauge[Reading], ...] = (
    Gauge(
        name="connections",
        meaning="Replication connections of one key, by posture and verdict; only those that "
        "exist.",
        source=f"{_WHO}, pg_stat_ssl, pg_stat_gssapi, pg_hba_file_rules",
        labels=(*CONNECTION_KEY, "posture", "verdict"),
        read=_connections,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_info",
        meaning="Always 1; how the worst connection of a key is connected, the rule that governs "
        "it, and the certificate it presented (serial number in decimal).",
        source=f"{_WHO}, pg_stat_ssl, pg_hba_file_rules",
        labels=(
            *CONNECTION_KEY,
            "tls_version",
            "tls_cipher",
            "auth_method",
            "hba_file",
            "hba_line",
            "serial_number",
            "certificate_cn",
            "issuer_cn",
            "fingerprint",
            "slot_name",
            "sync_state",
            "activity",
        ),
        read=_connection_info,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_reason",
        meaning="1 for each reason why the worst connection of a key has no better posture.",
        labels=(*CONNECTION_KEY, "reason"),
        read=_connection_reason,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_predates_rules",
        meaning="1 if the worst connection of a key began before the rules in force were loaded, "
        "0 if after; absent if that is not known.",
        source="pg_stat_activity.backend_start, pg_conf_load_time()",
        labels=CONNECTION_KEY,
        read=_connection_predates_rules,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_forecast",
        meaning="Predicted outcome of a reconnect, for the worst connection of a key: 1 for the "
        "current prediction.",
        source="pg_hba_file_rules, and the certificate that the client will send",
        labels=(*CONNECTION_KEY, "forecast", "cause"),
        read=_connection_forecast,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_certificate_not_after_timestamp_seconds",
        meaning="When the certificate expires that the worst connection of a key presented, in "
        "unix time; absent unless exactly one known certificate matches it.",
        source="pg_stat_ssl (issuer, serial number), matched with known certificates",
        labels=CONNECTION_KEY,
        read=_certificate_not_after,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="connection_breaks_timestamp_seconds",
        meaning="From when on a reconnect of the worst connection of a key fails because of a "
        "date, in unix time, and what expires then (cause: expired for the client's certificate, "
        "authority, crl); absent if that is not known.",
        source="the certificate that the client will send, ssl_ca_file, ssl_crl_file, ssl_crl_dir",
        labels=(*CONNECTION_KEY, "cause"),
        read=_breaks,
        cap=MAX_SERIES,
    ),
    Gauge(
        name="client_certificate_pending",
        meaning="1 if the client of the worst connection of a key has a newer certificate than "
        "the one in use, which is normal until it reconnects; absent if that is not known.",
        source="pg_stat_ssl, sslcert of the standby, inventory",
        labels=CONNECTION_KEY,
        read=_client_certificate_pending,
        cap=MAX_SERIES,
    ),
)


def _series_dropped(reading: Reading) -> Iterable[Row]:
    if reading.connections is None:
        return ()
    return (((family.full_name,), family.dropped(reading)) for family in CAPPED_FAMILIES)


SERIES_DROPPED = Gauge(
    name="series_dropped",
    meaning=f"Series that the limit of a family leaves out ({MAX_SERIES} per target; the "
    "inventory has its own); secure connections, and certificates that expire last, are left out "
    "first.",
    labels=("family",),
    read=_series_dropped,
)

CONNECTION_FAMILIES: tuple[Gauge[Reading], ...] = (
    Gauge(
        name="target_connections",
        meaning="Replication connections by verdict: all four, zeros included, and never capped; "
        "absent when they could not be read.",
        source="pg_stat_replication",
        labels=("verdict",),
        read=_target_connections,
    ),
    *CAPPED_FAMILIES,
    SERIES_DROPPED,
)
