"""What the debug log says of one session: the login, the questions, how many rows came back.

Never what a row holds, and of the parameters only those that are public.
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
    """Log what is asked in one round trip."""
    _LOG.debug("target=%s asks %s", target, ", ".join(names))


def log_answer(target: str, name: str, rows: Read[list[Row]]) -> None:
    """Log how many rows arrived, or why none did."""
    if isinstance(rows, Unread):
        _LOG.debug(
            "target=%s received no %s: %s (%s)", target, name, rows.reason.value, rows.detail
        )
    else:
        _LOG.debug("target=%s received %s: %d rows", target, name, len(rows))
