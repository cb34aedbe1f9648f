"""Several programs measured side by side, in the units of the table."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SETTLING_SECONDS = 0.05
"""Longer than the server's process of the last poll takes to end."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        run: polls so many times, and returns the seconds that each took.
        own_cpu_seconds: of the program that polls, since it started.
    """

    name: str
    run: Callable[[int], Sequence[float]]
    own_cpu_seconds: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one poll or probe; milliseconds of one processor, or of the wall clock.

    Attributes:
        own_cpu_ms: of the exporter; the mean, for the kernel counts in steps.
        server_cpu_ms: of PostgreSQL, its new process and the login included; the mean.
        wall_ms: the median.
    """

    name: str
    polls: int
    own_cpu_ms: float
    server_cpu_ms: float
    wall_ms: float


def side_by_side(
    subjects: Sequence[Subject],
    server_cpu_seconds: Callable[[], float],
    *,
    rounds: int,
    polls_each: int,
) -> list[Cost]:
    """Return the cost of one poll of each subject.

    They take turns, a few polls each, so that whatever else the machine does meets all alike.

    Args:
        subjects: in the order of the table.
        server_cpu_seconds: of the server and its children so far.
        rounds: how many turns each of them has.
        polls_each: in one turn.
    """
    walls: list[list[float]] = [[] for _ in subjects]
    own = [0.0] * len(subjects)
    server = [0.0] * len(subjects)
    for number in range(rounds + 1):
        for index, subject in enumerate(subjects):
            time.sleep(_SETTLING_SECONDS)
            server_before = server_cpu_seconds()
            own_before = subject.own_cpu_seconds()
            taken = subject.run(polls_each)
            own_after = subject.own_cpu_seconds()
            time.sleep(_SETTLING_SECONDS)
            if number == 0:
                continue  # the first turn warms up
            walls[index] += taken
            own[index] += own_after - own_before
            server[index] += server_cpu_seconds() - server_before
    return [
        Cost(
            subject.name,
            len(walls[index]),
            round(own[index] / len(walls[index]) * 1000, 2),
            round(server[index] / len(walls[index]) * 1000, 2),
            round(statistics.median(walls[index]) * 1000, 2),
        )
        for index, subject in enumerate(subjects)
    ]
