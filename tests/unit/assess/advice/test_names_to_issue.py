"""Which name is issued to a client without a certificate: one that the rule accepts."""

from dataclasses import replace

import pytest

from exporter.model.client_steps import IssueCertificate, NameRequirement
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import IdentMapping, RuleLocation
from exporter.model.observation import Observation
from tests.steps import lines as printed
from tests.unit.assess.facts import CERT, HBA, PLAIN, POLL, SCRAM, line, mapping, maps
from tests.unit.assess.remedies import MAPPED, PRESENT, added, edits, fact, kinds, remedy, the

OWN_NAME = NameRequirement("replica", is_whole=False, names=("replica",))
WHOLE = line(RuleLocation(HBA, 1), clientname="DN")


def with_maps(*written: IdentMapping, poll: Observation = POLL) -> Observation:
    return replace(poll, ident=maps(*written))


@pytest.mark.parametrize(
    ("written", "issued"),
    [
        ("machine-7", "CN=machine-7"),
        ("a,b", r"CN=a\,b"),
        ('a+"b"\\<c>;', r"CN=a\+\"b\"\\\<c\>\;"),
        (" a b ", r"CN=\ a b\ "),
        ("#a#b", r"CN=\#a#b"),
        ("a\nb", r"CN=a\0Ab"),
        ("=é", "CN==é"),
    ],
)
def test_a_name_is_written_as_an_attribute_of_a_distinguished_name(
    written: str, issued: str
) -> None:
    poll = replace(POLL, ident=maps(mapping(written, "replica")))
    step = the("issue", remedy(PLAIN, MAPPED, SCRAM, poll=poll))
    assert printed(step) == (f"subject: {issued}",)


def test_all_names_that_a_map_accepts_are_reported() -> None:
    poll = replace(POLL, ident=maps(*(mapping(n, "replica") for n in ("a", "b", "c"))))
    steps = remedy(PLAIN, MAPPED, SCRAM, poll=poll)
    assert printed(the("issue", steps)) == ("subject: CN=a",)
    assert fact(IssueCertificate, steps).name == NameRequirement(
        "replica", is_whole=False, names=("a", "b", "c"), map_name="m"
    )
    whole = replace(
        POLL,
        ident=maps(mapping("CN=a,O=x", "replica"), mapping("CN=b", "replica")),
        hba_lines=(line(RuleLocation(HBA, 1), clientname="DN"),),
    )
    steps = remedy(PLAIN, MAPPED, SCRAM, poll=whole)
    assert printed(the("issue", steps)) == ("subject: CN=a,O=x",)
    assert fact(IssueCertificate, steps).name == NameRequirement(
        "replica", is_whole=True, names=("CN=a,O=x", "CN=b"), map_name="m"
    )


def test_a_name_of_the_role_alone_is_reported_without_a_map() -> None:
    assert fact(IssueCertificate, remedy(PLAIN, CERT, SCRAM)).name == OWN_NAME


def test_where_the_rule_may_compare_the_whole_name_that_is_reported() -> None:
    poll = replace(POLL, hba_lines=(line(RuleLocation(HBA, 1), quote=True),))
    assert fact(IssueCertificate, remedy(PLAIN, CERT, SCRAM, poll=poll)).name == OWN_NAME
    unknown = replace(line(RuleLocation(HBA, 1)), holds_clientname=True)
    steps = remedy(PLAIN, CERT, SCRAM, poll=replace(POLL, hba_lines=(unknown,)))
    assert printed(the("issue", steps)) == ("subject: CN=replica",)
    assert fact(IssueCertificate, steps).name == replace(OWN_NAME, is_whole=None)


def test_where_the_map_cannot_be_read_no_name_is_reported() -> None:
    poll = replace(POLL, ident=Unread(FailureReason.PERMISSION, ""))
    steps = remedy(PLAIN, MAPPED, SCRAM, poll=poll)
    assert kinds(steps) == [*PRESENT, "close", "load rules"]
    assert printed(the("issue", steps)) == ()
    assert fact(IssueCertificate, steps).name == NameRequirement(
        "replica", is_whole=False, names=(), map_name="m"
    )


# --- where a map accepts several names


@pytest.mark.parametrize(
    ("content", "issued", "written"),
    [
        # what the map accepts now and will
        ([mapping("machine-7", "all")], "CN=machine-7", ["m machine-7 replica"]),
        ([mapping("/.*", "replica")], "CN=replica", ["m replica replica"]),
        ([mapping("/^(.*)@lab", r"\1")], "CN=replica@lab", [r"m /^(.*)@lab$ \1"]),
        (
            [mapping("/^r.*$", "replica"), mapping("machine-7", "replica")],
            "CN=machine-7",
            ["m machine-7 replica"],
        ),
        (
            [mapping("/^m.*$", "replica"), mapping("/^r.*$", "replica")],
            "CN=replica",
            ["m replica replica", "m replica replica"],
        ),
        ([mapping("/^m.*$", "replica")], None, ["m NAME_OF_ITS_CERTIFICATE replica"]),
        (
            [mapping("/.*", "replica"), mapping("x", "bob"), mapping("y", "replica", "n")],
            "CN=replica",
            ["m replica replica"],
        ),
    ],
)
def test_the_name_to_issue_is_accepted_before_and_after(
    content: list[IdentMapping], issued: str | None, written: list[str]
) -> None:
    steps = remedy(PLAIN, MAPPED, poll=with_maps(*content))
    narrows = kinds(steps)[len(PRESENT) : -2]
    assert narrows in (["narrow"] * len(written), ["complete"])
    assert kinds(steps) == [*PRESENT, *narrows, "load maps", "reconnect"]
    assert printed(the("issue", steps)) == (() if issued is None else (f"subject: {issued}",))
    assert added(steps) == written
    assert len(edits(steps)) == (0 if issued is None else len(written))


def test_a_pattern_that_the_role_s_name_does_not_match_is_reported() -> None:
    content = [mapping("/^m.*$", "replica"), mapping("/^n.*$", "replica"), mapping("/^z", "bob")]
    steps = remedy(PLAIN, MAPPED, poll=with_maps(*content))
    assert fact(IssueCertificate, steps).name == NameRequirement(
        "replica", is_whole=False, names=(), patterns=("/^m.*$", "/^n.*$"), map_name="m"
    )


def test_a_whole_name_is_not_made_up() -> None:
    poll = with_maps(mapping("/.*", "replica"), poll=replace(POLL, hba_lines=(WHOLE,)))
    steps = remedy(PLAIN, MAPPED, poll=poll)
    assert printed(the("issue", steps)) == ()
    assert fact(IssueCertificate, steps).name == NameRequirement(
        "replica", is_whole=True, names=(), patterns=("/.*",), map_name="m"
    )
    assert added(steps) == ["m NAME_OF_ITS_CERTIFICATE replica"]


def test_rules_whose_maps_differ_ask_for_no_certain_name() -> None:
    first = replace(MAPPED, address="samenet", netmask=None)
    other = replace(MAPPED, options=("map=n", "clientcert=verify-full"))
    poll = with_maps(mapping("/.*", "replica"), mapping("/.*", "replica", "n"))
    steps = remedy(PLAIN, first, other, poll=poll)
    assert printed(the("issue", steps)) == ()
    assert added(steps) == ["n replica replica", "m replica replica"]
