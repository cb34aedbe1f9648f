"""Timestamps, and the time until them, as text."""

from datetime import UTC, datetime, timedelta

_SOON = timedelta(days=28)
_TWO = 2


def day(at: datetime) -> str:
    """Return the day in UTC, such as ``2026-12-10``."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def minute(at: datetime) -> str:
    """Return the minute in UTC, such as ``2026-12-10 12:00 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def left(at: datetime, now: datetime) -> str:
    """Return how far away a timestamp is: ``in 20 days``, ``in 5 hours``, ``3 days ago``."""
    distance = abs(at - now)
    if distance >= timedelta(days=_TWO):
        duration = f"{distance.days} days"
    elif distance >= timedelta(hours=_TWO):
        duration = f"{int(distance / timedelta(hours=1))} hours"
    else:
        duration = f"{int(distance / timedelta(minutes=1))} minutes"
    return f"in {duration}" if at > now else f"{duration} ago"


def urgency(at: datetime, now: datetime) -> str:
    """Return the style class of the time when something expires: past, soon, or empty."""
    if at <= now:
        return "insecure"
    return "unknown" if at - now < _SOON else ""
