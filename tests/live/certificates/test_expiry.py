"""A certificate that expires while it is in use: streaming continues, a reconnect is refused."""

from datetime import timedelta

import pytest

from exporter.model.certificates_report import Matched, NextCertificate
from exporter.model.judgement import Forecast, ForecastCause, Posture, Reason, Verdict
from lab.wait import until
from tests.live.certificates.house import OLDEST_AND_NEWEST, ROLE
from tests.live.certificates.pair import APPLICATION, pair
from tests.live.primaries import Primaries
from tests.live.scenarios.stage import connections_of, now
from tests.unit.publish.metrics.scrape import scraped, values

pytestmark = pytest.mark.live

SECONDS = 12.0
NOT_AFTER = "pgrepl_connection_certificate_not_after_timestamp_seconds"
EXPIRED = "certificate expired", "certificate has expired", "certificate verify failed"


@pytest.mark.parametrize("major", OLDEST_AND_NEWEST)
@pytest.mark.parametrize("renewed", [True, False], ids=["renewed", "not renewed"])
def test_an_expired_certificate_streams_on_until_the_reconnect(
    primaries: Primaries, major: int, *, renewed: bool
) -> None:
    with pair(primaries, major, seconds=SECONDS) as (both, first):
        before = both.connection()
        assert before.verdict is Verdict.SECURE
        assert isinstance(before.in_use, Matched)
        ends = first.certificate.not_valid_after_utc
        assert before.in_use.certificate.not_after == ends
        assert (before.breaks_at, before.breaks_cause) == (ends, ForecastCause.EXPIRED)
        assert before.forecast is Forecast.ADMITTED_WITH_CERTIFICATE
        successor = both.house.authority.issue(common_name=ROLE)
        if renewed:
            both.give(successor)
        # OpenSSL's releases differ on the very second that a certificate names as its last
        over = ends + timedelta(seconds=1)
        until(lambda: now() > over, within=SECONDS + 5, what="the certificate to end")

        connection = both.connection()
        assert connection.wal_sender.pid == before.wal_sender.pid
        assert connection.posture is Posture.CERTIFICATE_REQUIRED
        assert connection.verdict is Verdict.SECURE
        assert Reason.CERTIFICATE_EXPIRED_IN_USE in connection.reasons
        series = scraped(both.board.record(both.house.stage.target.name))
        (published,) = values(series, NOT_AFTER, "application_name").values()
        assert published == ends.timestamp() < now().timestamp()
        reasons = values(series, "pgrepl_connection_reason", "application_name", "reason")
        assert (APPLICATION, "certificate_expired_in_use") in reasons
        forecast = values(series, "pgrepl_connection_forecast", "forecast", "cause")
        pending = values(series, "pgrepl_client_certificate_pending", "application_name")
        if renewed:
            assert forecast == {("admitted_with_certificate", ""): 1}
            assert pending == {(APPLICATION,): 1}
        else:
            assert forecast == {("refused", "expired"): 1}
            assert pending == {(APPLICATION,): 0}

        offset = both.house.stage.primary.server.log_size()
        both.cut()
        if renewed:
            after = both.connection()
            assert after.wal_sender.pid != connection.wal_sender.pid
            assert isinstance(after.in_use, Matched)
            serial = successor.certificate.serial_number
            assert after.in_use.certificate.serial_number == serial
            assert after.certificate_pending is False
            assert Reason.CERTIFICATE_EXPIRED_IN_USE not in after.reasons
        else:
            server = both.house.stage.primary.server
            until(
                lambda: any(words in server.log_since(offset) for words in EXPIRED),
                within=20,
                what="the standby to be refused",
            )
            assert connections_of(both.report()) == ()


def test_the_next_certificate_is_the_one_in_the_standby_s_file(primaries: Primaries) -> None:
    with pair(primaries, 18) as (both, first):
        connection = both.connection()
        assert isinstance(connection.next_certificate, NextCertificate)
        assert connection.next_certificate.path == str(both.certificate_file)
        assert (
            connection.next_certificate.certificate.serial_number == first.certificate.serial_number
        )
        assert connection.certificate_pending is False
