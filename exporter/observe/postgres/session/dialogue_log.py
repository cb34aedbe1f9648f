"""Writes one session to the debug log: the login, the statements, the numbers of rows.

No content of rows is logged, and only public parameters.
"""

import logging
from collections.abc import Iterable, Mapping

from exporter.model.failure import Read, Unread
from exporter.observe.addresses import Endpoint
from exporter.observe.postgres.session.statement import Row

_LOG = logging.getLogger(__name__)

_SHOWN = ("user", "dbname", "sslmode")
_DEFAULT = "(libpq's default)"


def log_login(target: str, endpoint: Endpoint, parameters: Mapping[str, str]) -> None:
    """Log where the exporter logs in, and as whom."""
    _LOG.debug(
        "target=%s logs in to %s port %s as role %s, database %s, sslmode %s",
        target,
        endpoint.address or endpoint.host or _DEFAULT,
        endpoint.port or _DEFAULT,
        *(parameters.get(keyword, _DEFAULT) for keyword in _SHOWN),
    )


def log_questions(target: str, names: Iterable[str]) -> None:
    """Log the names of the statements of one round trip."""
    _LOG.debug("target=%s asks %s", target, ", ".join(names))


def log_answer(target: str, name: str, rows: Read[list[Row]]) -> None:
    """Log how many rows arrived, or why none did."""
    if isinstance(rows, Unread):
        _LOG.debug(
            "target=%s received no %s: %s (%s)", target, name, rows.reason.value, rows.detail
        )
    else:
        _LOG.debug("target=%s received %s: %d rows", target, name, len(rows))
