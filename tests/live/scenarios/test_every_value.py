"""Every value of the closed lists was produced by a live test, or cannot be by this slice.

It runs last, and only when the whole live suite does (conftest.py).
"""

from enum import StrEnum

import pytest

from exporter.model.failure import FailureReason
from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from tests.live.seen import seen

pytestmark = pytest.mark.live

NOT_YET: dict[StrEnum, str] = {
    Posture.HIDDEN: "without pg_read_all_stats no connection is reported: the poll fails",
    Reason.STATISTICS_HIDDEN: "as the posture hidden",
}
"""What this slice cannot produce, and why."""

NEED_ROOT: frozenset[StrEnum] = frozenset({Posture.GSS_ENCRYPTED, Reason.CLIENT_USED_GSS})
"""The key distribution centre's packages are installed by root (test_kerberos.py)."""

LISTS: tuple[type[StrEnum], ...] = (Posture, Verdict, HbaState, Reason, FailureReason)


@pytest.mark.parametrize("closed", LISTS)
def test_every_value_was_produced_or_is_listed_with_its_reason(
    closed: type[StrEnum],
    with_root_tests: bool,  # noqa: FBT001  a fixture
) -> None:
    left_out = set(NOT_YET) if with_root_tests else set(NOT_YET) | NEED_ROOT
    assert [value for value in closed if value not in seen(closed) | left_out] == []


def test_what_is_listed_as_impossible_was_not_produced() -> None:
    assert [value for value in NOT_YET if value in seen(type(value))] == []
