"""Whether the name in a certificate is accepted for a role."""

from dataclasses import replace

import pytest

from exporter.assess.certificates.name import LONGEST_NAME, Namings, admits
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.certificate import DistinguishedName
from exporter.model.certificates_report import NameFit
from exporter.model.hba import HbaRule
from tests.unit.assess.facts import CERT, mapping, maps
from tests.unit.assess.with_certificates import certificate, name

NEW = Surroundings(180000, frozenset({"replica", "staff"}), {("/^rep", "replica"): True})
OLD = replace(NEW, server_version_number=150000)
ANCIENT = replace(NEW, server_version_number=139999)
BY_MAP = replace(CERT, options=("map=m", "clientcert=verify-full"))
NAMINGS = Namings("replica", (maps(),), NEW, lambda _: frozenset({False}))


def fit(
    subject: DistinguishedName, rule: HbaRule | None = CERT, namings: Namings = NAMINGS
) -> NameFit:
    return namings.fit(rule, certificate(subject))


@pytest.mark.parametrize("rule", [CERT, None])
@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (name("CN=replica"), NameFit.ADMITTED),
        (name("CN=replica", "CN=other"), NameFit.ADMITTED),
        (name("CN=other", "CN=replica"), NameFit.REFUSED),
        (name("CN=Replica"), NameFit.REFUSED),
        (name("O=replica"), NameFit.REFUSED),
    ],
)
def test_the_first_common_name_must_be_the_role(
    subject: DistinguishedName, rule: HbaRule | None, expected: NameFit
) -> None:
    assert fit(subject, rule) is expected


def test_which_name_a_line_with_clientname_compares_is_not_known() -> None:
    namings = replace(NAMINGS, clientname=lambda _: frozenset({True}))
    assert fit(name("CN=replica"), CERT, namings) is NameFit.UNDECIDED
    assert fit(name("CN=other"), CERT, namings) is NameFit.REFUSED
    assert fit(name("CN=replica"), None, namings) is NameFit.ADMITTED
    both = (maps(mapping("replica", "replica"), mapping("CN=replica", "replica")),)
    assert fit(name("CN=replica"), BY_MAP, replace(namings, maps=both)) is NameFit.ADMITTED
    assert fit(name("CN=replica"), CERT, NAMINGS) is NameFit.ADMITTED


def test_where_lines_cannot_be_read_any_may_hold_clientname_from_14_on() -> None:
    unread = replace(NAMINGS, clientname=lambda _: frozenset({None}))
    assert fit(name("CN=replica"), CERT, unread) is NameFit.UNDECIDED
    of_14 = replace(unread, surroundings=replace(NEW, server_version_number=140000))
    assert fit(name("CN=replica"), CERT, of_14) is NameFit.UNDECIDED
    assert fit(name("CN=replica"), CERT, replace(unread, surroundings=ANCIENT)) is NameFit.ADMITTED


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("cn", "replica")], NameFit.ADMITTED),
        ([("other", "replica"), ("cn", "replica")], NameFit.ADMITTED),
        ([("cn", "other")], NameFit.REFUSED),
        ([("other", "replica")], NameFit.REFUSED),
        ([("/(cn", "replica")], NameFit.UNDECIDED),
        ([("/(cn", "replica"), ("cn", "replica")], NameFit.ADMITTED),
        ([], NameFit.REFUSED),
    ],
)
def test_a_map_accepts_by_any_of_its_lines(lines: list[tuple[str, str]], expected: NameFit) -> None:
    namings = replace(NAMINGS, maps=(maps(*(mapping(*line) for line in lines)),))
    assert fit(name("CN=cn"), BY_MAP, namings) is expected


def test_only_lines_of_the_rules_own_map_count() -> None:
    namings = replace(NAMINGS, maps=(maps(mapping("cn", "replica", "other")),))
    assert fit(name("CN=cn"), BY_MAP, namings) is NameFit.REFUSED


def test_a_certificate_without_a_common_name_is_refused_by_every_map() -> None:
    namings = replace(NAMINGS, maps=(maps(mapping("/.*", "replica")),))
    assert fit(name("O=Lab"), BY_MAP, namings) is NameFit.REFUSED
    assert fit(name("CN=x"), BY_MAP, namings) is NameFit.ADMITTED


def test_several_contents_of_a_map_must_agree() -> None:
    one, other = maps(mapping("cn", "replica")), maps(mapping("cn2", "replica"))
    assert fit(name("CN=cn"), BY_MAP, replace(NAMINGS, maps=(one, one))) is NameFit.ADMITTED
    assert fit(name("CN=cn"), BY_MAP, replace(NAMINGS, maps=(one, other))) is NameFit.UNDECIDED
    assert fit(name("CN=cn"), BY_MAP, replace(NAMINGS, maps=())) is NameFit.UNDECIDED


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("/^replica$", Truth.YES),
        ("/^replic$", Truth.NO),
        ("/replic", Truth.YES),
        ("/eplica$", Truth.YES),
        ("/^eplica", Truth.NO),
        ("/.", Truth.YES),
        ("/.*", Truth.YES),
        ("/^r.p[a-l]+ca$", Truth.YES),
        ("/^r.p[^a-l]+ca$", Truth.NO),
        ("/^rep?q?lica$", Truth.YES),
        (r"/^replica\d$", Truth.NO),
        (r"/^\w+$", Truth.YES),
        (r"/^replica\.$", Truth.NO),
        ("/^(standby|replica)$", Truth.YES),
        ("/^(standby|primary)$", Truth.NO),
        ("/", Truth.YES),
        # not the same in Python, or not looked at
        ("/^(replica)+$", Truth.MAY),
        ("/^((replica))$", Truth.MAY),
        ("/^.*a.*b.*$", Truth.MAY),
        ("/^.+a+b+$", Truth.MAY),
        ("/(?i)REPLICA", Truth.MAY),
        ("/***=replica", Truth.MAY),
        ("/[[:alpha:]]", Truth.MAY),
        ("/[z-a]", Truth.MAY),
        (r"/\mreplica\M", Truth.MAY),
        ("/x{2}", Truth.MAY),
        ("/^replica|standby$", Truth.MAY),
        ("/a*?", Truth.MAY),
    ],
)
def test_a_pattern_is_evaluated_where_it_means_the_same_to_postgresql(
    system: str, expected: Truth
) -> None:
    assert admits(mapping(system, "replica"), "replica", "replica", NEW) is expected


def test_the_end_of_a_name_is_its_very_end() -> None:
    assert admits(mapping("/replic.$", "replica"), "replica\n", "replica", NEW) is Truth.NO
    assert admits(mapping("/^replica.$", "replica"), "replica\n", "replica", NEW) is Truth.YES
    assert admits(mapping(r"/^\d$", "replica"), "٣", "replica", NEW) is Truth.NO


def test_a_name_of_any_length_is_not_matched_against_patterns() -> None:
    line = mapping("/x", "replica")
    assert admits(line, "x" * LONGEST_NAME, "replica", NEW) is Truth.YES
    assert admits(line, "x" * (LONGEST_NAME + 1), "replica", NEW) is Truth.MAY


@pytest.mark.parametrize(
    ("system", "given", "shown", "expected"),
    [
        (r"/^(.*)@lab$", r"\1", "replica@lab", Truth.YES),
        (r"/^(.*)@lab$", r"\1", "other@lab", Truth.NO),
        (r"/^(.*)@(lab|home)$", r"\1", "replica@lab", Truth.MAY),
        (r"/^(.*)@(lab|home)$", r"\1", "replica@work", Truth.NO),
        (r"/^(.*)@lab$", "replica", "whoever@lab", Truth.YES),
        ("/.*", "all", "x", Truth.YES),
        ("/.*", "+staff", "x", Truth.YES),
        ("/.*", "+others", "x", Truth.NO),
        ("/.*", "/^rep", "x", Truth.YES),
        ("/.*", "/^unasked", "x", Truth.MAY),
        ("x", "/^unasked", "x", Truth.MAY),
        ("x", "/^unasked", "y", Truth.NO),
        ("x", "all", "x", Truth.YES),
    ],
)
def test_a_line_lets_a_name_in_as_the_roles_that_it_gives(
    system: str, given: str, shown: str, expected: Truth
) -> None:
    assert admits(mapping(system, given), shown, "replica", NEW) is expected


def test_before_16_a_role_in_a_map_is_not_a_keyword() -> None:
    assert admits(mapping("x", "all"), "x", "replica", OLD) is Truth.NO
    assert admits(mapping("x", "all"), "x", "all", OLD) is Truth.YES
