"""A simulated fleet: what exporters of 1,000 targets with five standbys each would publish.

Families and labels are those of docs/metrics.md that the alerting rules read; one connection in
twenty is insecure, one target in a hundred is down. Every target is a primary with a certificate, a
chain of two authorities and two revocation lists.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

TARGETS = 1000
STANDBYS = 5
_INSECURE_EACH = 20
_DOWN_EACH = 100
_YEAR = 365 * 86400
_READERS = (
    *("server", "wal_senders", "hba_rules", "hba_lines", "ident_mappings", "file_times"),
    *("role_memberships", "regular_expressions", "tls_files", "receiver", "served_chain"),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One series with its value now."""

    name: str
    labels: Mapping[str, str]
    value: float

    def line(self, at: int | None = None) -> str:
        """Return it in the text format; ``at`` in unix seconds, for OpenMetrics."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        moment = "" if at is None else f" {at}"
        value = "+Inf" if math.isinf(self.value) else f"{self.value:.0f}"
        return f"{self.name}{{{labels}}} {value}{moment}\n"


def fleet(now: int) -> Iterator[Series]:
    """Yield everything that is published at ``now``, in unix seconds."""
    yield Series("pgrepl_targets", {}, TARGETS)
    yield Series("pgrepl_exporter_config_last_reload_successful", {}, 1)
    for family in ("connections", "connection_info", "certificate_not_after_timestamp_seconds"):
        yield Series("pgrepl_exporter_family_errors_total", {"family": family}, 0)
    for number in range(TARGETS):
        yield from _target(f"db{number:04}", number, now)


def _target(name: str, number: int, now: int) -> Iterator[Series]:
    down = number % _DOWN_EACH == _DOWN_EACH - 1

    def series(family: str, value: float, **labels: str) -> Series:
        return Series(f"pgrepl_{family}", {"target": name, **labels}, value)

    yield series("up", not down)
    yield series(
        "policy_info", 1, require="certificate", explicit="false", min_tls_version="TLSv1.2"
    )
    # ahead, because the exposition stays as it is while it is measured
    yield series("last_poll_timestamp_seconds", now + 86400)
    yield series("poll_interval_seconds", 60)
    yield series("exemption_end_timestamp_seconds", float("inf"), exemption="loopback")
    for kind in ("physical", "logical"):
        for verdict in ("secure", "insecure", "exempt", "unknown"):
            yield series("sessions_observed_total", number % 7, kind=kind, verdict=verdict)
    if down:
        yield series("target_failure", 1, reason="timeout")
        return
    yield series("exemption_connections", 0, exemption="loopback")
    for reader in _READERS:
        yield series("reader_success", 1, reader=reader)
    for state in ("loaded", "pending", "rejected", "unverified", "unreadable"):
        yield series("hba_state", state == "loaded", state=state)
    for verdict in ("secure", "insecure", "exempt", "unknown"):
        yield series("target_connections", STANDBYS * (verdict == "secure"), verdict=verdict)
    yield from _certificates(name, now)
    for standby in range(STANDBYS):
        yield from _connection(name, number * STANDBYS + standby, now)


def _certificates(target: str, now: int) -> Iterator[Series]:
    def series(family: str, value: float, **labels: str) -> Series:
        return Series(f"pgrepl_{family}", {"target": target, **labels}, value)

    yield series("server_certificate_pending", 0)
    for usage, source, subject in (
        ("server", "served", target),
        ("server", "server_file", target),
        ("authority", "served", "Issuing CA"),
        ("authority", "server_file", "Issuing CA"),
        ("authority", "server_file", "Root CA"),
    ):
        place = {"usage": usage, "source": source, **_key(subject)}
        yield series("certificate_not_after_timestamp_seconds", now + _YEAR, **place)
        yield series("certificate_not_before_timestamp_seconds", now - _YEAR, **place)
    yield series("certificate_verification", 1, usage="server", result="ok", **_key(target))
    for issuer in ("Issuing CA", "Root CA"):
        place = {"issuer_cn": issuer, "source": "server_file"}
        yield series("crl_next_update_timestamp_seconds", now + 6 * 86400, **place)
        yield series("crl_this_update_timestamp_seconds", now - 86400, **place)


def _connection(target: str, number: int, now: int) -> Iterator[Series]:
    insecure = number % _INSECURE_EACH == 0
    client = f"standby-{number:05}"
    key = {
        "target": target,
        "usename": "replicator",
        "application_name": client,
        "client_addr": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "kind": "physical",
    }
    certificate = {"fingerprint": "", "subject_cn": client} if insecure else _key(client)

    def series(family: str, value: float, **labels: str) -> Series:
        return Series(f"pgrepl_{family}", key | labels, value)

    posture = "plaintext" if insecure else "certificate_required"
    yield series("connections", 1, posture=posture, verdict="insecure" if insecure else "secure")
    yield series("connection_predates_rules", 0)
    forecast = "admitted_without_certificate" if insecure else "admitted_with_certificate"
    yield series("connection_forecast", 1, forecast=forecast, cause="")
    yield series(
        "connection_info",
        1,
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
        auth_method="cert",
        hba_file="/etc/postgresql/pg_hba.conf",
        hba_line="17",
        serial_number=f"{number}",
        certificate_cn=client,
        issuer_cn="Issuing CA",
        fingerprint=certificate["fingerprint"],
        slot_name=f"slot_{number}",
        sync_state="async",
        activity="streaming",
    )
    if insecure:
        for reason in ("client_without_tls", "rule_allows_plaintext", "rule_uses_password"):
            yield series("connection_reason", 1, reason=reason)
        return
    yield series("client_certificate_pending", 0)
    yield series("connection_certificate_not_after_timestamp_seconds", now + _YEAR)
    yield series("connection_breaks_timestamp_seconds", now + _YEAR, cause="expired")
    place = {"usage": "client", "source": "inventory", **certificate}
    for family, moment in (("not_after", now + _YEAR), ("not_before", now - _YEAR)):
        yield Series(f"pgrepl_certificate_{family}_timestamp_seconds", place, moment)
    yield Series(
        "pgrepl_certificate_verification",
        {"target": target, "usage": "client", "result": "ok", **certificate},
        1,
    )
    yield Series("pgrepl_certificate_connections", certificate, 1)


def _key(subject_cn: str) -> dict[str, str]:
    digest = hashlib.sha256(subject_cn.encode()).hexdigest()
    return {"fingerprint": digest[:16], "subject_cn": subject_cn}


def exposition(series: Iterable[Series]) -> str:
    """Return the series as an exporter answers a scrape."""
    return "".join(one.line() for one in series)


def history(series: Iterable[Series], moments: range) -> Iterator[str]:
    """Yield the lines of the series at ``moments``, as OpenMetrics for ``promtool tsdb``."""
    for one in series:
        for moment in moments:
            yield one.line(moment)
