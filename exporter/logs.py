"""One formatter for everything that is logged, as logfmt or as JSON, one line per record.

Clients and servers can cause the same record any number of times: its repetitions are counted. The
debug log of polls is complete, so that each poll can be followed.
"""

import asyncio
import json
import logging
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, TypeAlias

Format = Literal["logfmt", "json"]

_LONGEST_TRACEBACK = 16_000
"""Characters; the text of an exception may quote all that a server sent."""

FOLD_SECONDS = 60.0
"""How long repetitions of a record are counted before their number is logged."""

_MOST_FOLDED = 1000
"""Records whose repetitions are counted at the same time; the oldest is forgotten first."""

_NOT_FOLDED = "exporter.app"
"""It logs what an operator does: after two reloads, both results are wanted in the log."""

_LOG = logging.getLogger(__name__)

_PLAIN = re.compile(r"[\w.:+-]+", re.ASCII)


class _LineFormatter(logging.Formatter):
    """Writes ``ts``, ``level``, ``logger``, ``msg``, and a traceback if there is one."""

    def __init__(self, form: Format) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = _bounded(self.formatException(record.exc_info))
        if self._form == "json":
            return json.dumps(fields)
        # JSON strings are valid logfmt values, and escape every control character and line end
        return " ".join(
            f"{key}={value if _PLAIN.fullmatch(value) else json.dumps(value)}"
            for key, value in fields.items()
        )


def _bounded(traceback: str) -> str:
    half = _LONGEST_TRACEBACK // 2
    whole = len(traceback) <= _LONGEST_TRACEBACK
    return traceback if whole else f"{traceback[:half]} … {traceback[-half:]}"


@dataclass(slots=True)
class _Folded:
    """What was logged, and how often it was repeated since."""

    message: str
    since: float
    repetitions: int = 0


_Key: TypeAlias = tuple[str, int, str]
"""Logger, level, and what is the same in each repetition."""


class _FoldingHandler(logging.StreamHandler[TextIO]):
    """Writes a record once, and then once a minute how often it was repeated.

    The number is written with the next record of any kind after the minute, and at the end.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        super().__init__(stream)
        self._clock = clock
        # in the order of `since`
        self._folded: OrderedDict[_Key, _Folded] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if not self._is_repetition(record):
                super().emit(record)
        except Exception:  # noqa: BLE001  as the handlers of the library do
            self.handleError(record)

    def close(self) -> None:
        """Write the numbers that have not been written."""
        with self.lock or nullcontext():
            while self._folded:
                self._write(*self._folded.popitem(last=False))
        super().close()

    def _is_repetition(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        self._write_repetitions(now)
        if record.name == _NOT_FOLDED or _follows_a_poll(record):
            return False
        key = (record.name, record.levelno, _what_repeats(record))
        if (folded := self._folded.get(key)) is not None:
            folded.repetitions += 1
            return True
        if len(self._folded) >= _MOST_FOLDED:
            self._write(*self._folded.popitem(last=False))
        # not the record: its traceback would keep alive what it is about
        self._folded[key] = _Folded(record.getMessage(), now)
        return False

    def _write_repetitions(self, now: float) -> None:
        while self._folded:
            key, oldest = next(iter(self._folded.items()))
            if oldest.since > now - FOLD_SECONDS:
                return
            del self._folded[key]
            if oldest.repetitions:
                self._write(key, oldest)
                # a further one is counted for another minute
                self._folded[key] = _Folded(oldest.message, now)

    def _write(self, key: _Key, folded: _Folded) -> None:
        if folded.repetitions:
            name, level, _ = key
            times = "once" if folded.repetitions == 1 else f"{folded.repetitions} times"
            repeated = {
                "msg": f"{folded.message} (repeated {times})",
                "name": name,
                "levelno": level,
            }
            levelname = logging.getLevelName(level)
            super().emit(
                logging.makeLogRecord({**repeated, "levelno": level, "levelname": levelname})
            )


def _follows_a_poll(record: logging.LogRecord) -> bool:
    """Return whether it is a debug record that clients of the web server cannot cause."""
    own = record.name.partition(".")[0] == "exporter"
    return own and record.levelno == logging.DEBUG and not hasattr(record, "fold")


def _what_repeats(record: logging.LogRecord) -> str:
    """Return the part that is equal in two records if one repeats the other.

    ``extra={"fold": ...}`` says it, where a client chooses part of the text. Libraries are taken to
    log such parts as arguments.
    """
    fold: str | None = getattr(record, "fold", None)
    if fold is not None:
        return fold
    own = record.name.partition(".")[0] == "exporter"
    return record.getMessage() if own else str(record.msg)


def log_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the event loop reports (loop.set_exception_handler()), as one record."""
    error: BaseException | None = context.get("exception")
    _LOG.error("%s", context["message"], exc_info=error, extra={"fold": type(error).__name__})


def set_up(
    level: str,
    form: Format,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send the records of this program to ``stream`` (standard error), from ``level`` up.

    Records of libraries are written from ``warning`` up.

    Args:
        level: the lowest level of our own records.
        form: how a record is written.
        stream: where to.
        clock: in seconds, for the time that repetitions are counted.
    """
    handler = _FoldingHandler(sys.stderr if stream is None else stream, clock)
    handler.setFormatter(_LineFormatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("exporter").setLevel(level.upper())
