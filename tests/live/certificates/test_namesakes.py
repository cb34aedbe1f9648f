"""Standbys that share role, application name and address: which of them a walsender serves."""

from dataclasses import replace

import pytest

from exporter.board import Board
from exporter.model.certificates_report import NextUnknown, NotFound, StandbyNotConfirmed
from exporter.model.judgement import Forecast
from lab.wait import until
from tests.live.certificates.house import OLDEST_AND_NEWEST, ROLE
from tests.live.certificates.pair import APPLICATION, Pair, pair
from tests.live.primaries import Primaries, Primary
from tests.live.scenarios.stage import EXPORTER_RULE, connections_of, staged

pytestmark = pytest.mark.live


@pytest.mark.parametrize("major", OLDEST_AND_NEWEST)
def test_the_file_of_one_standby_is_not_taken_for_that_of_its_namesake(
    primaries: Primaries, major: int
) -> None:
    with pair(primaries, major) as (both, _):
        assert both.connection().certificate_pending is False
        server = both.house.stage.primary.server
        issued = both.house.authority.issue(common_name=ROLE)
        key, certificate = (both.house.directory / f"namesake.{kind}" for kind in ("key", "crt"))
        both.house.put(key, issued.key_path.read_bytes())
        both.house.put(certificate, issued.certificate_path.read_bytes())
        conninfo = {
            # the address that the exporter knows the primary by; the first standby names it
            # otherwise
            "host": "127.0.0.1",
            "user": ROLE,
            "application_name": APPLICATION,
            "sslmode": "require",
            "sslcert": str(certificate),
            "sslkey": str(key),
        }
        folder = server.directory.with_name(f"{server.directory.name}n")
        with server.standby(folder, conninfo, hba=EXPORTER_RULE) as namesake:
            until(lambda: _streams(both) == 2, within=30, what="both standbys to stream")
            known = both.standby_target
            other = replace(staged(Primary(namesake, both.house.authority)).target, name="other")
            # one of them is a target: either
            for target in (known, other):
                both.standby_target, both.board = target, Board([both.house.stage.target, target])
                _neither_is_taken_for_the_other(both)


def _streams(both: Pair) -> int:
    shown = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    [(count,)] = both.house.stage.primary.server.sql(shown)
    return int(count)


def _neither_is_taken_for_the_other(both: Pair) -> None:
    found = connections_of(both.report())
    assert len(found) == 2
    for connection in found:
        assert isinstance(connection.next_certificate, NextUnknown)
        why = connection.next_certificate.why
        assert isinstance(why, NotFound)
        assert isinstance(why.standby, StandbyNotConfirmed)
        assert connection.certificate_pending is None
        assert connection.forecast is Forecast.UNKNOWN
