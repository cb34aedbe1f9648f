"""Judging the polls of a file again: no server, no clock and no configuration is needed."""

import logging
from pathlib import Path
from traceback import extract_tb

from exporter.board import Board
from exporter.decision_log import log_decisions
from exporter.judging import judge
from exporter.model.record import TargetRecord
from exporter.observe.certificates.tls.verification import verify
from exporter.saved_poll.document import SavedPoll, SavedPolls
from exporter.saved_poll.file import UnusableSavedPoll, inputs_of

_LOG = logging.getLogger(__name__)


def judged_again(saved: SavedPolls) -> tuple[TargetRecord, ...]:
    """Return one record per poll of ``saved``, judged as of the time it was judged first.

    Raises:
        UnusableSavedPoll: a poll cannot be judged, because of a fault in the exporter or because
            the file holds what no server sends. The debug log has the traceback.
    """
    return tuple(_record(poll, saved) for poll in saved.polls)


def _record(poll: SavedPoll, saved: SavedPolls) -> TargetRecord:
    inputs = inputs_of(poll, saved, verify)
    try:
        report, history = judge(inputs, now=lambda: poll.judged_at)
    except Exception as error:  # noqa: BLE001  whatever a strange file causes
        _LOG.debug("target=%s: a saved poll cannot be judged", poll.target.name, exc_info=True)
        place = extract_tb(error.__traceback__)[-1]
        raise UnusableSavedPoll(
            f"the poll of target {poll.target.name!a} cannot be judged "
            f"({type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; "
            "--log.level=debug logs the traceback)"
        ) from None
    log_decisions(report)
    board = Board((poll.target,))
    board.post(report, history)
    return board.record(poll.target.name)
