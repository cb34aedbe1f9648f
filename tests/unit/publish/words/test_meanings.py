"""Every value of every closed list has a sentence; docs/metrics.md is what the catalogue says."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from exporter.model.failure import FailureReason, Reader
from exporter.model.judgement import Forecast, HbaState, Posture, Reason, Verdict
from exporter.publish.metrics.catalog import CATALOG
from exporter.publish.metrics.page import metrics_page
from exporter.publish.words.meanings import (
    FAILURES,
    FORECASTS,
    HBA_STATES,
    POSTURES,
    READERS,
    REASONS,
    VERDICTS,
)
from tests.unit.publish.dialect import DIALECT

DOCS = Path(__file__).parents[4] / "docs"
LISTS: list[tuple[type[StrEnum], Mapping[Any, str]]] = [  # Any: one list of each kind
    (Posture, POSTURES),
    (Verdict, VERDICTS),
    (Reason, REASONS),
    (HbaState, HBA_STATES),
    (FailureReason, FAILURES),
    (Reader, READERS),
    (Forecast, FORECASTS),
]


@pytest.mark.parametrize(("values", "sentences"), LISTS)
def test_every_value_has_a_sentence_of_its_own(
    values: type[StrEnum], sentences: Mapping[Any, str]
) -> None:
    assert set(sentences) == set(values)
    assert len(set(sentences.values())) == len(values)
    assert all(sentence.strip() for sentence in sentences.values())


@pytest.mark.parametrize(
    "sentences", [POSTURES, VERDICTS, REASONS, HBA_STATES, FAILURES], ids=lambda s: str(len(s))
)
def test_sentences_end_in_a_full_stop(sentences: Mapping[Any, str]) -> None:
    assert [sentence for sentence in sentences.values() if not sentence.endswith(".")] == []


def test_the_page_of_metrics_is_the_one_the_catalogue_makes() -> None:
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == metrics_page()


def test_the_page_of_metrics_shows_every_family_and_value() -> None:
    page = metrics_page()
    for family in CATALOG:
        assert page.count(f"| `{family.full_name}` |") == 1
    for values, sentences in LISTS:
        for value in values:
            assert f"| `{value.value}` | {sentences[value]} |" in page


def test_no_sentence_of_the_page_is_in_the_dialect_of_this_project() -> None:
    assert DIALECT.findall(metrics_page()) == []


def test_no_row_of_the_page_has_a_stray_column() -> None:
    rows = [line for line in metrics_page().splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3, 5}


def test_sentences_promise_no_more_than_is_known() -> None:
    # it may have been renewed
    assert "will fail" not in REASONS[Reason.CERTIFICATE_EXPIRED_IN_USE]
    assert "renewed" in REASONS[Reason.CERTIFICATE_EXPIRED_IN_USE]
    # a bad certificate is rejected, required or not
    assert "whether or not" not in FORECASTS[Forecast.ADMITTED_WITHOUT_CERTIFICATE]
    for cause in ("rules", "certificate", "server"):
        assert cause in FORECASTS[Forecast.UNKNOWN]
