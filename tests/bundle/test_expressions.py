"""The check that alerts and dashboard pass must be able to fail."""

import pytest

from tests.bundle.expressions import faults


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("pgrepl_upp == 0", ["no family pgrepl_upp"]),
        ('pgrepl_up{node="a"}', ["pgrepl_up has no label node"]),
        (
            'rate(pgrepl_target_connections{verdict="unsafe"}[5m])',
            ['pgrepl_target_connections: verdict is never "unsafe"'],
        ),
        (
            'pgrepl_connection_reason{reason="timeout"}',
            ['pgrepl_connection_reason: reason is never "timeout"'],
        ),
        ("max by (node) (pgrepl_up)", ["no family here has the label node"]),
        ("pgrepl_up and on (node) pgrepl_up", ["no family here has the label node"]),
    ],
)
def test_unknown_names_in_expressions_are_reported(expression: str, expected: list[str]) -> None:
    assert faults(expression) == expected


def test_a_sound_expression_has_no_faults() -> None:
    expression = (
        'max by (target) (last_over_time(pgrepl_connections{verdict="insecure"}[1h]))'
        ' unless on (target) (pgrepl_up{job=~"$job"} == 1)'
    )
    assert faults(expression) == []


def test_invalid_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="parenthes"):
        faults("max(pgrepl_up")
