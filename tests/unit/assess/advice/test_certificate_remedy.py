"""Which name a certificate needs that replaces a refused one: a name that the rules accept."""

from dataclasses import replace
from typing import TypeVar

import pytest

from exporter.model.client_steps import ChangeName, NameRequirement, RenewCertificate
from exporter.model.judgement import Forecast, ForecastCause
from exporter.model.remedy import Step
from exporter.model.verification import Verification
from tests.steps import lines
from tests.unit.assess.facts import CERT, SCRAM, mapping, maps
from tests.unit.assess.remedies import CHAIN, MAPPED
from tests.unit.assess.with_certificates import (
    OWN,
    SEEN,
    OpenSsl,
    certificate,
    judged,
    name,
    of_standby,
    sending,
    using,
)

MACHINE = certificate(name("O=Lab", "CN=machine-7"))
OUTDATED = Verification("certificate has expired", ForecastCause.EXPIRED)
WITH_MACHINE = of_standby(sending(MACHINE))


Kind = TypeVar("Kind")


def first(steps: tuple[Step, ...], of: type[Kind]) -> Kind:
    kind = steps[0].kind
    assert isinstance(kind, of)
    return kind


@pytest.mark.parametrize("system_name", ["machine-7", "/^machine-.*$", "/[[:alpha:]]"])
def test_a_new_certificate_has_the_same_name_where_that_is_or_may_be_accepted(
    system_name: str,
) -> None:
    expired = replace(WITH_MACHINE, verify=OpenSsl({MACHINE: OUTDATED}))
    poll = replace(SEEN, ident=maps(mapping(system_name, "replica")))
    steps = judged(expired, MAPPED, poll=poll).remedy
    assert first(steps, RenewCertificate).name is None
    assert lines(steps[0]) == ()


def test_a_new_certificate_has_another_name_where_its_own_is_not_accepted() -> None:
    expired = OpenSsl({MACHINE: OUTDATED, OWN: OUTDATED})
    machine, own = (replace(k, verify=expired) for k in (WITH_MACHINE, of_standby()))
    poll = replace(SEEN, ident=maps(mapping("machine-7", "replica")))
    for knowledge, rule, issued in (
        (machine, CERT, "CN=replica"),
        # no rule compares it yet
        (machine, SCRAM, "CN=replica"),
        (own, MAPPED, "CN=machine-7"),
    ):
        steps = judged(knowledge, rule, poll=poll).remedy
        assert first(steps, RenewCertificate).name is not None
        assert lines(steps[0]) == (f"subject: {issued}",)


def test_a_name_that_the_map_does_not_accept_is_replaced_by_one_of_it_or_added_to_it() -> None:
    rule = replace(MAPPED, options=("map=my m", "clientcert=verify-full"))
    poll = replace(SEEN, ident=maps(mapping("machine-8", "replica", "my m")))
    change = first(judged(WITH_MACHINE, rule, poll=poll).remedy, ChangeName)
    assert change.name == NameRequirement(
        "replica", is_whole=False, names=("machine-8",), map_name="my m"
    )
    assert change.map_name == "my m"
    assert change.map_line == '"my m"  machine-7  replica'


def test_of_several_rules_the_first_that_compares_the_name_counts() -> None:
    poll = replace(SEEN, ident=maps(mapping("machine-8", "replica")))
    for above, expected in ((CERT, "MAP  machine-7  replica"), (CHAIN, "m  machine-7  replica")):
        near = replace(above, address="samenet", netmask=None)
        change = first(judged(WITH_MACHINE, near, MAPPED, poll=poll).remedy, ChangeName)
        assert change.map_line == expected


def test_where_no_rule_compares_the_name_none_is_replaced_as_refused() -> None:
    for rule in (CHAIN, SCRAM):
        found = judged(WITH_MACHINE, rule, sender=using(MACHINE))
        assert found.forecast is not Forecast.REFUSED
        assert not any(isinstance(step.kind, ChangeName) for step in found.remedy)
