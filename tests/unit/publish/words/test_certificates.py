"""Certificates, revocation lists and dates in words."""

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from exporter.model.certificate import DistinguishedName
from exporter.model.finding import Weakness
from exporter.model.judgement import ForecastCause
from exporter.publish.words.certificates import (
    EXPIRES,
    certificate_text,
    name_of,
    timestamp_text,
    weakness_text,
)
from tests.unit.certificates import NOW, distinguished
from tests.unit.reports import IN_USE

NAMELESS = DistinguishedName("", "", ())
WITHOUT_CN = DistinguishedName("/O=Lab/OU=x", "OU=x,O=Lab", ())
SEVERAL = DistinguishedName("/CN=first/CN=last", "CN=last,CN=first", ("first", "last"))


def test_dates_are_those_of_utc_wherever_the_exporter_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        assert timestamp_text(NOW) == "2026-11-20 12:00 UTC"
    time.tzset()


def test_dates_of_other_time_zones_are_converted() -> None:
    east = timezone(timedelta(hours=2))
    assert timestamp_text(datetime(2026, 11, 25, 1, 0, tzinfo=east)) == "2026-11-24 23:00 UTC"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (distinguished("replica"), '"replica"'),
        (SEVERAL, '"first"'),
        (WITHOUT_CN, '"OU=x,O=Lab"'),
        (NAMELESS, "without a name"),
    ],
)
def test_a_name_is_its_first_cn_or_the_distinguished_name(
    name: DistinguishedName, words: str
) -> None:
    assert name_of(name) == words


def test_a_certificate_in_words() -> None:
    certificate = replace(IN_USE, serial_number=-1)
    assert certificate_text(certificate) == (
        '"replicator" (serial number -1, valid until 2026-12-10 12:00 UTC)'
    )
    assert certificate_text(replace(certificate, subject=NAMELESS)) == (
        "without a name (serial number -1, valid until 2026-12-10 12:00 UTC)"
    )


@pytest.mark.parametrize(
    ("weakness", "words"),
    [
        (
            Weakness(distinguished("CA"), "sha1WithRSAEncryption", ""),
            '"CA" is signed by sha1WithRSAEncryption',
        ),
        (Weakness(distinguished("CA"), "", "RSA 1024"), '"CA" has a key of RSA 1024'),
        (Weakness(WITHOUT_CN, "", "DSA 1024"), '"OU=x,O=Lab" has a key of DSA 1024'),
    ],
)
def test_a_weakness_in_words(weakness: Weakness, words: str) -> None:
    assert weakness_text(weakness) == words


def test_whatever_makes_a_certificate_fail_by_dates_has_words_of_its_own() -> None:
    assert set(EXPIRES) == {ForecastCause.EXPIRED, ForecastCause.AUTHORITY, ForecastCause.CRL}
    assert len(set(EXPIRES.values())) == len(EXPIRES)
