"""Every finding has a sentence, in the words of the manual."""

import re
from dataclasses import fields, replace
from typing import get_args

import pytest

from exporter.model.certificate import DistinguishedName
from exporter.model.finding import (
    CertificateFinding,
    ExpiringThing,
    Expiry,
    Finding,
    LineInError,
    NotInUse,
    RuleFinding,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RulesState,
    ServedNotVerified,
    ServedRejected,
    ServerFinding,
    UsesCertificate,
)
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import Demand, HbaState
from exporter.publish.json.values import kind_name
from exporter.publish.words.findings.text import text, texts
from tests.unit.publish.dialect import DIALECT
from tests.unit.publish.sentences import (
    CERTIFICATE_SENTENCES,
    EXPIRES,
    HANDSHAKE,
    RULE_SENTENCES,
    SENDS,
    SENTENCES,
    SERVER_SENTENCES,
)
from tests.unit.reports import CERT_RULE, IN_USE, SERVED

KINDS: tuple[type[Finding], ...] = get_args(Finding)
HOSTILE = "evil\x1b[2J\u202e<b>{0}{name}%s\n\ud800"
_IN_NAME = DistinguishedName(f"/CN={HOSTILE}", f"CN={HOSTILE}", (HOSTILE,))


@pytest.mark.parametrize(("finding", "sentence"), SENTENCES)
def test_the_sentence_of_a_finding(finding: Finding, sentence: str) -> None:
    assert text(finding) == sentence


def test_every_kind_has_a_sentence() -> None:
    assert {type(finding) for finding, _ in SENTENCES} == set(KINDS)


def test_kinds_of_a_rule_of_certificates_and_of_a_server_are_all_kinds() -> None:
    parts = [get_args(union) for union in (RuleFinding, CertificateFinding, ServerFinding)]
    assert tuple(kind for part in parts for kind in part) == KINDS
    for part, sentences in zip(
        parts, (RULE_SENTENCES, CERTIFICATE_SENTENCES, SERVER_SENTENCES), strict=True
    ):
        assert {type(finding) for finding, _ in sentences} == set(part)


def test_every_kind_has_a_name_of_its_own() -> None:
    names = [kind_name(type(finding)) for finding in {type(f): f for f, _ in SENTENCES}.values()]
    assert len(set(names)) == len(KINDS)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_no_kind_has_a_field_that_a_report_has_for_all_kinds() -> None:
    for kind in KINDS:
        assert {field.name for field in fields(kind)}.isdisjoint({"kind", "text"})


def test_every_value_of_the_closed_lists_has_a_sentence() -> None:
    findings = [finding for finding, _ in SENTENCES]
    assert {f.demand for f in findings if isinstance(f, RuleRequires)} == set(Demand)
    assert {f.state for f in findings if isinstance(f, RulesState)} == set(HbaState)
    assert {f.thing for f in findings if isinstance(f, Expiry)} == set(ExpiringThing)
    for thing in ExpiringThing:
        assert text(replace(EXPIRES, thing=thing)) != text(
            replace(EXPIRES, thing=thing, is_past=True)
        )


def test_sentences_of_several_findings_stand_in_their_order() -> None:
    findings = tuple(finding for finding, _ in SENTENCES)
    assert texts(findings) == tuple(sentence for _, sentence in SENTENCES)
    assert texts(findings[::-1]) == texts(findings)[::-1]
    assert texts(()) == ()


@pytest.mark.parametrize(
    "finding",
    [f for f, _ in SENTENCES if not isinstance(f, RuleGoverns | RuleMayGovern | LineInError)],
)
def test_sentences_begin_with_a_capital_and_end_in_a_full_stop(finding: Finding) -> None:
    sentence = text(finding)
    # the sentence before a list of rules ends in a colon
    assert re.fullmatch(r"([A-Z/]|pg_hba|ssl_cert_file).*[.:]", sentence)
    assert "  " not in sentence
    assert ".." not in sentence


@pytest.mark.parametrize(
    "finding",
    [
        RuleRequires(Demand.NOTHING, HOSTILE),
        RuleMayGovern(replace(CERT_RULE, location=RuleLocation(HOSTILE, 1))),
        UsesCertificate(replace(IN_USE, subject=_IN_NAME), is_expired=False),
        replace(SENDS, certificate=replace(IN_USE, subject=_IN_NAME)),
        replace(SENDS, path=HOSTILE),
        replace(SENDS, path=HOSTILE, is_in_use=True),
        replace(HANDSHAKE, role=HOSTILE),
        replace(HANDSHAKE, verification=HOSTILE),
        LineInError(ErrorLine(RuleLocation("x", 1), HOSTILE, blocks_loading=True)),
        ServedNotVerified(HOSTILE),
        ServedRejected(SERVED, HOSTILE, "x"),
        ServedRejected(SERVED, None, HOSTILE),
        NotInUse(replace(IN_USE, subject=_IN_NAME), "x"),
        NotInUse(IN_USE, HOSTILE),
        *(
            replace(EXPIRES, thing=thing, name=_IN_NAME, is_past=is_past)
            for thing in ExpiringThing
            for is_past in (False, True)
        ),
    ],
)
def test_a_name_is_kept_in_the_sentence_as_it_is(finding: Finding) -> None:
    # what may act on a terminal or a page is escaped where it is printed
    assert text(finding).count(HOSTILE) == 1


@pytest.mark.parametrize("sentence", [sentence for _, sentence in SENTENCES])
def test_no_sentence_is_in_the_dialect_of_this_project(sentence: str) -> None:
    assert DIALECT.findall(sentence) == []
