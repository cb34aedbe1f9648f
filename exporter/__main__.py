"""``python -m exporter``, and the installed command."""

import sys

from exporter import early_signals


def main() -> int:
    """Run the program and return its exit code."""
    early_signals.install(sys.argv[1:])
    # importing it takes most of the first second
    from exporter import cli  # noqa: PLC0415

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
