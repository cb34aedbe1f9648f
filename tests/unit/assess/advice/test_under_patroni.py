"""Where Patroni writes the server's files, nothing is edited by hand."""

from dataclasses import replace

import pytest

from exporter.model.hba import HbaRule, RuleLocation
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.remedy import Step
from exporter.model.wal_sender import ReplicationKind, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    PLAIN,
    POLL,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    TLS,
    holding,
    judged_under,
    known,
    line,
    mapping,
    maps,
    rules,
)
from tests.unit.assess.remedies import MAPPED, NEAR, added, edits, kinds, remedy, showing, the

HEADER = line(RuleLocation(HBA, 1), patroni=True)
PATRONI = replace(POLL, hba_lines=(HEADER,))
IN_PARAMETERS = "postgresql.parameters"


@pytest.mark.parametrize(
    ("sender", "written", "name"),
    [
        (PLAIN, (SCRAM,), "require"),
        (PLAIN, (replace(SCRAM, roles=("all",)),), "require"),
        (PLAIN, (REJECT,), "open"),
        (PLAIN, (), "open"),
        (STANDBY, (NEAR, SCRAM), "require"),
        (STANDBY, (CERT, SCRAM), "close"),
    ],
)
def test_a_line_of_rules_is_one_of_the_list_in_its_configuration(
    sender: WalSender, written: tuple[HbaRule, ...], name: str
) -> None:
    steps = remedy(sender, *written, poll=PATRONI)
    assert edits(steps) == []
    assert "postgresql.pg_hba (" in the(name, steps).action
    by_hand = remedy(sender, *written)
    assert kinds(steps) == kinds(by_hand)
    assert added(steps) == added(by_hand)
    assert "Patroni" not in the(name, by_hand).action


def test_a_line_of_a_map_is_one_of_the_list_in_its_configuration() -> None:
    for content, name in (("/.*", "narrow"), ("/(.*)x", "complete")):
        given = "replica" if name == "narrow" else r"\1"
        poll = replace(PATRONI, ident=maps(mapping(content, given)))
        steps = remedy(showing("/CN=replicax"), MAPPED, poll=poll)
        assert edits(steps) == []
        assert "postgresql.pg_ident (" in the(name, steps).action


def test_the_header_counts_in_any_content_that_may_be_in_force() -> None:
    contents = known(rules(SCRAM), rules(REJECT, SCRAM), state=HbaState.PENDING)
    assert "Patroni" in the("set", judged_under(PLAIN, holding(contents, HEADER)).remedy).action
    assert "Patroni" not in the("set", judged_under(PLAIN, contents).remedy).action


def test_a_standby_is_configured_where_patroni_reads_it() -> None:
    told = the("set", remedy(PLAIN, SCRAM, poll=PATRONI)).action
    assert "postgresql.authentication.replication.sslmode" in told
    assert the("set", remedy(PLAIN, SCRAM)).action in told
    # a subscription is not Patroni's
    logical = replace(PLAIN, kind=ReplicationKind.LOGICAL, database="shop")
    rule = replace(SCRAM, databases=("all",))
    assert "Patroni" not in the("set", remedy(logical, rule, poll=PATRONI)).action


def settings(poll: Observation, sender: WalSender = PLAIN) -> dict[str, Step]:
    asked = replace(poll, server=replace(SERVER, requests_client_certificate=False))
    old = replace(sender, tls=replace(TLS, version="TLSv1"))
    return {
        "request": the("request", remedy(sender, SCRAM, poll=asked)),
        "newer server": the("newer server", remedy(old, CERT, poll=poll)),
    }


@pytest.mark.parametrize("name", ["request", "newer server"])
def test_settings_of_the_server_go_to_its_configuration(name: str) -> None:
    by_patroni, by_hand = settings(PATRONI)[name], settings(POLL)[name]
    assert IN_PARAMETERS in by_patroni.action
    assert by_patroni.action.startswith(by_hand.action)
    assert by_patroni.lines == by_hand.lines
    assert IN_PARAMETERS not in by_hand.action
