"""``python -m demo``: a real primary with real replication clients, and the exporter."""

import argparse
import sys

from demo.run import run

DEFAULT_PORT = 10048


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and run the demo."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="of the exporter (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="print the table and end")
    options = parser.parse_args(arguments)
    return run(options.port, once=options.once)


if __name__ == "__main__":
    sys.exit(main())
