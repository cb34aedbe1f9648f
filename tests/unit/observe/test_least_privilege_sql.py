"""The role's name in the shipped SQL."""

import pytest

from exporter.sql import least_privilege_sql


@pytest.mark.parametrize("role", ["", "public", "none", "pg_monitor", "a\0b", "ü" * 32])
def test_a_name_that_no_role_can_have_is_refused(role: str) -> None:
    with pytest.raises(ValueError, match=r"role|bytes"):
        least_privilege_sql(role)


def test_the_longest_name_is_taken() -> None:
    assert f"E'{'x' * 63}'" in least_privilege_sql("x" * 63)


def test_the_name_cannot_leave_its_literal() -> None:
    script = least_privilege_sql("x'; DROP TABLE t; -- \\")
    assert "= E'x''; DROP TABLE t; -- \\\\';\n" in script
    assert "@ROLE@" not in script
