"""Where Patroni writes the server's files, nothing is edited by hand."""

from dataclasses import replace

import pytest

from exporter.model.client_steps import ConfigureStandby, ConfigureSubscription
from exporter.model.hba import HbaRule, RuleLocation
from exporter.model.judgement import HbaState
from exporter.model.observation import Observation
from exporter.model.remedy import Obstacle, ParameterEdit, ServerFile, SettingPlace, Step
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
from tests.unit.assess.remedies import (
    MAPPED,
    NEAR,
    added,
    edits,
    fact,
    file_edit,
    kinds,
    remedy,
    showing,
    the,
)

HEADER = line(RuleLocation(HBA, 1), patroni=True)
PATRONI = replace(POLL, hba_lines=(HEADER,))


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
    assert Obstacle.MANAGED in file_edit(the(name, steps)).obstacles
    assert file_edit(the(name, steps)).file is ServerFile.HBA
    by_hand = remedy(sender, *written)
    assert kinds(steps) == kinds(by_hand)
    assert added(steps) == added(by_hand)
    assert Obstacle.MANAGED not in file_edit(the(name, by_hand)).obstacles


def test_a_line_of_a_map_is_one_of_the_list_in_its_configuration() -> None:
    for content, name in (("/.*", "narrow"), ("/(.*)x", "complete")):
        given = "replica" if name == "narrow" else r"\1"
        poll = replace(PATRONI, ident=maps(mapping(content, given)))
        steps = remedy(showing("/CN=replicax"), MAPPED, poll=poll)
        assert edits(steps) == []
        assert Obstacle.MANAGED in file_edit(the(name, steps)).obstacles
        assert file_edit(the(name, steps)).file is ServerFile.IDENT


def test_the_header_counts_in_any_content_that_may_be_in_force() -> None:
    contents = known(rules(SCRAM), rules(REJECT, SCRAM), state=HbaState.PENDING)
    for known_contents, is_under_patroni in ((holding(contents, HEADER), True), (contents, False)):
        steps = judged_under(PLAIN, known_contents).remedy
        assert fact(ConfigureStandby, steps) == ConfigureStandby(is_under_patroni)


def test_a_standby_is_configured_where_patroni_reads_it() -> None:
    steps = remedy(PLAIN, SCRAM, poll=PATRONI)
    assert fact(ConfigureStandby, steps) == ConfigureStandby(is_under_patroni=True)
    by_hand = remedy(PLAIN, SCRAM)
    assert fact(ConfigureStandby, by_hand) == ConfigureStandby(is_under_patroni=False)
    assert the("set", steps).edit == the("set", by_hand).edit
    # a subscription is not Patroni's
    logical = replace(PLAIN, kind=ReplicationKind.LOGICAL, database="shop")
    rule = replace(SCRAM, databases=("all",))
    assert the("set", remedy(logical, rule, poll=PATRONI)).kind == ConfigureSubscription()


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
    assert by_patroni.kind == by_hand.kind
    assert isinstance(by_hand.edit, ParameterEdit)
    assert by_hand.edit.place is SettingPlace.POSTGRESQL_CONF
    assert not by_hand.edit.is_managed
    assert by_patroni.edit == replace(by_hand.edit, is_managed=True)
