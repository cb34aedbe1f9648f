"""Certificates that are replaced: what is pending, and until when."""

import pytest

from exporter.model.judgement import Forecast
from lab.pki import server_pki
from lab.replication import ReplicationClient
from tests.live.certificates.house import OLDEST_AND_NEWEST, ROLE, house
from tests.live.certificates.pair import RULES, pair
from tests.live.primaries import Primaries
from tests.unit.publish.metrics.scrape import scraped, values

pytestmark = pytest.mark.live


@pytest.mark.parametrize("major", OLDEST_AND_NEWEST)
def test_a_server_certificate_is_pending_until_a_reload_that_takes_it(
    primaries: Primaries, major: int
) -> None:
    # at the usual interval of five minutes: a load is followed by a look at once
    with house(primaries, major, RULES) as made:
        server = made.stage.primary.server

        def pending() -> float:
            made.report()
            series = scraped(made.stage.board.record(made.stage.target.name))
            (pending_value,) = values(
                series, "pgrepl_server_certificate_pending", "target"
            ).values()
            return pending_value

        assert pending() == 0
        renewed = server_pki(made.authority)
        made.put(made.certificate_file, renewed.certificate.read_bytes())
        assert pending() == 1
        # the key of the old one is still there: the server keeps what it has
        server.reload()
        assert pending() == 1
        made.put(made.key_file, renewed.key.read_bytes())
        assert pending() == 1
        server.reload()
        assert pending() == 0


@pytest.mark.parametrize("major", OLDEST_AND_NEWEST)
def test_authorities_that_no_reload_takes_refuse_no_client(
    primaries: Primaries, major: int
) -> None:
    with house(primaries, major, RULES) as made:
        own = made.authority.issue(common_name=ROLE)
        made.own(own)
        with ReplicationClient(made.parameters(own)) as client:
            made.put(made.authority_file, b"in DER, perhaps: no block of PEM")
            made.stage.primary.server.reload()
            assert made.connection(client).forecast is Forecast.UNKNOWN
            assert made.is_let_in(own)


@pytest.mark.parametrize("major", OLDEST_AND_NEWEST)
def test_a_standby_s_certificate_is_pending_until_it_connects_again(
    primaries: Primaries, major: int
) -> None:
    with pair(primaries, major) as (both, _):
        assert both.connection().certificate_pending is False
        both.give(both.house.authority.issue(common_name=ROLE))
        assert both.connection().certificate_pending is True
        assert both.connection().certificate_pending is True
        both.cut()
        assert both.connection().certificate_pending is False
