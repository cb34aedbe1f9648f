"""Whether the file on disk is loaded, followed poll by poll, and what may be in force."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from exporter.assess.rules.load_state import VERSIONS_KEPT, follow, in_force, newest_change
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import (
    ErrorLine,
    FileTimes,
    HbaContent,
    LineTraits,
    RuleLocation,
    ServerFile,
)
from exporter.model.history import FileHistory
from exporter.model.judgement import HbaState
from tests.unit.assess.facts import CERT, HBA, LOADED, SCRAM, STARTED, TRUST, at, rules

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
A, B, C = rules(CERT), rules(TRUST), rules(SCRAM)
BROKEN = HbaContent((), (ErrorLine(RuleLocation(HBA, 1), "x", blocks_loading=True),), "broken")
BEFORE_START = STARTED - HOUR
L1, L2, L3, L4 = (LOADED + n * HOUR for n in (0, 2, 4, 6))
"""Three loads; what is written in between is written an hour after."""
DENIED = Unread(FailureReason.PERMISSION)


@dataclass
class Following:
    """One file, poll by poll."""

    history: FileHistory[HbaContent] = field(default_factory=FileHistory)
    state: HbaState = HbaState.UNREADABLE
    loaded_at: datetime = LOADED

    def poll(self, content: HbaContent, loaded_at: datetime, newest: datetime | None) -> HbaState:
        self.loaded_at = loaded_at
        self.state, self.history = follow(
            self.history, content, loaded_at=loaded_at, started_at=STARTED, newest=newest
        )
        return self.state

    def may_be_in_force(self) -> tuple[HbaContent, ...]:
        return in_force(self.history, self.state, loaded_at=self.loaded_at)


@pytest.fixture
def file() -> Following:
    return Following()


# --- by the times of the file


def test_what_was_written_before_the_load_is_loaded(file: Following) -> None:
    assert file.poll(A, L1, L1 - HOUR) is HbaState.LOADED
    assert file.may_be_in_force() == (A,)
    assert file.history == FileHistory(
        confirmed=A,
        confirmed_since=L1,
        complete=True,
        latest=A,
        latest_load=L1,
    )


def test_what_was_written_after_the_load_is_pending(file: Following) -> None:
    assert file.poll(A, L1, L1 + SECOND) is HbaState.PENDING
    assert file.may_be_in_force() == ()


def test_an_edit_is_pending_until_it_is_loaded(file: Following) -> None:
    file.poll(A, L1, L1 - HOUR)
    assert file.poll(B, L1, L1 + HOUR) is HbaState.PENDING
    assert file.may_be_in_force() == (A, B)
    assert file.poll(B, L2, L1 + HOUR) is HbaState.LOADED
    assert file.may_be_in_force() == (B,)
    assert file.history.confirmed_since == L2


def test_an_edit_that_was_taken_back_leaves_the_confirmed_rules_loaded(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    file.poll(B, L1, L1 + HOUR)
    assert file.poll(A, L1, L1 + HOUR + SECOND) is HbaState.LOADED
    assert file.may_be_in_force() == (A,)
    assert file.history.confirmed_since == STARTED


def test_touched_rules_are_still_the_confirmed_ones(file: Following) -> None:
    file.poll(A, L1, L1 - HOUR)
    assert file.poll(A, L1, L1 + HOUR) is HbaState.LOADED
    assert file.history.confirmed_since == L1


def test_a_line_in_error_that_was_there_at_the_load_made_it_fail(file: Following) -> None:
    assert file.poll(BROKEN, L1, L1 - HOUR) is HbaState.REJECTED
    assert file.may_be_in_force() == ()


def test_after_a_rejected_load_the_confirmed_rules_are_in_force(file: Following) -> None:
    file.poll(A, L1, L1 - HOUR)
    assert file.poll(BROKEN, L1, L1 + HOUR) is HbaState.PENDING
    assert file.poll(BROKEN, L2, L1 + HOUR) is HbaState.REJECTED
    assert file.may_be_in_force() == (A,)


def test_a_line_that_does_not_block_loading_is_loaded(file: Following) -> None:
    warning = ErrorLine(RuleLocation(HBA, 2), "SSL is disabled", blocks_loading=False)
    content = replace(A, errors=(warning,))
    assert file.poll(content, L1, L1 - HOUR) is HbaState.LOADED


@pytest.mark.parametrize(
    ("newest", "since"),
    [
        (STARTED - HOUR, STARTED),
        (STARTED - SECOND, STARTED),
        (STARTED - SECOND / 2, L1),
        (STARTED, L1),
        (STARTED + SECOND, L1),
    ],
)
def test_what_was_there_at_the_start_is_in_force_since_then(
    file: Following, newest: datetime, since: datetime
) -> None:
    # to the second: that of the start may have been after it
    file.poll(A, L1, newest)
    assert file.history.confirmed_since == since


def test_loading_the_same_rules_again_keeps_since_when_they_are_in_force(file: Following) -> None:
    file.poll(A, L1, L1 - HOUR)
    assert file.poll(A, L2, L1 - HOUR) is HbaState.LOADED
    assert file.history.confirmed_since == L1
    file.poll(A, L2, BEFORE_START)
    assert file.history.confirmed_since == STARTED


def test_rules_that_come_back_after_others_were_loaded_are_in_force_since_then(
    file: Following,
) -> None:
    file.poll(A, L1, BEFORE_START)
    file.poll(B, L2, L1 + HOUR)
    assert file.poll(A, L3, L2 + HOUR) is HbaState.LOADED
    assert file.history.confirmed_since == L3


# --- without the times of the file


def test_without_times_the_first_poll_proves_nothing(file: Following) -> None:
    assert file.poll(A, L1, None) is HbaState.UNVERIFIED
    assert file.poll(A, L1, None) is HbaState.UNVERIFIED
    assert file.may_be_in_force() == ()
    assert file.history == FileHistory(latest=A, latest_load=L1)


def test_rules_seen_before_and_after_a_load_are_the_ones_that_it_took(file: Following) -> None:
    file.poll(A, L1, None)
    assert file.poll(A, L2, None) is HbaState.LOADED
    assert file.may_be_in_force() == (A,)
    assert file.history.confirmed_since == L2


def test_what_was_seen_broken_before_and_after_a_load_was_rejected(file: Following) -> None:
    file.poll(BROKEN, L1, None)
    assert file.poll(BROKEN, L2, None) is HbaState.REJECTED


def test_an_edit_that_was_seen_without_a_load_is_pending(file: Following) -> None:
    file.poll(A, L1, None)
    file.poll(A, L2, None)
    assert file.poll(B, L2, None) is HbaState.PENDING
    assert file.may_be_in_force() == (A, B)
    assert file.poll(A, L2, None) is HbaState.LOADED
    assert file.may_be_in_force() == (A,)


def test_an_edit_and_a_load_between_two_polls_are_unverified(file: Following) -> None:
    file.poll(A, L1, None)
    file.poll(A, L2, None)
    assert file.poll(B, L3, None) is HbaState.UNVERIFIED
    assert file.may_be_in_force() == (A, B)
    assert file.history.superseded


def test_an_edit_taken_back_after_a_load_may_have_been_loaded(file: Following) -> None:
    file.poll(A, L1, None)
    file.poll(A, L2, None)
    file.poll(B, L2, None)
    assert file.poll(A, L3, None) is HbaState.UNVERIFIED
    assert file.may_be_in_force() == (A, B)
    assert file.poll(A, L3 + HOUR, None) is HbaState.LOADED
    assert file.may_be_in_force() == (A,)
    assert file.history.confirmed_since == L3 + HOUR


def test_broken_lines_supersede_nothing(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    file.poll(BROKEN, L1, None)
    file.poll(BROKEN, L2, None)
    assert not file.history.superseded
    assert file.poll(A, L2, None) is HbaState.LOADED
    assert file.history.confirmed_since == STARTED


def test_a_superseded_content_stays_so_until_the_next_confirmation(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    file.poll(B, L2, None)
    file.poll(C, L2, None)
    assert file.history.superseded
    assert file.may_be_in_force() == (A, B, C)
    assert file.poll(A, L2, None) is HbaState.UNVERIFIED
    assert file.poll(A, L3, BEFORE_START) is HbaState.LOADED
    assert not file.history.superseded


# --- whatever the times say


def test_what_appeared_after_the_load_is_pending_even_with_an_older_time(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    assert file.poll(B, L1, BEFORE_START) is HbaState.PENDING
    assert file.poll(B, L1, BEFORE_START) is HbaState.PENDING
    assert file.history.newer_than == L1
    assert file.poll(B, L2, BEFORE_START) is HbaState.LOADED
    assert file.history.newer_than == L1


# --- what its lines hold that the view loses


def lines(*, quote: bool = False, clientname: bool = False) -> LineTraits:
    return LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=quote,
        holds_file_reference=False,
        holds_clientname=clientname,
        continues=False,
        clientname="DN" if clientname else None,
    )


PLAIN = A.with_lines(())
QUOTED = A.with_lines((lines(quote=True),))
NAMING = A.with_lines((lines(clientname=True),))


@pytest.mark.parametrize("other", [QUOTED, NAMING])
@pytest.mark.parametrize("edited", [L1 + HOUR, None])
def test_lines_that_change_while_the_rows_stay_the_same_are_an_edit(
    file: Following, other: HbaContent, edited: datetime | None
) -> None:
    for before, after in ((PLAIN, other), (other, PLAIN)):
        file.history = FileHistory()
        file.poll(before, L1, BEFORE_START)
        assert file.poll(after, L1, edited) is HbaState.PENDING
        assert file.may_be_in_force() == (before, after)
        assert file.poll(before, L1, edited) is HbaState.LOADED
        assert file.may_be_in_force() == (before,)
        file.poll(after, L1, edited)
        assert file.poll(after, L2, edited) is HbaState.LOADED
        assert file.may_be_in_force() == (after,)


def test_lines_that_change_together_with_a_load_were_loaded_or_not(file: Following) -> None:
    file.poll(QUOTED, L1, BEFORE_START)
    assert file.poll(PLAIN, L2, None) is HbaState.UNVERIFIED
    assert file.history.superseded
    assert file.may_be_in_force() == (QUOTED, PLAIN)
    assert file.poll(QUOTED, L2, None) is HbaState.UNVERIFIED


def test_unread_lines_are_the_known_ones_until_something_is_loaded(file: Following) -> None:
    file.poll(QUOTED, L1, L1 - HOUR)
    before = file.history
    for _ in range(2):
        assert file.poll(A, L1, None) is HbaState.LOADED
        assert file.may_be_in_force() == (QUOTED,)
        assert file.history == before


def test_unread_lines_of_an_edit_leave_it_as_it_was_seen(file: Following) -> None:
    file.poll(PLAIN, L1, L1 - HOUR)
    file.poll(QUOTED, L1, L1 + HOUR)
    before = file.history
    assert file.poll(A, L1, None) is HbaState.PENDING
    assert file.history == before
    assert file.poll(QUOTED, L2, L1 + HOUR) is HbaState.LOADED


@pytest.mark.parametrize("polls", [1, 2])
@pytest.mark.parametrize("newest", [BEFORE_START, None])
def test_unread_lines_at_a_load_confirm_nothing_and_cost_nothing_afterwards(
    file: Following, newest: datetime | None, polls: int
) -> None:
    file.poll(QUOTED, L1, BEFORE_START)
    for _ in range(polls):
        assert file.poll(A, L2, None) is HbaState.UNVERIFIED
        assert file.may_be_in_force() == ()
    assert file.poll(QUOTED, L2, newest) is HbaState.LOADED
    assert file.may_be_in_force() == (QUOTED,)
    assert file.history.confirmed_since == STARTED
    assert file.history.before_unread is None


def test_other_lines_after_unread_ones_are_loaded_by_their_times(file: Following) -> None:
    file.poll(QUOTED, L1, BEFORE_START)
    file.poll(A, L2, None)
    unread = file.history
    assert file.poll(PLAIN, L2, L1 + HOUR) is HbaState.LOADED
    assert file.may_be_in_force() == (PLAIN,)
    file.history = unread
    assert file.poll(PLAIN, L2, L2 + HOUR) is HbaState.PENDING
    # the load may have taken what the unread lines held
    assert file.may_be_in_force() == ()
    file.history = unread
    assert file.poll(PLAIN, L2, None) is HbaState.UNVERIFIED
    assert file.poll(QUOTED, L2, None) is HbaState.UNVERIFIED


def test_other_rules_after_unread_lines_were_written_after_the_load(file: Following) -> None:
    file.poll(QUOTED, L1, BEFORE_START)
    file.poll(A, L2, None)
    assert file.poll(B, L2, L2 - SECOND) is HbaState.PENDING


@pytest.mark.parametrize("before", [PLAIN, QUOTED])
def test_rules_whose_lines_stay_unread_may_hold_what_they_held(
    file: Following, before: HbaContent
) -> None:
    file.poll(before, L1, BEFORE_START)
    assert file.poll(A, L2, None) is HbaState.UNVERIFIED
    assert file.poll(A, L3, None) is HbaState.LOADED
    assert file.may_be_in_force() == (A, before)
    assert file.poll(A, L3, None) is HbaState.LOADED
    assert file.poll(B, L3, L3 + HOUR) is HbaState.PENDING
    assert file.may_be_in_force() == (A, before, B)
    assert file.poll(before, L4, L1) is HbaState.LOADED
    assert file.may_be_in_force() == (before,)


def test_written_in_the_second_of_a_load_counts_as_before_it_after_unread_lines_too(
    file: Following,
) -> None:
    file.poll(PLAIN, L1, BEFORE_START)
    file.poll(A, L2, None)
    assert file.poll(PLAIN, L2, L2) is HbaState.LOADED
    assert file.history.confirmed_since == STARTED


def test_other_rules_with_unread_lines_lead_back_to_nothing(file: Following) -> None:
    file.poll(QUOTED, L1, BEFORE_START)
    file.poll(A, L2, None)
    assert file.history.before_unread is not None
    file.poll(B, L2, L2 + HOUR)
    assert file.history.before_unread is None


def test_what_is_written_back_after_a_load_with_unread_lines_is_not_loaded(
    file: Following,
) -> None:
    """It was written before and after the load, and is not what was loaded."""
    file.poll(PLAIN, L1, BEFORE_START)
    assert file.poll(A, L2, L1 + HOUR) is HbaState.LOADED
    for _ in range(2):
        assert file.poll(PLAIN, L2, L2 + HOUR) is HbaState.PENDING
        assert PLAIN not in file.may_be_in_force()[:1]


def test_what_is_first_seen_with_unread_lines_is_not_newer_for_that(file: Following) -> None:
    assert file.poll(A, L1, None) is HbaState.UNVERIFIED
    assert file.poll(QUOTED, L1, L1 - HOUR) is HbaState.LOADED
    assert file.may_be_in_force() == (QUOTED,)


def test_lines_first_read_after_a_load_are_not_confirmed_by_the_rows(file: Following) -> None:
    file.poll(A, L1, None)
    assert file.poll(QUOTED, L2, None) is HbaState.UNVERIFIED
    assert file.poll(QUOTED, L3, None) is HbaState.LOADED


def test_rules_edited_while_lines_are_unread_stay_possible(file: Following) -> None:
    file.poll(PLAIN, L1, L1 - HOUR)
    assert file.poll(B, L1, None) is HbaState.PENDING
    assert file.may_be_in_force() == (PLAIN, B)
    assert file.poll(B.with_lines(()), L1, L1 + HOUR) is HbaState.PENDING
    assert file.may_be_in_force() == (PLAIN, B, B.with_lines(()))
    assert file.poll(B.with_lines(()), L2, L1 + HOUR) is HbaState.LOADED


def test_other_rules_and_a_load_with_unread_lines_leave_nothing_known(file: Following) -> None:
    file.poll(PLAIN, L1, L1 - HOUR)
    assert file.poll(B, L2, None) is HbaState.UNVERIFIED
    assert file.may_be_in_force() == ()
    assert file.poll(B.with_lines(()), L2, L1 + HOUR) is HbaState.LOADED


# --- how much is kept


def content(number: int) -> HbaContent:
    return rules(at(number, TRUST), at(number + 1, TRUST), *[CERT] * number)


def test_contents_seen_since_are_kept_once_each_and_in_order(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    for seen in (B, BROKEN, C, B, A, C):
        file.poll(seen, L1, L1 + HOUR)
        if seen is A:
            assert file.may_be_in_force() == (A,)
    assert file.may_be_in_force() == (A, C)
    file.poll(B, L1, L1 + HOUR)
    file.poll(C, L1, L1 + HOUR)
    assert file.may_be_in_force() == (A, C, B)


def test_with_more_contents_than_are_kept_nothing_is_known_for_sure(file: Following) -> None:
    file.poll(A, L1, BEFORE_START)
    seen = [content(n) for n in range(VERSIONS_KEPT + 1)]
    for one in seen[:-1]:
        file.poll(one, L1, L1 + HOUR)
    assert file.may_be_in_force() == (A, *seen[:-1])
    file.poll(seen[0], L1, L1 + HOUR)
    assert file.may_be_in_force() == (A, *seen[:-1])
    file.poll(seen[-1], L1, L1 + HOUR)
    assert file.may_be_in_force() == ()
    file.poll(seen[0], L1, L1 + HOUR)
    assert file.may_be_in_force() == ()
    file.poll(seen[0], L2, L1 + HOUR)
    assert file.may_be_in_force() == (seen[0],)


# --- what may be in force when the rules cannot be read


def test_unreadable_rules_are_the_ones_known_until_something_is_loaded() -> None:
    history = FileHistory(confirmed=A, seen_since=(B,), complete=True, latest_load=L1)
    assert in_force(history, HbaState.UNREADABLE, loaded_at=L1) == (A, B)
    assert in_force(history, HbaState.UNREADABLE, loaded_at=L2) == ()


def test_an_incomplete_history_proves_nothing() -> None:
    never: FileHistory[HbaContent] = FileHistory(complete=True, latest_load=L1)
    cut = FileHistory(confirmed=A, complete=False, latest_load=L1)
    for state in HbaState:
        assert in_force(never, state, loaded_at=L1) == ()
        assert in_force(cut, state, loaded_at=L1) == ()


# --- the newest change


def changed(
    setting: ServerFile, modified: datetime | None, inode: datetime | None = None
) -> FileTimes:
    return FileTimes(setting, "/etc/x", None if modified is None else 1, modified, inode)


WATCHED = (ServerFile.HBA, ServerFile.HBA_INCLUDED)


def test_the_newest_change_is_by_either_time_of_any_file_that_counts() -> None:
    hba = changed(ServerFile.HBA, L1, L1)
    for times, expected in (
        ((hba,), L1),
        ((changed(ServerFile.HBA, L1, L2),), L2),
        ((changed(ServerFile.HBA, L2, L1),), L2),
        ((changed(ServerFile.HBA, L1),), L1),
        ((hba, changed(ServerFile.HBA_INCLUDED, L2, L2)), L2),
        ((changed(ServerFile.HBA_INCLUDED, L2, L2), hba), L2),
        ((changed(ServerFile.IDENT, L3, L3), hba), L1),
        ((changed(ServerFile.CERTIFICATE, None), hba), L1),
    ):
        assert newest_change(times, (), WATCHED) == expected


def test_the_newest_change_is_not_known_without_the_times_of_every_file() -> None:
    hba = changed(ServerFile.HBA, L1, L1)
    assert newest_change(DENIED, (), WATCHED) is None
    assert newest_change((), (), WATCHED) is None
    assert newest_change((hba, changed(ServerFile.HBA_INCLUDED, None)), (), WATCHED) is None
    assert newest_change((changed(ServerFile.HBA_INCLUDED, None), hba), (), WATCHED) is None


def test_names_from_another_file_have_unknown_times() -> None:
    hba = changed(ServerFile.HBA, L1, L1)
    plain = LineTraits(
        RuleLocation(HBA, 1),
        holds_quote=True,
        holds_file_reference=False,
        holds_clientname=True,
        continues=True,
        clientname="DN",
    )
    assert newest_change((hba,), (plain,), WATCHED) == L1
    reference = replace(plain, holds_file_reference=True)
    assert newest_change((hba,), (plain, reference), WATCHED) is None
    assert newest_change((hba,), DENIED, WATCHED) is None
