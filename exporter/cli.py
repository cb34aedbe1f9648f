"""The command line: what to do, and with which configuration.

Exit codes: 0 when all is well; 1 for misuse and a faulty configuration; ``check`` and ``explain``
also 2 when a connection is insecure, else 3 when something is unknown or down.
"""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from exporter import app, descriptors, logs
from exporter.config.faults import ConfigurationError
from exporter.config.loading import load_in_time
from exporter.config.settings import Settings
from exporter.publish.json.report import report_json
from exporter.publish.metrics.page import metrics_page
from exporter.publish.summary import exit_code
from exporter.publish.terminal.explain import explain_text
from exporter.publish.terminal.table import connections_table
from exporter.publish.words.own_command import PROGRAM, OwnCommand
from exporter.sql import least_privilege_sql

DEFAULT_CONFIG = Path("config.yml")
DEFAULT_ADDRESS = "127.0.0.1:10048"
DEFAULT_ROLE = "replication_cert_exporter"
EXIT_MISUSE = 1
_PORTS = range(65536)
_NARROWEST = 60


class _Parser(argparse.ArgumentParser):
    """Exits with 1 on misuse: 2 means "insecure" here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_MISUSE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    # not as defaults of the parser: those of a command would undo what stands before it
    options = argparse.Namespace(
        config_file=DEFAULT_CONFIG, config_check=False, log_level=None, log_format="logfmt"
    )
    _parser().parse_args(arguments, options)
    # the commands print what went wrong in their own output
    quiet = "info" if options.command is None else "error"
    logs.set_up(options.log_level or quiet, options.log_format)
    return app.leave(_ended(options))


def _ended(options: argparse.Namespace) -> int:
    try:
        return _run(options)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return EXIT_MISUSE
    except BrokenPipeError:
        # the reader of our output has gone: nothing is left to say, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_MISUSE
    except KeyboardInterrupt:
        return EXIT_MISUSE


def _run(options: argparse.Namespace) -> int:
    if options.command == "sql":
        return _sql(options.role)
    if options.command == "metrics":
        print(metrics_page(), end="")
        return 0
    settings = load_in_time(options.config_file)
    if options.config_check:
        return _config_check(options.config_file, settings)
    if options.command == "check":
        return _check(settings, options.output, _own_command(options.config_file))
    if options.command == "explain":
        own = _own_command(options.config_file)
        return _explain(settings, options.target, options.application_name, own)
    return _serve(options, settings)


def _config_check(file: Path, settings: Settings) -> int:
    number, warnings = len(settings.targets), len(settings.warnings)
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    also = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    print(f"{file}: {number} target{'s' * (number != 1)}, no faults{also}")
    return 0


def _sql(role: str) -> int:
    try:
        print(least_privilege_sql(role), end="")
    except ValueError as error:
        print(f"{PROGRAM}: --role: {error}", file=sys.stderr)
        return EXIT_MISUSE
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    host, port = options.listen_address
    try:
        app.run(options.config_file, settings, host, port)
    except OSError as error:
        why = descriptors.shortage(error) or (
            f"{error.strerror or error}; choose another address with --web.listen-address"
        )
        print(f"{PROGRAM}: cannot listen on {host}:{port}: {why}", file=sys.stderr)
        return EXIT_MISUSE
    return 0


def _check(settings: Settings, output: str, own: OwnCommand) -> int:
    records = app.poll_all_once(settings.targets, settings.inventory)
    if output == "json":
        print(report_json(records, own))
    else:
        print(connections_table(records, colour=_colour(), width=_width(), own=own))
    return exit_code(records)


def _explain(settings: Settings, name: str, application_name: str | None, own: OwnCommand) -> int:
    targets = [t for t in settings.targets if t.name == name]
    if not targets:
        names = ", ".join(t.name for t in settings.targets)
        print(f"{PROGRAM}: no target is named {name!r}; there are: {names}", file=sys.stderr)
        return EXIT_MISUSE
    # a standby's own target tells what certificate it will show
    cluster = [t for t in settings.targets if t.name != name]
    if targets[0].cluster_name:
        cluster = [t for t in cluster if t.cluster_name == targets[0].cluster_name]
    else:
        cluster = [t for t in cluster if not t.cluster_name]
    records = app.poll_all_once((*targets, *cluster), settings.inventory)[:1]
    print(explain_text(records[0], colour=_colour(), application_name=application_name, own=own))
    return exit_code(records)


def _own_command(config_file: Path) -> OwnCommand:
    """Return how this very program was called, so that what it prints can be copied."""
    program = shlex.quote(sys.argv[0])
    if Path(sys.argv[0]).name == "__main__.py":
        program = f"{shlex.quote(sys.orig_argv[0])} -m exporter"
    elif shutil.which(PROGRAM) == sys.argv[0]:
        program = PROGRAM
    default = config_file == DEFAULT_CONFIG
    return OwnCommand(program, "" if default else f"--config.file={shlex.quote(str(config_file))}")


def _colour() -> bool:
    # https://no-color.org: any value that is not empty
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _width() -> int | None:
    """Return the width of the terminal; None where the output goes elsewhere."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None


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
        help="only check the configuration: exit 0 or 1, all faults and warnings at once",
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
    check.add_argument("--output", choices=("table", "json"), default="table")
    explain = commands.add_parser(
        "explain",
        parents=[common],
        help="tell for each connection of a target which rule governs it and what to change",
        description="Exits like check.",
    )
    explain.add_argument("target", metavar="TARGET", help="the name of a configured target")
    explain.add_argument(
        "--application-name", metavar="NAME", help="only the connections of this application name"
    )
    sql = commands.add_parser(
        "sql", parents=[common], help="print the SQL that sets up the exporter's role"
    )
    sql.add_argument("--role", default=DEFAULT_ROLE, help=f"its name (default: {DEFAULT_ROLE})")
    commands.add_parser("metrics", parents=[common], help="print the reference of all metrics")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) not in _PORTS:
        raise argparse.ArgumentTypeError(f'{text!r} is not HOST:PORT, such as "{DEFAULT_ADDRESS}"')
    return host.removeprefix("[").removesuffix("]"), int(port)
