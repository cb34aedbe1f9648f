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
        ("/^alice$", "/^replica$", "alice"),
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
        # not determined where a backslash stands before a parenthesis
        (r"/^\((.*)\)$", r"\1", None),
        ("/^(.*)(x)$", r"\1", None),
    ],
)
def test_a_line_binds_a_role_to_this_name(system_name: str, given: str, name: str | None) -> None:
    line = mapping(system_name, given)
    assert bound_name(line, "replica") == name
    if name is not None and binds(line, "replica"):
        assert proves(line, name, "replica")
