"""Moments and what is left until them, for a person."""

from datetime import UTC, datetime, timedelta

_SOON = timedelta(days=28)
_TWO = 2


def day(moment: datetime) -> str:
    """Return the day in UTC, such as ``2026-12-10``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def minute(moment: datetime) -> str:
    """Return the minute in UTC, such as ``2026-12-10 12:00 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def left(moment: datetime, now: datetime) -> str:
    """Return how far away a moment is: ``in 20 days``, ``in 5 hours``, ``3 days ago``."""
    distance = abs(moment - now)
    if distance >= timedelta(days=_TWO):
        told = f"{distance.days} days"
    elif distance >= timedelta(hours=_TWO):
        told = f"{int(distance / timedelta(hours=1))} hours"
    else:
        told = f"{int(distance / timedelta(minutes=1))} minutes"
    return f"in {told}" if moment > now else f"{told} ago"


def urgency(moment: datetime, now: datetime) -> str:
    """Return the class of style of a moment when something ends: past, soon, or empty."""
    if moment <= now:
        return "insecure"
    return "unknown" if moment - now < _SOON else ""
