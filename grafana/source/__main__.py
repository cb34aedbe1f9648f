"""``python -m grafana.source [--runbooks=URL]``: writes grafana/dashboard.json."""

import argparse
import sys
from pathlib import Path

from grafana.source.dashboard import RUNBOOKS, text

PATH = Path(__file__).resolve().parent.parent / "dashboard.json"


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and write the file."""
    parser = argparse.ArgumentParser(prog="grafana.source", description=__doc__)
    parser.add_argument(
        "--runbooks",
        default=RUNBOOKS,
        metavar="URL",
        help="where the alerts' pages can be opened (default: their place in this repository)",
    )
    PATH.write_text(text(parser.parse_args(arguments).runbooks), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
