"""Whether the rule of a connection compares the whole name of its certificate."""

from dataclasses import replace

import pytest

from exporter.assess.rules.case import Case
from exporter.assess.rules.outcome import Outcomes
from exporter.model.report import NoRule
from tests.unit.assess.facts import CERT, SERVER, line, rules


def case(version: int, *clientnames: str) -> Case:
    """Return a connection whose rule stands in contents with these values of ``clientname=``."""
    contents = [
        rules(CERT).with_lines((line(CERT.location, clientname=value),)) for value in clientnames
    ]
    found = Outcomes(match=NoRule(), agreed=True, possible=(), contents={CERT: contents})
    # nothing else of it is looked at
    made = object.__new__(Case)
    object.__setattr__(made, "server", replace(SERVER, version_number=version))
    object.__setattr__(made, "found", found)
    return made


@pytest.mark.parametrize(
    ("version", "clientnames", "expected"),
    [
        (140000, ["DN"], True),
        (140000, ["CN"], False),
        (180000, ["DN", "DN"], True),
        # several versions of the rules may be in force
        (180000, ["DN", "CN"], None),
        (180000, ["CN", "DN"], None),
        # the option does not exist
        (130022, ["DN"], False),
        (130022, ["DN", "CN"], False),
    ],
)
def test_the_whole_name_is_compared_where_every_content_says_so(
    version: int, clientnames: list[str], *, expected: bool | None
) -> None:
    assert case(version, *clientnames).compares_whole_name(CERT) is expected
