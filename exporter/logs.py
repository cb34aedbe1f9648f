"""One formatter for everything that is logged, as logfmt or as JSON, one line per record."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

Format = Literal["logfmt", "json"]

_LONGEST_TRACEBACK = 16_000
"""Characters; the text of an exception may quote all that a server sent."""

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


def set_up(level: str, form: Format, stream: TextIO | None = None) -> None:
    """Send the records of this program to ``stream`` (standard error), from ``level`` up.

    Libraries are heard from ``warning`` up.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_LineFormatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("exporter").setLevel(level.upper())
