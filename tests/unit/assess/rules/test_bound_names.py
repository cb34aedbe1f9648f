"""Which name a line of pg_ident.conf binds to a role, to be written into a remedy."""

import pytest

from exporter.assess.rules.identity import binds, bound_name, proves
from tests.unit.assess.facts import mapping


@pytest.mark.parametrize(
    ("system_name", "given", "name"),
    [
        ("alice", "replica", "alice"),
        # to each of the roles that it gives
        ("alice", "all", "alice"),
        ("alice", "+staff", "alice"),
        ("/^alice$", "replica", "alice"),
        (r"/^alice@example\.com$", "replica", "alice@example.com"),
        (r"/^CN=alice,O=Lab \(Test\)$", "replica", "CN=alice,O=Lab (Test)"),
        ("/^alice$", "all", None),
        ("/^alice", "replica", None),
        ("/^alice.*$", "replica", None),
        ("/^(.*)$", r"\1", "replica"),
        (r"/^(.*)@example\.com$", r"\1", "replica@example.com"),
        (r"/^CN=(.+),O=Lab$", r"\1", "CN=replica,O=Lab"),
        (r"/^db\+(.*)$", r"\1", "db+replica"),
        ("/^([^@]*)@lab$", r"rep\1", "lica@lab"),
        ("/^(.*)@lab$", r"\1ica", "repl@lab"),
        ("/^(.*)@lab$", r"re\1ca", "pli@lab"),
        # the group cannot hold what the role would need
        ("/^([^l]*)@lab$", r"\1", None),
        (r"/^\((.*)\)$", r"\1", "(replica)"),
        (r"/^\)(.*)\($", r"\1", ")replica("),
        ("/^(.*)(x)$", r"\1", None),
    ],
)
def test_a_line_binds_a_role_to_this_name(system_name: str, given: str, name: str | None) -> None:
    line = mapping(system_name, given)
    assert bound_name(line, "replica") == name
    if name is not None and binds(line, "replica"):
        assert proves(line, name, "replica")


def test_only_the_first_back_reference_stands_for_the_group() -> None:
    line = mapping("/^(.*)@lab$", r"\1x\1")
    assert bound_name(line, r"ax\1") == "a@lab"


def test_a_group_matches_line_breaks() -> None:
    line = mapping("/^(.*)@lab$", r"\1")
    assert bound_name(line, "a\nb") == "a\nb@lab"
    assert proves(line, "a\nb@lab", "a\nb")


def test_a_group_of_a_long_pattern_matches_line_breaks_too() -> None:
    # one that is not kept compiled
    line = mapping(f"/^{'x' * 200}(.*)$", r"\1")
    assert proves(line, "x" * 200 + "a\nb", "a\nb")
