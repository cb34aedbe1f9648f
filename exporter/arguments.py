"""The arguments of the command line and their help texts."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from exporter import app
from exporter.publish.words.own_command import PROGRAM

DEFAULT_CONFIG = Path("config.yml")
DEFAULT_ADDRESS = "127.0.0.1:10048"
DEFAULT_ROLE = "replication_cert_exporter"
EXIT_MISUSE = 1
_PORTS = range(65536)


class _Parser(argparse.ArgumentParser):
    """Exits with 1 on misuse: 2 means "insecure" here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_MISUSE, f"{self.prog}: {message}\n")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed ``arguments``; ends the program where they cannot be parsed."""
    # not as defaults of the parser: those of a command would override options before it
    options = argparse.Namespace(
        config_file=DEFAULT_CONFIG, config_check=False, log_level=None, log_format="logfmt"
    )
    return _parser().parse_args(arguments, options)


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=f"the configuration (default: {DEFAULT_CONFIG})",
    )
    common.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        default=argparse.SUPPRESS,
        help="only check the configuration, print all its faults and warnings, and exit 0 or 1",
    )
    common.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warning", "error"),
        default=argparse.SUPPRESS,
        help="the least severe records to log (default: info; error for the commands)",
    )
    common.add_argument(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default=argparse.SUPPRESS,
        help="how to log, to standard error (default: logfmt)",
    )
    parser = _Parser(
        prog=PROGRAM,
        parents=[common],
        description="Prometheus exporter for PostgreSQL replication connections that are not "
        "secured by certificate. Without a command it polls and serves /metrics.",
    )
    parser.add_argument("--version", action="version", version=app.program_version())
    parser.add_argument(
        "--web.listen-address",
        dest="listen_address",
        type=_address,
        metavar="HOST:PORT",
        default=_address(DEFAULT_ADDRESS),
        help=f"where to serve (default: {DEFAULT_ADDRESS}; an empty host means all addresses)",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    check = commands.add_parser(
        "check",
        parents=[common],
        help="poll all targets once and print their replication connections",
        description="Exits 0 when every connection is secure or exempt, 2 when one is insecure, "
        "else 3 when something is unknown or down.",
    )
    check.add_argument(
        "--output",
        choices=("table", "json", "observation"),
        default="table",
        help="what to print: a table (default); the same as JSON; or what was observed, without "
        "secrets, as a file for --from",
    )
    _add_from(check)
    explain = commands.add_parser(
        "explain",
        parents=[common],
        help="show for each connection of a target which rule governs it and what to change",
        description="Exits like check.",
    )
    explain.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help="the name of a configured target; may be left out if FILE holds one only",
    )
    _add_from(explain)
    explain.add_argument(
        "--application-name", metavar="NAME", help="only the connections of this application name"
    )
    sql = commands.add_parser(
        "sql", parents=[common], help="print the SQL that sets up the exporter's role"
    )
    sql.add_argument("--role", default=DEFAULT_ROLE, help=f"its name (default: {DEFAULT_ROLE})")
    commands.add_parser("metrics", parents=[common], help="print the reference of all metrics")
    return parser


def _add_from(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="judge the polls in FILE, which check --output=observation printed, instead of "
        "polling servers; no configuration is read",
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) not in _PORTS:
        raise argparse.ArgumentTypeError(f'{text!r} is not HOST:PORT, such as "{DEFAULT_ADDRESS}"')
    return host.removeprefix("[").removesuffix("]"), int(port)
