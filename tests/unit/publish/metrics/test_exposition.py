"""Whatever reports hold, the page parses back to the same series, in both formats."""

import gzip
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.judgement import Posture, Reason, Verdict
from exporter.model.report import Connection
from exporter.model.wal_sender import ReplicationKind
from exporter.publish.label_value import label_value
from exporter.publish.metrics.exposition import Exposition, Format, gzip_accepted, negotiate
from exporter.publish.reading import TABLE_SYNC
from tests.unit.publish.metrics.scrape import STATE, page_of, parsed, series_of, values
from tests.unit.reports import (
    BLIND,
    DOWN,
    NOT_POLLED,
    RECORD,
    REPLICA,
    REPORT,
    TARGET,
    named,
    with_connections,
)

HOSTILE = st.one_of(
    st.text(max_size=30),
    # surrogates too, and what the formats give a meaning to
    st.text(st.characters(codec=None), max_size=10),
    st.text(alphabet='\\"\n\r\t\x00\x1b\x85\u2028\u202e\ud800{}=,# ', max_size=20),
    st.integers(200, 400).map(lambda length: "x" * length),
    st.just("# EOF\n"),
    st.just("pg_1_sync_2_3"),
)


@st.composite
def connections(draw: st.DrawFn) -> Connection:
    sender = replace(
        REPLICA.wal_sender,
        pid=draw(st.integers(1, 9)),
        application_name=draw(HOSTILE),
        role=draw(HOSTILE),
        slot_name=draw(HOSTILE),
        kind=draw(st.sampled_from(ReplicationKind)),
        backend_start=REPLICA.wal_sender.backend_start + timedelta(days=draw(st.integers(0, 2))),
    )
    return replace(
        REPLICA,
        wal_sender=sender,
        posture=draw(st.sampled_from(Posture)),
        verdict=draw(st.sampled_from(Verdict)),
        reasons=tuple(draw(st.lists(st.sampled_from(Reason), max_size=3))),
        certificate_name=draw(st.none() | HOSTILE),
        issuer_name=draw(st.none() | HOSTILE),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(connections(), max_size=6), st.sampled_from(Format))
def test_any_report_parses_back_to_the_same_series(
    reported: list[Connection], form: Format
) -> None:
    page = page_of((with_connections(reported),), form)
    series = series_of(page, form)
    expected: dict[tuple[str, ...], float] = {}
    for connection in reported:
        sender = connection.wal_sender
        name = sender.application_name
        key = (
            TABLE_SYNC if name == "pg_1_sync_2_3" else label_value(name),
            label_value(sender.role),
            sender.kind.value,
            connection.posture.value,
            connection.verdict.value,
        )
        expected[key] = expected.get(key, 0) + 1
    labels = ("application_name", "usename", "kind", "posture", "verdict")
    assert values(series, "pgrepl_connections", *labels) == expected
    errors = values(series, "pgrepl_exporter_family_errors_total", "family")
    assert set(errors.values()) == {0}


@pytest.mark.parametrize("form", list(Format))
def test_families_are_reported_once_and_together(form: Format) -> None:
    page = page_of((RECORD, DOWN, BLIND, NOT_POLLED, named(RECORD, "other")), form).decode()
    reported = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert sorted(set(reported)) == sorted(reported)
    assert page.endswith("# EOF\n") == (form is Format.OPENMETRICS)
    assert page.count("# EOF") == (form is Format.OPENMETRICS)


@pytest.mark.parametrize("form", list(Format))
def test_a_compressed_page_is_the_page(form: Format) -> None:
    exposition = Exposition()
    for _ in range(2):  # the second reuses what was kept of the first
        packed = exposition.page((RECORD,), STATE, form, gzip=True)
        plain = gzip.decompress(packed)
        assert series_of(plain, form) == series_of(page_of((RECORD,), form), form)
        assert len(packed) < len(plain) / 3


def test_what_has_not_changed_is_not_rendered_again() -> None:
    reads = 0

    class Counted(Mapping[str, str]):
        """Configured labels that count how often they were read."""

        def __getitem__(self, key: str) -> str:
            return {"team": "storage"}[key]

        def __iter__(self) -> Iterator[str]:
            nonlocal reads
            reads += 1
            return iter(("team",))

        def __len__(self) -> int:
            return 1

    record = replace(RECORD, report=replace(REPORT, target=replace(TARGET, labels=Counted())))
    exposition = Exposition()
    first = series_of(exposition.page((record,), STATE))
    after_one = reads
    assert after_one > 0
    assert series_of(exposition.page((record,), STATE)) == first
    # another target changed: the page is assembled again, but this record is not read again
    exposition.page((record, named(RECORD, "other")), STATE)
    assert reads == after_one
    exposition.page((replace(record, polls=4),), STATE)
    assert reads > after_one


def test_a_changed_record_is_reported() -> None:
    exposition = Exposition()
    exposition.page((RECORD,), STATE, gzip=True)
    later = replace(RECORD, polls=4)
    for page in (
        exposition.page((later,), STATE),
        gzip.decompress(exposition.page((later,), STATE, gzip=True)),
    ):
        assert values(series_of(page), "pgrepl_polls_total", "target") == {("primary",): 4}


def test_a_target_that_is_gone_is_not_reported() -> None:
    exposition = Exposition()
    exposition.page((RECORD, named(RECORD, "other")), STATE)
    series = series_of(exposition.page((RECORD,), STATE))
    assert values(series, "pgrepl_up", "target") == {("primary",): 1}


def test_a_family_that_fails_is_left_out_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # a label name that the configuration must never let through
    broken = replace(
        RECORD,
        report=replace(REPORT, target=replace(TARGET, labels=MappingProxyType({"a-b": "x"}))),
    )
    exposition = Exposition()
    with caplog.at_level(logging.ERROR):
        exposition.page((broken,), STATE)
        again = replace(broken, polls=9)
        series = series_of(exposition.page((again, named(RECORD, "other")), STATE))
    assert values(series, "pgrepl_target_info", "target") == {("other",): 1}
    assert values(series, "pgrepl_up", "target") == {("primary",): 1, ("other",): 1}
    errors = values(series, "pgrepl_exporter_family_errors_total", "family")
    assert {family: n for family, n in errors.items() if n} == {("pgrepl_target_info",): 2}
    assert len([r for r in caplog.records if "pgrepl_target_info" in r.getMessage()]) == 1


def test_the_process_and_python_have_metrics_too() -> None:
    reported = {family.name for family in parsed(page_of(()))}
    assert {"process_resident_memory_bytes", "process_cpu_seconds", "python_info"} <= reported


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("text/plain, APPLICATION/OpenMetrics-Text;version=1.0.0;q=0.5", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0, */*", Format.TEXT),
        ("application/openmetrics-text;q=nonsense", Format.TEXT),
    ],
)
def test_the_format_is_the_one_accepted(accept: str, form: Format) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.8", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
    ],
)
def test_gzip_is_used_only_when_accepted(accept: str, *, accepted: bool) -> None:
    assert gzip_accepted(accept) is accepted
