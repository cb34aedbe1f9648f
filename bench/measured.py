"""What was measured of one program, in the units of the table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one poll or probe; milliseconds of one processor, or of the wall clock.

    Attributes:
        own_cpu_ms: of the exporter.
        server_cpu_ms: of PostgreSQL, its new process and the login included.
        wall_ms: the median.
    """

    name: str
    polls: int
    own_cpu_ms: float
    server_cpu_ms: float
    wall_ms: float


def cost(
    name: str, walls: Sequence[float], *, own_cpu_seconds: float, server_cpu_seconds: float
) -> Cost:
    """Return the cost of one of ``len(walls)`` polls.

    Args:
        name: what was measured.
        walls: seconds each.
        own_cpu_seconds: of all together.
        server_cpu_seconds: of all together.
    """
    number = len(walls)
    return Cost(
        name,
        number,
        round(own_cpu_seconds / number * 1000, 2),
        round(server_cpu_seconds / number * 1000, 2),
        round(statistics.median(walls) * 1000, 2),
    )
