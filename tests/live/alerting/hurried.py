"""The shipped files in a hurry, so that a test need not wait as long as a person would.

Of the rules, every ``for`` and ``keep_firing_for`` becomes 300 times shorter: a minute is 200 ms.
Expressions, labels and words stay as they are, the hour that bridges a loss of sight too. Of the
routing example, groups are sent at once and the receivers' addresses are the test's; routes and
inhibit rules stay.
"""

import re
from typing import Any

import yaml

from scripts import prometheusrule

_SHORTER = 300
_ROUTING = prometheusrule.RULES.with_name("alertmanager.example.yml")
_MILLISECONDS = {"s": 1000, "m": 60_000, "h": 3_600_000}
_EXAMPLE_ADDRESS = "http://127.0.0.1:9099"


def rules() -> str:
    """Return the rule file with its waits shortened."""
    groups = prometheusrule.rule_groups()
    for group in groups:
        for rule in group["rules"]:
            for wait in {"for", "keep_firing_for"} & rule.keys():
                rule[wait] = f"{milliseconds(rule[wait]) // _SHORTER}ms"
    return yaml.safe_dump({"groups": groups}, sort_keys=False)


def milliseconds(duration: str) -> int:
    """Return how long one of the rules' waits is."""
    found = re.fullmatch(r"(\d+)([smh])", duration)
    assert found, duration
    return int(found[1]) * _MILLISECONDS[found[2]]


def routing(webhook_port: int) -> str:
    """Return the routing example with its receivers on 127.0.0.1 and without its waits."""
    document: dict[str, Any] = yaml.safe_load(_ROUTING.read_text("utf-8"))
    document["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    for receiver in document["receivers"]:
        for webhook in receiver["webhook_configs"]:
            assert webhook["url"].startswith(_EXAMPLE_ADDRESS)
            path = webhook["url"].removeprefix(_EXAMPLE_ADDRESS)
            webhook["url"] = f"http://127.0.0.1:{webhook_port}{path}"
    return yaml.safe_dump(document, sort_keys=False)
