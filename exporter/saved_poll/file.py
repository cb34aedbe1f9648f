"""Writing polls as one JSON document, and reading such a file.

The file may come from anyone: its size is limited, unknown keys are refused, and every fault is one
line that names the place.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from exporter import regular_file
from exporter.judging import Inputs
from exporter.model.history import RulesHistory
from exporter.model.knowledge import Knowledge
from exporter.model.verification import Verify
from exporter.saved_poll.consistency import inconsistency
from exporter.saved_poll.document import (
    FORMAT_VERSION,
    SavedPoll,
    SavedPolls,
    from_json,
    to_json,
    versions,
)
from exporter.saved_poll.masking import saved_poll

MOST_BYTES = 64 * 1024 * 1024
"""Of one file; some hundred targets, or 20,000 certificates."""

_MOST_CHARACTERS = 200


class UnusableSavedPoll(Exception):  # noqa: N818  it is a finding, not an error of the program
    """The polls cannot be written or read; the text says why, in one line."""


def saved_text(polls: Iterable[tuple[Inputs, datetime]], exporter_version: str) -> str:
    """Return the content of a file that holds ``polls``.

    Args:
        polls: what each was judged by, and when.
        exporter_version: of this program.

    Raises:
        UnusableSavedPoll: the file would be larger than what is read.
    """
    polls = tuple(polls)
    inventory = next((inputs.knowledge.inventory for inputs, _ in polls), None)
    saved = SavedPolls(
        format_version=FORMAT_VERSION,
        exporter_version=exporter_version,
        inventory=inventory,
        polls=tuple(saved_poll(inputs, judged_at) for inputs, judged_at in polls),
    )
    try:
        data = to_json(saved)
    except PydanticSerializationError as error:
        raise UnusableSavedPoll(f"the polls cannot be written: {_short(str(error))}") from error
    if len(data) > MOST_BYTES:
        raise UnusableSavedPoll(
            f"{len(polls)} polls take {len(data)} bytes, more than the {MOST_BYTES} that can be "
            "read again: use a configuration with fewer targets"
        )
    return data.decode()


def read_saved(path: Path) -> SavedPolls:
    """Return the polls in the file at ``path``.

    Raises:
        UnusableSavedPoll: it cannot be read, is of another version, or is not such a file.
    """
    try:
        data = regular_file.read(path, MOST_BYTES)
    except regular_file.FAULTS as fault:
        raise UnusableSavedPoll(f"{path} {regular_file.why(fault)}") from None
    try:
        version, writer = versions(data)
    except ValidationError as error:
        raise UnusableSavedPoll(f"{path} is not a saved poll: {_first(error)}") from None
    if version != FORMAT_VERSION:
        raise UnusableSavedPoll(
            f"{path} has format version {version}, written by exporter {_short(writer)}; this "
            f"exporter reads format version {FORMAT_VERSION}"
        )
    try:
        saved = from_json(data)
    except ValidationError as error:
        raise UnusableSavedPoll(
            f"{path}, written by exporter {_short(writer)}: {_first(error)}"
        ) from None
    wrong = inconsistency(saved)
    if len({poll.target.name for poll in saved.polls}) < len(saved.polls):
        wrong = "two polls have the same target name"
    if wrong is not None:
        raise UnusableSavedPoll(f"{path}: {wrong}")
    return saved


def inputs_of(poll: SavedPoll, saved: SavedPolls, verify: Verify) -> Inputs:
    """Return what ``poll`` is judged by.

    Args:
        poll: one of ``saved``.
        saved: the file.
        verify: OpenSSL, as a function.
    """
    return Inputs(
        target=poll.target,
        observation=poll.observation,
        duration_seconds=poll.duration_seconds,
        history=RulesHistory(hba=poll.hba, ident=poll.ident),
        knowledge=Knowledge(
            verify=verify,
            inventory=saved.inventory,
            served=poll.served,
            standbys=poll.standbys,
            seen=poll.seen,
        ),
    )


def _first(error: ValidationError) -> str:
    """Return the first fault: its place and what is wrong, without the rest of the file."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    also = f" (and {more} more)" if more else ""
    return f"{_short(place)}: {_short(first['msg'])}{also}" if place else _short(first["msg"])


def _short(text: str) -> str:
    """Return ``text`` as one printable line of limited length: the file chose part of it."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"
