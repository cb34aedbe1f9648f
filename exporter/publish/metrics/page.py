"""docs/metrics.md, generated from the catalogue and the closed lists."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from exporter.publish.label_value import MAX_LABEL_LENGTH
from exporter.publish.metrics.catalog import INVENTORY_ONLY
from exporter.publish.metrics.catalog_certificate import CERTIFICATE_FAMILIES, MAX_INVENTORY_SERIES
from exporter.publish.metrics.catalog_connection import (
    CONNECTION_FAMILIES,
    CONNECTION_KEY,
    MAX_SERIES,
)
from exporter.publish.metrics.catalog_exporter import EXPORTER_FAMILIES
from exporter.publish.metrics.catalog_target import POLL_FAMILIES, SERVER_FAMILIES, TARGET_FAMILIES
from exporter.publish.metrics.family import Counter, Gauge
from exporter.publish.reading import TABLE_SYNC
from exporter.publish.words.meanings import (
    FAILURES,
    FORECASTS,
    HBA_STATES,
    POSTURES,
    READERS,
    REASONS,
    VERDICTS,
)

# Any: a family of whichever subject; only its description is read here
_Families = Sequence[Gauge[Any] | Counter[Any]]

_INTRODUCTION = f"""\
# Metrics

This page is generated from the metric catalogue (`pg-replication-cert-exporter metrics`).

## Rules that hold for all

- Timestamps are in unix seconds; durations in seconds. Let PromQL subtract `time()`.
- What cannot be known is absent, and another series says why. Known zeros are exported.
- Until a target's first poll has finished, it has no series (`pgrepl_up` included) and only counts
  in `pgrepl_targets`.
- When a poll fails, the series of the target's connections are absent and `pgrepl_up` is 0. An
  alert on connections must therefore also evaluate the last hour: see `alerts/`.
- `target` is the configured name of one server.
- A connection is identified by `application_name`, `usename`, `client_addr` (without mask; empty
  for a Unix-domain socket) and `kind` (`physical`, `logical`). Process id and port are not labels:
  they change at each reconnect. Connections that share these labels are counted in
  `pgrepl_connections`; families that describe one connection describe the worst of them (verdict,
  then posture), then the oldest.
- Table synchronisation workers (`pg_<digits>_sync_<digits>_<digits>`) share the application name
  `{TABLE_SYNC}`.
- Clients choose their names. The exposition is valid whatever they contain: a value is cut at
  {MAX_LABEL_LENGTH} characters (the last is then `…`), and a byte that is not a Unicode character
  is written as `\\udcNN`.
- A family that grows with outside input has at most {MAX_SERIES} series per target; secure
  connections are left out first, and `pgrepl_series_dropped` counts them.
- `hba_file`, `hba_line` and `auth_method` are empty unless exactly one rule is known to govern.
- A certificate is identified by `fingerprint` (the first 16 hexadecimal digits of the SHA-256 of
  its bytes) and `subject_cn` (its first CN). Those of the inventory have no label `target`; a
  family has at most {MAX_INVENTORY_SERIES} series of them, without those that expire last.
"""

_CLOSING = """\
There are also `process_*` and `python_*`, the standard metrics of the Prometheus client library.
"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    parts = [
        _INTRODUCTION,
        _families("Polls", POLL_FAMILIES, common=("target",)),
        _families("Configuration of a target", TARGET_FAMILIES, common=("target",)),
        _families("The server and its rules", SERVER_FAMILIES, common=("target",)),
        _families("Connections", CONNECTION_FAMILIES, common=("target",)),
        _families(
            "Certificates of a target, and (without `target`) of the inventory",
            CERTIFICATE_FAMILIES,
            common=("target",),
        ),
        _families("The inventory", INVENTORY_ONLY, common=()),
        _families("The exporter", EXPORTER_FAMILIES, common=()),
        _CLOSING,
        "## Closed lists\n\nThese values are never renamed and never used for something else.\n",
        _values("posture", "How one connection is secured, best to worst.", POSTURES),
        _values("verdict", "The posture compared with the target's policy.", VERDICTS),
        _values("reason of a connection", "Why its posture is not the best one.", REASONS),
        _values("state", "Of `pgrepl_hba_state`.", HBA_STATES),
        _values("reason of a failure", "Of a poll or a reader.", FAILURES),
        _values("reader", "What is read at each poll.", READERS),
        _values("forecast", "The predicted outcome of a reconnect.", FORECASTS),
    ]
    return "\n".join(parts)


def _families(title: str, families: _Families, *, common: tuple[str, ...]) -> str:
    lines = [f"## {title}", "", "| metric | kind | labels | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{family.full_name}` | {family.kind} | {_labels(family, common)} | {_meaning(family)} |"
        for family in families
    ]
    return "\n".join(lines) + "\n"


def _labels(family: Gauge[Any] | Counter[Any], common: tuple[str, ...]) -> str:
    key = len(CONNECTION_KEY)
    own = family.labels
    names = [f"`{name}`" for name in common]
    if own[:key] == CONNECTION_KEY:
        names.append("connection")
        own = own[key:]
    names += [f"`{name}`" for name in own]
    if family.name == "target_info":
        names.append("those configured")
    return ", ".join(names) or "none"


def _meaning(family: Gauge[Any] | Counter[Any]) -> str:
    if not family.source:
        return family.meaning
    return f"{family.meaning} Source: {family.source}."


def _values(name: str, meaning: str, sentences: Mapping[Any, str]) -> str:
    lines = [f"### {name}", "", meaning, "", "| value | meaning |", "|---|---|"]
    # in the order of the list itself, whatever the order of the sentences
    values: type[StrEnum] = type(next(iter(sentences)))
    lines += [f"| `{value}` | {sentences[value]} |" for value in values]
    return "\n".join(lines) + "\n"
