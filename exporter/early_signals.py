"""What SIGTERM, SIGINT and SIGHUP do before the event loop handles them.

Installed before anything slow is imported. Without it, the kernel would discard a SIGTERM to the
exporter as process 1 of a container, and a SIGHUP would end it elsewhere (signal(7),
pid_namespaces(7)).
"""

import os
import signal
from collections.abc import Sequence
from types import FrameType

COMMANDS = frozenset({"check", "explain", "metrics", "sql"})

_CONFIG_CHECK = "--config.c"
"""argparse accepts an option that is cut short as long as it is unambiguous."""

_FIRST_PROCESS = 1


class _Hangup:
    """Whether SIGHUP has arrived."""

    seen = False


def install(arguments: Sequence[str]) -> None:
    """Handle signals as the program that ``arguments`` ask for does.

    A program that serves ends with 0 as it does later, and remembers SIGHUP. Anything else is left
    to the defaults, so that no command seems to have succeeded; as process 1, which they do not
    protect, it ends with the exit code that a shell gives a process ended by the signal.
    """
    if any(word in COMMANDS or word.startswith(_CONFIG_CHECK) for word in arguments):
        if os.getpid() == _FIRST_PROCESS:
            signal.signal(signal.SIGTERM, _end_as_shells_tell)
        return
    serve()


def serve() -> None:
    """Handle signals while the event loop of a program that serves does not, or no longer."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGHUP, _remember)


def hangup_seen() -> bool:
    """Return whether SIGHUP has arrived; the configuration may have been read before it."""
    return _Hangup.seen


def _end(_number: int, _frame: FrameType | None) -> None:
    # immediately: an exception may be caught by the module that is being imported, and a thread
    # that was started meanwhile may not end
    os._exit(0)


def _end_as_shells_tell(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def _remember(_number: int, _frame: FrameType | None) -> None:
    _Hangup.seen = True
