"""Three-valued truth: MAY if it depends on something that cannot be seen."""

from enum import Enum


class Truth(Enum):
    """Whether something holds."""

    NO = "no"
    MAY = "may"
    YES = "yes"


def truth(value: bool) -> Truth:  # noqa: FBT001  a conversion
    """Return YES or NO."""
    return Truth.YES if value else Truth.NO
