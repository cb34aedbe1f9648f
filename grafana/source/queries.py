"""What the panels ask Prometheus for.

Two exporters may watch one target, so each series is taken once: ``max by`` without ``instance``.
"""

JOBS = 'job=~"$job"'
TARGETS = f'{JOBS}, target=~"$target"'
# certificates of the inventory belong to no target and are shown whatever is chosen
TARGETS_AND_INVENTORY = f'{JOBS}, target=~"$target|"'

KEY = "target, application_name, usename, client_addr, kind"
"""The labels that a connection is known by."""


def chosen(family: str, more: str = "", scope: str = TARGETS) -> str:
    """Return a selector that follows the variables."""
    return f"{family}{{{scope}{', ' + more if more else ''}}}"


def once(by: str, family: str, more: str = "", scope: str = TARGETS) -> str:
    """Return a family with exactly these labels, each series once."""
    return f"max by ({by}) ({chosen(family, more, scope)})"


def or_zero(expression: str) -> str:
    """Return a sum that is zero where there is nothing to add up, but not where nobody looked."""
    return f"{expression} or 0 * sum({chosen('pgrepl_targets', scope=JOBS)})"


def one_per_connection(labels: str, family: str) -> str:
    """Return one series per connection with more labels, also while two exporters disagree."""
    return f"topk by ({KEY}) (1, {once(f'{KEY}, {labels}', family)})"


def per_minute(by: str, family: str) -> str:
    """Return how fast a counter grows, restarts seen through."""
    return f"60 * max by ({by}) (rate({chosen(family)}[$__rate_interval]))"


def days_until(timestamps: str) -> str:
    """Return the days from now until a time; negative when it has passed."""
    return f"({timestamps} - time()) / 86400"
