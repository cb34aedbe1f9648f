"""``python -m scripts.prometheusrule``: the alerting rules as a PrometheusRule for the operator.

alerts/prometheusrule.yml is what this prints without arguments.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
RULES = REPOSITORY / "alerts" / "pg-replication-cert-exporter.rules.yml"
_PAGES = "docs/runbooks/"
_NOTE = "# Written by `make prometheusrule` from pg-replication-cert-exporter.rules.yml.\n"
_NAME = "pg-replication-cert-exporter"


class _Dumper(yaml.SafeDumper):
    """Expressions stay readable, and nothing is written as an alias."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def rule_groups(runbooks: str = _PAGES) -> list[dict[str, Any]]:
    """Return the groups of the rule file.

    Args:
        runbooks: what stands before the name of a page in ``runbook_url``.
    """
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for group in groups:
        for rule in group["rules"]:
            if "annotations" in rule:
                page = rule["annotations"]["runbook_url"].removeprefix(_PAGES)
                rule["annotations"] = {**rule["annotations"], "runbook_url": runbooks + page}
    return groups


def resource(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the PrometheusRule (monitoring.coreos.com/v1) that holds ``groups``."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": _NAME, "labels": {"app.kubernetes.io/name": _NAME}},
        "spec": {"groups": groups},
    }


def text(document: dict[str, Any]) -> str:
    """Return ``document`` as YAML."""
    return _NOTE + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
    )


def main() -> int:
    """Print."""
    parser = argparse.ArgumentParser(prog="scripts.prometheusrule", description=__doc__)
    parser.add_argument(
        "--runbooks",
        metavar="URL",
        default=_PAGES,
        help="where the runbook pages are kept, with a slash at the end (default: %(default)s)",
    )
    parser.add_argument("--plain", action="store_true", help="a rule file for Prometheus instead")
    arguments = parser.parse_args()
    groups = rule_groups(arguments.runbooks)
    sys.stdout.write(text({"groups": groups} if arguments.plain else resource(groups)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
