"""What is known of the rules in force: by the files' times, earlier polls and what lines hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.assess.report import assess
from exporter.model.doubt import MayBeQuoted, RuleInDoubt, SeveralVersions
from exporter.model.failure import FailureReason, Unread
from exporter.model.finding import ClientNameNotShown, QuotesNotShown
from exporter.model.hba import (
    FileTimes,
    LineTraits,
    RuleLocation,
    ServerFile,
)
from exporter.model.history import FileHistory, RulesHistory
from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.observation import Observation, RegularExpressionResult
from exporter.model.report import Connection, Governs, Undecided
from tests.unit.assess.facts import (
    CERT,
    HBA,
    IDENT,
    KNOWLEDGE,
    LOADED,
    NOW,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TARGET,
    TRUST,
    at,
    connections,
    mapping,
    maps,
    report,
    rules,
    the_one,
    times,
)

MISSING = Unread(FailureReason.NOT_INSTALLED)
HOUR = timedelta(hours=1)
EDITED = LOADED + HOUR


def history_after(*polls: Observation) -> RulesHistory:
    history = RulesHistory()
    for poll in polls:
        _, history = assess(poll, TARGET, history, KNOWLEDGE, now=NOW)
    return history


# --- which files count for what


def test_pg_hba_conf_is_as_old_as_itself_and_what_it_includes() -> None:
    def state(*more: FileTimes) -> HbaState:
        outcome = report(replace(POLL, file_times=(*times(), *more))).rules
        assert outcome is not None
        return outcome.state

    assert state() is HbaState.LOADED
    assert state(FileTimes(ServerFile.HBA_INCLUDED, "x", 1, EDITED, EDITED)) is HbaState.PENDING
    for other in (ServerFile.IDENT_INCLUDED, ServerFile.IDENT, ServerFile.CERTIFICATE):
        assert state(FileTimes(other, "x", 1, EDITED, EDITED)) is HbaState.LOADED


MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
MAP = maps(mapping("replica", "replica"))
MAP_POLL = replace(POLL, hba=rules(MAPPED), ident=MAP)


def test_pg_ident_conf_is_as_old_as_itself_and_what_it_includes() -> None:
    def posture(*more: FileTimes) -> Posture:
        return the_one(replace(MAP_POLL, file_times=(*times(), *more))).posture

    assert posture() is Posture.CERTIFICATE_REQUIRED
    for counts in (ServerFile.IDENT, ServerFile.IDENT_INCLUDED):
        edited = FileTimes(counts, IDENT, 1, EDITED, EDITED)
        assert posture(edited) is Posture.CERTIFICATE_UNCONFIRMED
    other = FileTimes(ServerFile.CERTIFICATE, "x", 1, EDITED, EDITED)
    assert posture(other) is Posture.CERTIFICATE_REQUIRED


def test_an_at_file_leaves_the_age_of_pg_hba_conf_unknown_and_not_that_of_pg_ident_conf() -> None:
    poll = replace(MAP_POLL, hba_lines=(traits(1, reference=True),))
    _, history = assess(poll, TARGET, RulesHistory(), KNOWLEDGE, now=NOW)
    assert history.hba.confirmed is None
    assert history.ident.confirmed == MAP


# --- followed across polls


def test_the_history_is_handed_on_with_what_was_seen() -> None:
    history = history_after(MAP_POLL)
    assert history.hba == FileHistory(
        confirmed=rules(MAPPED).with_lines(()),
        confirmed_since=STARTED,
        complete=True,
        latest=rules(MAPPED).with_lines(()),
        latest_load=LOADED,
    )
    assert history.ident == FileHistory(
        confirmed=MAP,
        confirmed_since=STARTED,
        complete=True,
        latest=MAP,
        latest_load=LOADED,
    )


def test_a_file_that_could_not_be_read_keeps_its_history() -> None:
    before = history_after(MAP_POLL)
    unread = replace(MAP_POLL, hba=MISSING, ident=MISSING)
    _, after = assess(unread, TARGET, before, KNOWLEDGE, now=NOW)
    assert (after.hba, after.ident) == (before.hba, before.ident)


def test_what_is_known_from_earlier_polls_judges_while_the_files_cannot_be_read() -> None:
    before = history_after(MAP_POLL)
    unread = replace(MAP_POLL, hba=MISSING, ident=MISSING)
    outcome, _ = assess(unread, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.predates_rules is False
    reloaded = replace(SERVER, configuration_loaded_at=EDITED)
    outcome, _ = assess(replace(unread, server=reloaded), TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.predates_rules is None


def test_the_age_of_a_map_that_is_not_known_any_more_is_not_known() -> None:
    before = history_after(MAP_POLL)
    reloaded = replace(SERVER, configuration_loaded_at=EDITED)
    unread = replace(MAP_POLL, ident=MISSING, server=reloaded)
    outcome, _ = assess(unread, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert connection.rule_match == Governs(MAPPED)
    assert connection.predates_rules is None


def test_an_edit_that_is_not_loaded_leaves_both_rules_possible() -> None:
    before = history_after(POLL)
    edited = replace(POLL, hba=rules(SCRAM), file_times=times(hba=EDITED))
    outcome, _ = assess(edited, TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert isinstance(connection.rule_match, Undecided)
    assert connection.rule_match.candidates == (CERT, SCRAM)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED


# --- what lines hold that the view loses


def traits(
    line: int, *, quote: bool = False, reference: bool = False, clientname: bool = False
) -> LineTraits:
    return LineTraits(
        RuleLocation(HBA, line),
        holds_quote=quote,
        holds_file_reference=reference,
        holds_clientname=clientname,
        continues=False,
        clientname="DN" if clientname else None,
    )


IN_QUOTES = RuleInDoubt(RuleLocation(HBA, 1), (MayBeQuoted("replication", is_address=False),))


@pytest.mark.parametrize(
    ("line", "quotes", "clientname"),
    [
        (traits(1), False, False),
        (traits(1, quote=True), True, False),
        (traits(1, clientname=True), False, True),
        (traits(2, quote=True, clientname=True), False, False),
    ],
)
def test_what_a_line_holds_counts_for_its_own_rule(
    line: LineTraits, *, quotes: bool, clientname: bool
) -> None:
    shop = replace(CERT, databases=("shop",))
    poll = replace(
        POLL,
        wal_senders=(replace(STANDBY, database="shop"),),
        hba=rules(shop),
        hba_lines=(traits(7), line),
    )
    findings = the_one(poll).findings
    assert (QuotesNotShown() in findings) is quotes
    assert (ClientNameNotShown() in findings) is clientname


def test_a_file_that_names_are_taken_from_may_quote_them() -> None:
    # its times are not known: a load that was watched confirms it
    poll = replace(POLL, hba_lines=(traits(1, reference=True),))
    loaded = replace(poll, server=replace(SERVER, configuration_loaded_at=EDITED))
    outcome, _ = assess(loaded, TARGET, history_after(poll), KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert isinstance(connection.rule_match, Undecided)
    assert connection.rule_match.why == (IN_QUOTES,)


def test_lines_that_could_not_be_read_hold_what_they_may() -> None:
    before = history_after(POLL)
    outcome, _ = assess(replace(POLL, hba_lines=MISSING), TARGET, before, KNOWLEDGE, now=NOW)
    (connection,) = connections(outcome)
    assert connection.rule_match == Governs(CERT)


QUOTED = replace(POLL, hba=rules(CERT, TRUST), hba_lines=(traits(1, quote=True),))
UNQUOTED_ON_DISK = replace(QUOTED, hba_lines=(), file_times=times(hba=EDITED))


def judged_after(before: RulesHistory, poll: Observation) -> tuple[HbaState, Connection]:
    outcome, _ = assess(poll, TARGET, before, KNOWLEDGE, now=NOW)
    assert outcome.rules is not None
    (connection,) = connections(outcome)
    return outcome.rules.state, connection


def test_quotes_taken_away_on_disk_still_stand_in_the_rules_in_force() -> None:
    state, connection = judged_after(history_after(QUOTED), UNQUOTED_ON_DISK)
    assert state is HbaState.PENDING
    assert connection.rule_match == Undecided(
        (CERT, at(2, TRUST)),
        may_match_none=False,
        why=(SeveralVersions(), IN_QUOTES),
    )
    assert connection.verdict is Verdict.UNKNOWN
    assert connection.reasons == (Reason.RULES_PENDING,)
    reloaded = replace(
        UNQUOTED_ON_DISK, server=replace(SERVER, configuration_loaded_at=EDITED + HOUR)
    )
    state, connection = judged_after(history_after(QUOTED, UNQUOTED_ON_DISK), reloaded)
    assert (state, connection.rule_match) == (HbaState.LOADED, Governs(CERT))
    assert connection.verdict is Verdict.SECURE


def test_quotes_that_were_seen_count_while_the_rules_cannot_be_read() -> None:
    unread = replace(QUOTED, hba=MISSING, hba_lines=())
    state, connection = judged_after(history_after(QUOTED), unread)
    assert state is HbaState.UNREADABLE
    assert isinstance(connection.rule_match, Undecided)
    assert connection.verdict is Verdict.UNKNOWN


def test_lines_that_cannot_be_read_once_are_those_of_the_poll_before() -> None:
    unread = replace(QUOTED, hba_lines=MISSING)
    state, connection = judged_after(history_after(QUOTED), unread)
    assert state is HbaState.LOADED
    assert isinstance(connection.rule_match, Undecided)


def test_quotes_that_were_seen_count_when_lines_are_lost_for_good() -> None:
    quoted = (LineTraits(RuleLocation(HBA, 1), True, False, False, False),)  # noqa: FBT003
    seen = replace(POLL, hba=rules(CERT, TRUST), hba_lines=quoted)
    lost = replace(seen, hba_lines=MISSING, file_times=MISSING)
    history = history_after(seen, lost)
    for hours in (2, 4, 6):
        loaded = replace(SERVER, configuration_loaded_at=LOADED + hours * HOUR)
        outcome, history = assess(replace(lost, server=loaded), TARGET, history, KNOWLEDGE, now=NOW)
        (connection,) = connections(outcome)
        assert connection.verdict is Verdict.UNKNOWN
        unverified = hours == 2
        assert outcome.rules is not None
        assert (outcome.rules.state, *connection.reasons) == (
            (HbaState.UNVERIFIED, Reason.RULES_LOAD_UNVERIFIED)
            if unverified
            else (HbaState.LOADED, Reason.RULE_UNDECIDED)
        )


def test_clientname_added_on_disk_is_not_in_the_rule_in_force() -> None:
    whole = replace(MAP_POLL, ident=maps(mapping("CN=replica,O=Lab", "replica")))
    older = replace(STANDBY, backend_start=STARTED)
    plain = replace(whole, wal_senders=(older,))
    edited = replace(plain, hba_lines=(traits(1, clientname=True),), file_times=times(hba=EDITED))
    state, connection = judged_after(history_after(plain), edited)
    assert state is HbaState.PENDING
    # the rule in force compares the CN, which the map accepts for no role
    assert connection.reasons == (Reason.CERTIFICATE_NAME_UNPROVEN,)
    assert ClientNameNotShown() not in connection.findings
    state, connection = judged_after(RulesHistory(), replace(edited, file_times=times()))
    assert (state, connection.reasons) == (HbaState.LOADED, ())
    assert ClientNameNotShown() in connection.findings


def test_answers_to_regular_expressions_are_taken_by_token_and_name() -> None:
    rule = replace(CERT, roles=("/^rep",))
    poll = replace(POLL, hba=rules(rule))
    answers = (
        RegularExpressionResult("/^rep", "other", matches=False),
        RegularExpressionResult("/^rep", "replica", matches=True),
        RegularExpressionResult("/^x", "replica", matches=False),
    )
    assert the_one(replace(poll, regular_expressions=answers)).rule_match == Governs(rule)
    assert isinstance(the_one(poll).rule_match, Undecided)
    unread = replace(poll, regular_expressions=MISSING)
    assert isinstance(the_one(unread).rule_match, Undecided)
