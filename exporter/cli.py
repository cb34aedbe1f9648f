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

from exporter import app, descriptors, logs
from exporter.arguments import DEFAULT_CONFIG, EXIT_MISUSE, parsed
from exporter.config.faults import ConfigurationError
from exporter.config.loading import load_in_time
from exporter.config.settings import Settings
from exporter.model.record import TargetRecord
from exporter.publish.json.report import report_json
from exporter.publish.metrics.page import metrics_page
from exporter.publish.summary import exit_code
from exporter.publish.terminal.explain import explain_text
from exporter.publish.terminal.table import connections_table
from exporter.publish.words.own_command import PROGRAM, OwnCommand
from exporter.publish.words.printable import printable
from exporter.saved_poll.file import UnusableSavedPoll, read_saved, saved_text
from exporter.saved_poll.replay import judged_again
from exporter.sql import least_privilege_sql

_NARROWEST = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    options = parsed(arguments)
    # the commands print what went wrong in their own output
    quiet = "info" if options.command is None else "error"
    logs.set_up(options.log_level or quiet, options.log_format)
    return app.leave(_ended(options))


def _ended(options: argparse.Namespace) -> int:
    try:
        code = _run(options)
        # here, not at exit, where a reader that has gone could not be ignored
        sys.stdout.flush()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return EXIT_MISUSE
    except UnusableSavedPoll as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return EXIT_MISUSE
    except BrokenPipeError:
        # the reader of our output has gone: write nothing more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_MISUSE
    except KeyboardInterrupt:
        return EXIT_MISUSE
    return code


def _run(options: argparse.Namespace) -> int:
    if options.command == "sql":
        return _sql(options.role)
    if options.command == "metrics":
        print(metrics_page(), end="")
        return 0
    own = _own_command(options.config_file)
    if options.command in {"check", "explain"} and options.saved is not None:
        return _judge_saved(options, own)
    settings = load_in_time(options.config_file)
    if options.config_check:
        return _config_check(options.config_file, settings)
    return _poll(options, settings, own)


def _poll(options: argparse.Namespace, settings: Settings, own: OwnCommand) -> int:
    if options.command == "check":
        return _check(settings, options.output, own)
    if options.command == "explain":
        return _explain(settings, options, own)
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
    polled = app.poll_all_once(settings.targets, settings.inventory)
    records = tuple(each.record for each in polled)
    if output == "observation":
        print(saved_text([(p.inputs, p.judged_at) for p in polled], app.program_version()))
    else:
        _print_check(records, output, own)
    return exit_code(records)


def _print_check(records: Sequence[TargetRecord], output: str, own: OwnCommand) -> None:
    if output == "json":
        print(report_json(records, own))
    else:
        print(connections_table(records, colour=_colour(), width=_width(), own=own))


def _judge_saved(options: argparse.Namespace, own: OwnCommand) -> int:
    """Do ``check`` or ``explain`` with the polls of a file, instead of polling."""
    records = judged_again(read_saved(options.saved))
    if options.command == "check":
        if options.output == "observation":
            return _misuse("--output=observation cannot be used with --from: the file is one")
        _print_check(records, options.output, own)
        return exit_code(records)
    if options.target is None and len(records) == 1:
        (record,) = records
        return _print_explanation(record, options, own)
    named = {record.target.name: record for record in records}
    if options.target not in named:
        return _no_target(options.target, list(named))
    return _print_explanation(named[options.target], options, own)


def _explain(settings: Settings, options: argparse.Namespace, own: OwnCommand) -> int:
    name = options.target
    targets = [t for t in settings.targets if t.name == name]
    if not targets:
        return _no_target(name, [t.name for t in settings.targets])
    # the certificate that a standby will send is known from the standby's own target
    cluster = [t for t in settings.targets if t.name != name]
    if targets[0].cluster_name:
        cluster = [t for t in cluster if t.cluster_name == targets[0].cluster_name]
    else:
        cluster = [t for t in cluster if not t.cluster_name]
    polled = app.poll_all_once((*targets, *cluster), settings.inventory)
    return _print_explanation(polled[0].record, options, own)


def _print_explanation(record: TargetRecord, options: argparse.Namespace, own: OwnCommand) -> int:
    name = options.application_name
    print(explain_text(record, colour=_colour(), application_name=name, own=own))
    return exit_code((record,))


def _no_target(name: str | None, names: Sequence[str]) -> int:
    wrong = "no target is given" if name is None else f"no target is named {name!r}"
    return _misuse(f"{wrong}; there are: {printable(', '.join(names))}")


def _misuse(message: str) -> int:
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    return EXIT_MISUSE


def _own_command(config_file: Path) -> OwnCommand:
    """Return how this program was called, so that the commands it prints can be copied."""
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
