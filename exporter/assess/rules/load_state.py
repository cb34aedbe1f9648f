"""Determines whether the server has loaded the file on disk, and which contents it may have loaded.

pg_hba_file_rules and pg_ident_file_mappings show the files as they are now. A reload with a line
in error keeps the old content entirely, and pg_conf_load_time() moves all the same (hba.c,
load_hba(); guc-file.l, ProcessConfigFile()). So the content in force is followed across polls.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from exporter.model.failure import Read, Unread
from exporter.model.hba import FileTimes, LineTraits, ServerFile
from exporter.model.history import ContentT, FileHistory
from exporter.model.judgement import HbaState

VERSIONS_KEPT = 8
"""Loadable contents kept in addition to the confirmed one; with more, the history is incomplete."""

_RESOLUTION = timedelta(seconds=1)
"""Of file times: what was written in the second of a start may have been written after it."""


def newest_change(
    times: Read[tuple[FileTimes, ...]],
    lines: Read[tuple[LineTraits, ...]],
    settings: tuple[ServerFile, ...],
) -> datetime | None:
    """Return when the newest of the files was last written, moved or replaced.

    Whole seconds, by modification and inode change time: a file put in place with an old
    modification time (``cp -p``, ``rsync -t``) still shows in the latter.

    Args:
        times: as read; None is returned when they could not be.
        lines: traits of the files' lines: an ``@`` means that tokens come from a file whose
            times are not known, so that None is returned; pass an empty tuple where no such
            reference can be written.
        settings: which files count.
    """
    if isinstance(times, Unread) or isinstance(lines, Unread):
        return None
    if any(line.holds_file_reference for line in lines):
        return None
    newest: datetime | None = None
    for file in times:
        if file.setting not in settings:
            continue
        if file.modified is None:
            return None
        changes = [file.modified] if file.changed is None else [file.modified, file.changed]
        newest = max([*changes, newest] if newest is not None else changes)
    return newest


def follow(
    history: FileHistory[ContentT],
    content: ContentT,
    *,
    loaded_at: datetime,
    started_at: datetime,
    newest: datetime | None,
) -> tuple[HbaState, FileHistory[ContentT]]:
    """Return the state of a file, and its history after this poll.

    Args:
        history: after the poll before.
        content: as it is on disk now.
        loaded_at: pg_conf_load_time() of a fresh session.
        started_at: when the server started.
        newest: last change of the files; None if not known.
    """
    before = history.before_unread
    if before is not None and _same(before.latest, content) and not _is_after(newest, loaded_at):
        # whatever lines could not be read in between: they are on both sides of it
        history = before
    moved = history.latest_load is not None and loaded_at != history.latest_load
    latest = history.latest
    if latest is not None and latest.is_whole and _may_be(latest, content) and not moved:
        # nothing was loaded since its lines were read: it is in force, or not, as it was then
        content = latest
    stayed = _same(history.latest, content)
    # What was not there yet when a poll saw this load time was written after that load, whatever
    # its times say: a moved or skewed clock, a file removed from an included directory.
    no_other = stayed or _may_be(history.latest, content)
    newer_than = history.newer_than if no_other else history.latest_load
    newer = newer_than == loaded_at
    # Whatever the last load took, it was this content: written before it, or seen on both sides.
    # Written in the second of the load counts as before it: write and reload in one second is what
    # every tool does, initdb and start too; no later poll could decide it (docs/architecture.md).
    settled = (newest is not None and newest <= loaded_at and not newer) or (moved and stayed)
    is_confirmed = _same(history.confirmed, content)
    history = replace(
        _remember(history, content, moved=moved, is_confirmed=is_confirmed),
        latest=content,
        latest_load=loaded_at,
        newer_than=newer_than,
        before_unread=_before_unread(history, content),
    )
    if settled and not content.loadable:
        return HbaState.REJECTED, history
    if settled or (is_confirmed and not history.superseded):
        return HbaState.LOADED, _confirm(
            history,
            content,
            since=_in_force_since(
                history,
                loaded_at=loaded_at,
                started_at=started_at,
                newest=newest,
                is_confirmed=is_confirmed,
            ),
        )
    if newest is not None or (newer and not is_confirmed):
        return HbaState.PENDING, history
    # written and loaded since an earlier poll, in an order that no poll saw
    return HbaState.UNVERIFIED, history


def in_force(
    history: FileHistory[ContentT], state: HbaState, *, loaded_at: datetime
) -> tuple[ContentT, ...]:
    """Return every content that may be in force; empty when none is known to be complete.

    Args:
        history: after this poll.
        state: of this poll.
        loaded_at: pg_conf_load_time() of this poll.
    """
    if history.confirmed is None or not history.complete:
        return ()
    as_read_before = () if history.confirmed_lines is None else (history.confirmed_lines,)
    if state is HbaState.LOADED:
        return (history.confirmed, *as_read_before)
    if state is HbaState.UNREADABLE and loaded_at != history.latest_load:
        # something was loaded that no poll saw
        return ()
    return (history.confirmed, *as_read_before, *history.seen_since)


def _is_after(newest: datetime | None, loaded_at: datetime) -> bool:
    return newest is not None and newest > loaded_at


def _remember(
    history: FileHistory[ContentT], content: ContentT, *, moved: bool, is_confirmed: bool
) -> FileHistory[ContentT]:
    """Return ``history`` with ``content`` added to those seen since the confirmation."""
    # with no confirmation yet there is nothing to compare with, and nothing to supersede
    other_before = any(_same(history.latest, seen) for seen in history.seen_since)
    other_now = content.loadable and not is_confirmed and history.confirmed is not None
    seen_since = history.seen_since
    complete = history.complete
    if other_now and not any(_same(seen, content) for seen in seen_since):
        if len(seen_since) < VERSIONS_KEPT:
            seen_since = (*seen_since, content)
        else:
            complete = False
    if moved and other_now and not content.is_whole and _has_lines(history.confirmed):
        # it may hold quotes like no content that is known
        complete = False
    return replace(
        history,
        seen_since=seen_since,
        complete=complete,
        superseded=history.superseded or (moved and (other_before or other_now)),
    )


def _same(one: ContentT | None, other: ContentT) -> bool:
    return one is not None and one.identity == other.identity


def _has_lines(content: ContentT | None) -> bool:
    return content is not None and content.is_whole


def _may_be(one: ContentT | None, other: ContentT) -> bool:
    """Return whether the rows are the same, and the lines of one only are not known."""
    return one is not None and one.digest == other.digest and one.is_whole != other.is_whole


def _before_unread(
    history: FileHistory[ContentT], content: ContentT
) -> FileHistory[ContentT] | None:
    """Return what a poll that reads the lines again may go on from, as after polls that failed."""
    if content.is_whole:
        return None
    if _may_be(history.latest, content):
        return history
    return history.before_unread if _same(history.latest, content) else None


def _in_force_since(
    history: FileHistory[ContentT],
    *,
    loaded_at: datetime,
    started_at: datetime,
    newest: datetime | None,
    is_confirmed: bool,
) -> datetime:
    """Return the earliest load that is known to have brought the content now in force."""
    if newest is not None and newest + _RESOLUTION <= started_at:
        # the server read it when it started, and it is unchanged since
        return started_at
    if is_confirmed and not history.superseded and history.confirmed_since is not None:
        return history.confirmed_since
    return loaded_at


def _confirm(
    history: FileHistory[ContentT], content: ContentT, *, since: datetime
) -> FileHistory[ContentT]:
    before = history.before_unread
    return replace(
        history,
        confirmed=content,
        confirmed_lines=None if before is None else before.latest,
        confirmed_since=since,
        seen_since=(),
        superseded=False,
        complete=True,
    )
