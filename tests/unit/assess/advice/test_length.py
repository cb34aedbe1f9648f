"""The length of a step's text is estimated from its data: what may grow is counted exactly."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.advice.length import CHARACTERS_OF_A_STEP, CHARACTERS_OF_A_VALUE, length
from exporter.model.certificate import CertificateSource
from exporter.model.client_steps import (
    CheckName,
    ConfigureStandby,
    KnownCertificate,
    NameRequirement,
    UseCertificate,
)
from exporter.model.remedy import (
    FileEdit,
    Obstacle,
    ParameterEdit,
    Place,
    ServerFile,
    SettingPlace,
    Step,
)
from exporter.model.server_steps import ClientSecurity, CloseRule, LoadRules, OtherClient
from tests.steps import action, lines
from tests.unit.assess.with_certificates import OWN
from tests.unit.publish.words.step_examples import EXAMPLES

VALUE = CHARACTERS_OF_A_VALUE
# no edit
LEAST = CHARACTERS_OF_A_STEP + VALUE


def test_names_are_counted_with_their_characters() -> None:
    name = NameRequirement("replica", is_whole=False, names=("ab", "cde"), patterns=("/x",))
    texts = len("replica") + len("ab") + len("cde") + len("/x")
    # whether it is whole, and no map
    assert length(Step(Place.CLIENT, CheckName(name))) == LEAST + texts + 2 * VALUE


def test_numbers_addresses_and_what_is_missing_count_alike() -> None:
    assert length(Step(Place.SERVER, LoadRules(170000))) == LEAST + VALUE
    other = OtherClient("app", "r", ip_address("::1"), ClientSecurity.TLS, None, 2)
    close = CloseRule("r", None, (other, other))
    texts = len("r") + 2 * (len("app") + len("r") + len("tls"))
    # the database; of each of the others its address, name and number
    assert length(Step(Place.SERVER, close)) == LEAST + texts + (1 + 2 * 3) * VALUE


def test_a_certificate_counts_with_its_name_not_with_its_bytes() -> None:
    known = KnownCertificate(OWN, CertificateSource.INVENTORY, "/r.crt")
    texts = len(OWN.subject.rfc2253) + len("inventory") + len("/r.crt") + len("r")
    assert length(Step(Place.CLIENT, UseCertificate(known, "r"))) == LEAST + texts


def test_edits_count() -> None:
    edit = FileEdit(ServerFile.HBA, "/f", 7, "old", ("new", "newer"))
    step = Step(Place.SERVER, LoadRules(170000), edit)
    texts = len("pg_hba.conf") + len("/f") + len("old") + len("new") + len("newer")
    # the version; the line's number, and no line below
    whole = CHARACTERS_OF_A_STEP + texts + 3 * VALUE
    assert length(step) == whole
    changed = replace(edit, obstacles=frozenset({Obstacle.CHANGED}))
    assert length(replace(step, edit=changed)) == whole + len("changed")
    parameters = ParameterEdit(SettingPlace.PROGRAM, (("user", "r"), ("a", "bc")))
    step = Step(Place.CLIENT, ConfigureStandby(is_under_patroni=False), parameters)
    texts = len("program") + len("user") + len("r") + len("abc")
    assert length(step) == CHARACTERS_OF_A_STEP + texts + 2 * VALUE


@pytest.mark.parametrize("step", EXAMPLES.values(), ids=EXAMPLES)
def test_the_estimate_is_near_enough_to_bound_the_text(step: Step) -> None:
    text = len(action(step)) + sum(map(len, lines(step)))
    assert length(step) / 6 < text < 3 * length(step)


def test_over_all_kinds_the_estimate_is_about_the_length() -> None:
    texts = sum(len(action(s)) + sum(map(len, lines(s))) for s in EXAMPLES.values())
    assert 0.7 < sum(map(length, EXAMPLES.values())) / texts < 1.4
