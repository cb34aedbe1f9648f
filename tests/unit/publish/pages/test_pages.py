"""The pages for a browser: what they show and find, and that every name is escaped."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.certificates_report import (
    Ambiguous,
    CertificateFileUnread,
    InventoryGap,
    NameFit,
    NextUnknown,
    NotFound,
    Unmatched,
)
from exporter.model.doubt import NotEvaluated, RuleInDoubt
from exporter.model.finding import (
    CertificateFinding,
    LineInError,
    NextCertificateUnknown,
    NextHandshake,
    NotDecided,
    RuleFinding,
    RuleMayGovern,
    RuleRequires,
    ServedNotVerified,
    WillSend,
)
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import Demand, Forecast, ForecastCause, HbaState, Verdict
from exporter.model.record import TargetRecord
from exporter.model.remedy import FileEdit, Place, ServerFile, Step
from exporter.model.report import ExemptionUse, RulesReport
from exporter.model.server_steps import AcceptClient, CorrectLine, Mistake
from exporter.publish.pages import overview as overview_module
from exporter.publish.pages.dates import left, urgency
from exporter.publish.pages.overview import overview
from exporter.publish.pages.query import MAX_WORDS, Query
from exporter.publish.pages.rendering import overview_html, target_html
from exporter.publish.pages.target import MAX_CONNECTIONS, target_page
from tests.unit.reports import (
    BLIND,
    DOWN,
    HBA,
    NOT_POLLED,
    NOW,
    PLAINTEXT,
    RECORD,
    RENEWED,
    REPLICA,
    RULES,
    TRUST_RULE,
    named,
    with_connections,
)

UNKNOWN = replace(REPLICA, verdict=Verdict.UNKNOWN)


def shown(*records: TargetRecord, **query: str) -> str:
    return overview_html(records, Query.read(query), "1.2.3", NOW)


def page(record: TargetRecord) -> str:
    return target_html(record, "1.2.3", NOW)


def names_found(*records: TargetRecord, **query: str) -> list[str]:
    return [row.name for row in overview(records, Query.read(query), NOW).rows]


def text_of(html: str) -> str:
    """Return the text of a page as it is read, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_the_overview_sums_up_and_shows_what_needs_attention() -> None:
    text = text_of(shown(RECORD, DOWN, BLIND, NOT_POLLED))
    assert "1 insecure 0 unknown 0 exempt 2 secure 3 of 4 targets not read" in text
    assert "in 300 days the first reconnect breaks: standby1 (expired)" in text
    assert "insecure primary standby2 replicator 10.0.0.6 plaintext rule_trusts ," in text
    assert "not readable (timeout)" in text
    assert "not polled yet" in text


def test_targets_come_worst_first() -> None:
    secure = named(with_connections([REPLICA]), "secure")
    unknown = named(with_connections([UNKNOWN]), "unknown")
    insecure = named(with_connections([PLAINTEXT]), "insecure")
    assert names_found(secure, unknown, insecure, DOWN) == [
        "standby",
        "insecure",
        "unknown",
        "secure",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["standby", "primary", "other"]),
        ({"q": "PRIM"}, ["primary"]),
        ({"q": "standby2"}, ["primary"]),
        ({"q": "replicator 10.0.0.6"}, ["primary"]),
        ({"q": "rule_trusts"}, ["primary"]),
        ({"q": "no such thing"}, []),
        ({"verdict": "insecure"}, ["primary"]),
        ({"verdict": "secure"}, ["primary", "other"]),
        ({"verdict": "unreadable"}, ["standby"]),
        ({"verdict": "unreadable", "q": "primary"}, []),
        ({"verdict": "secure", "q": "standby2"}, []),
        ({"verdict": "<nonsense>"}, ["standby", "primary", "other"]),
    ],
)
def test_words_and_verdict_choose_targets(query: dict[str, str], found: list[str]) -> None:
    other = named(with_connections([REPLICA]), "other")
    assert names_found(RECORD, other, DOWN, **query) == found


def test_words_find_targets_by_cluster_and_label() -> None:
    target = replace(RECORD.target, labels={"environment": "Staging"}, cluster_name="orders")
    record = replace(named(RECORD, "x"), target=target)
    assert names_found(record, q="staging") == [target.name]
    assert names_found(record, q="orders") == [target.name]


def test_what_needs_attention_follows_the_search_and_is_limited() -> None:
    many = with_connections([PLAINTEXT] * (overview_module.MAX_ATTENTION + 3))
    view = overview([many], Query(), NOW)
    assert len(view.attention) == overview_module.MAX_ATTENTION
    assert view.attention_left == 3
    assert overview([RECORD], Query(words="standby1"), NOW).attention == ()


def test_a_large_fleet_has_pages_and_a_page_beyond_the_last_is_the_last() -> None:
    number = overview_module.TARGETS_PER_PAGE + 1
    fleet = [named(RECORD, f"db{n}") for n in range(number)]
    first = overview(fleet, Query(), NOW)
    assert (len(first.rows), first.pages, first.found) == (number - 1, 2, number)
    assert len(overview(fleet, Query(page=2), NOW).rows) == 1
    assert len(overview(fleet, Query(page=99), NOW).rows) == 1
    html = overview_html(fleet, Query(words="db", verdict="insecure", page=2), "1", NOW)
    assert 'href="/?q=db&amp;verdict=insecure"' in html
    assert 'href="/?q=db&amp;verdict=insecure&amp;page=2" aria-current="page"' in html


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "9" * 50, "²", "1e3"])
def test_a_page_number_that_is_none_is_the_first(number: str) -> None:
    assert Query.read({"page": number}).page == 1


def test_a_search_is_cut_at_its_limit() -> None:
    assert len(Query.read({"q": "x" * 5000}).words) == MAX_WORDS


def test_an_empty_fleet_and_an_empty_search_say_so() -> None:
    assert "No target is configured." in shown()
    assert "Nothing matches." in shown(RECORD, q="no such thing")


def test_the_page_of_a_target_shows_rule_reasons_and_steps() -> None:
    text = text_of(page(RECORD))
    assert "up, PostgreSQL 17.5, primary" in text
    assert "host replication replicator 10.0.0.0/24 trust" in text
    assert "rule_trusts : The governing rule has the method trust" in text
    assert (
        f"on the server: Require the certificate: insert directly before line 14 of {HBA}." in text
    )
    assert "+ hostssl replication replicator 10.0.0.0/24 cert" in text


def test_what_is_bad_is_open_and_what_is_good_is_closed() -> None:
    html = page(RECORD)
    opened = re.findall(r'<details id="[^"]*"( open)?>', html)
    assert opened == [" open", "", ""]


def test_the_page_of_a_target_shows_its_certificates() -> None:
    text = text_of(page(RECORD))
    end = "2027-02-18 12:00 UTC in 90 days CN=db1.example.com,O=Lab server"
    assert f"{end} served ok 8" in text
    assert "Revocation lists" in text
    assert "2026-11-27 12:00 UTC in 7 days CN=Lab authority,O=Lab" in text


def test_a_connection_shows_the_certificate_in_use_and_the_next() -> None:
    text = text_of(page(with_connections([REPLICA])))
    assert "ends 2026-12-10 12:00 UTC (in 20 days)" in text
    path = "/var/lib/postgresql/replicator.crt"
    assert f"serial number 7, ends 2027-09-16 12:00 UTC (in 300 days), from {path}" in text
    assert "Reconnects until 2027-09-16 12:00 UTC (in 300 days), by expired" in text


@pytest.mark.parametrize(
    ("in_use", "expected"),
    [
        (
            Ambiguous((RENEWED, RENEWED)),
            "several known certificates match what the server shows: 2",
        ),
        (Unmatched(), "Certificate in use none that is known"),
    ],
)
def test_a_certificate_that_is_not_known_for_sure_is_reported_as_such(
    in_use: Ambiguous | Unmatched, expected: str
) -> None:
    assert expected in text_of(page(with_connections([replace(REPLICA, in_use=in_use)])))


def test_a_refused_reconnect_is_reported_with_its_cause() -> None:
    refused = replace(REPLICA, forecast=Forecast.REFUSED, forecast_cause=ForecastCause.REVOKED)
    text = text_of(page(with_connections([refused])))
    assert "Reconnect refused (cause: revoked):" in text


def test_rules_in_error_and_blind_spots_stand_above_the_connections() -> None:
    assert RECORD.report is not None
    line = ErrorLine(RuleLocation(HBA, 7), "invalid authentication method", blocks_loading=True)
    correct = CorrectLine(line.location, "x", Mistake.NEEDS_HOSTSSL, ("hostssl all all all cert",))
    steps = (Step(Place.SERVER, correct),)
    rules = RulesReport(HbaState.REJECTED, (line,), (), steps)
    text = text_of(page(replace(RECORD, report=replace(RECORD.report, rules=rules))))
    assert f"{HBA}:7 invalid authentication method" in text
    assert f"on the server: Correct line 7 of {HBA}: replace host by hostssl" in text
    assert "over TLS only) hostssl all all all cert" in text
    text = text_of(page(BLIND))
    assert "GRANT pg_read_all_stats TO repl_exporter;" in text
    assert "The replication connections of this server could not be read." in text
    assert "rules rejected" in shown(replace(RECORD, report=replace(RECORD.report, rules=rules)))


def test_a_target_that_is_down_not_polled_or_alone_says_so() -> None:
    assert "No answer within the target's time-out. (no answer in 10 s)" in text_of(page(DOWN))
    assert "It has not been polled yet." in page(NOT_POLLED)
    assert "There are no replication connections from this server now." in page(
        with_connections([])
    )


def test_rules_that_are_fine_are_not_spoken_of() -> None:
    assert RECORD.report is not None
    assert target_page(RECORD, NOW).rules_are_fine
    broken = replace(RULES, state=HbaState.PENDING)
    record = replace(RECORD, report=replace(RECORD.report, rules=broken))
    assert not target_page(record, NOW).rules_are_fine


def test_exemptions_are_reported_with_their_end() -> None:
    assert RECORD.report is not None
    use = ExemptionUse("legacy", "the old host", NOW + timedelta(days=3), 2)
    text = text_of(page(replace(RECORD, report=replace(RECORD.report, exemptions=(use,)))))
    assert "legacy : the old host; until 2026-11-23 12:00 UTC; covers 2 connections now." in text


def test_very_many_connections_show_the_worst_and_count_the_others() -> None:
    html = page(with_connections([PLAINTEXT] * (MAX_CONNECTIONS + 7)))
    assert html.count("<details ") == MAX_CONNECTIONS
    assert "7 more are not shown here." in html


HOSTILE = "</main><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e{{ 7*7 }}"


def _findings(name: str) -> tuple[RuleFinding | CertificateFinding, ...]:
    rule = replace(TRUST_RULE, location=RuleLocation(name, 1), roles=(name,), options=(name,))
    not_evaluated = RuleInDoubt(rule.location, (NotEvaluated(name),))
    unread = CertificateFileUnread(name, name, is_missing=False)
    return (
        RuleMayGovern(rule),
        RuleRequires(Demand.NOTHING, name),
        NotDecided(not_evaluated),
        NextCertificateUnknown(NextUnknown(NotFound(unread, InventoryGap.NO_INVENTORY))),
        WillSend(RENEWED, name, is_on_standby=True, is_in_use=False, is_renewed=True),
        NextHandshake(
            role=name,
            name=NameFit.ADMITTED,
            verification=name,
            weakness=None,
            compares_name=True,
            is_required=False,
        ),
    )


def hostile(name: str) -> TargetRecord:
    """Return a record with ``name`` wherever a name from outside can stand."""
    assert RECORD.report is not None
    sender = replace(PLAINTEXT.wal_sender, application_name=name, role=name, slot_name=name)
    connection = replace(
        PLAINTEXT,
        wal_sender=sender,
        exemption=name,
        findings=_findings(name),
        certificate_name=name,
    )
    line = ErrorLine(RuleLocation(name, 7), name, blocks_loading=True)
    record = with_connections([connection])
    assert record.report is not None
    report = replace(
        record.report,
        rules=RulesReport(
            HbaState.REJECTED,
            (line,),
            (LineInError(line),),
            (
                Step(Place.SERVER, CorrectLine(line.location, name)),
                Step(
                    Place.SERVER,
                    CorrectLine(line.location, name, Mistake.NEEDS_HOSTSSL, (name,)),
                ),
                Step(
                    Place.SERVER,
                    AcceptClient(name, None, is_refused=True),
                    FileEdit(ServerFile.HBA, name, 7, name, (name,)),
                ),
            ),
        ),
        exemptions=(ExemptionUse(name, name, None, 0),),
        certificates=replace(
            record.report.certificates, findings=(ServedNotVerified(name), LineInError(line))
        ),
    )
    return named(replace(record, report=report), name)


def tags(html: str) -> list[str]:
    return re.findall(r"<[a-zA-Z/!][^>]*", html)


@settings(deadline=None)
@given(st.text(max_size=60).map(lambda tail: HOSTILE + tail) | st.just(HOSTILE))
def test_no_name_can_become_markup(name: str) -> None:
    record, harmless = hostile(name), hostile("harmless")
    for render in (
        page,
        lambda r: overview_html([r], Query(words="", verdict="insecure"), "1", NOW),
    ):
        html, expected = render(record), render(harmless)
        # same elements in the same order, whatever the attributes' values are
        assert [re.split(r"\s", t)[0] for t in tags(html)] == [
            re.split(r"\s", t)[0] for t in tags(expected)
        ]
        assert "\u202e" not in html
        assert "{{ 7*7 }}" in html


def test_a_search_is_repeated_without_becoming_markup() -> None:
    html = shown(RECORD, q='"><script>alert(1)</script>')
    assert "<script>alert" not in html
    assert 'value="&#34;&gt;&lt;script&gt;' in html


def ends(days: float) -> Sequence[str]:
    moment = NOW + timedelta(days=days)
    return left(moment, NOW), urgency(moment, NOW)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (300, ("in 300 days", "")),
        (27.9, ("in 27 days", "unknown")),
        (1.5, ("in 36 hours", "unknown")),
        (0.01, ("in 14 minutes", "unknown")),
        (-0.01, ("14 minutes ago", "insecure")),
        (-3, ("3 days ago", "insecure")),
    ],
)
def test_what_is_left_is_reported_in_the_unit_that_fits(
    days: float, expected: tuple[str, str]
) -> None:
    assert ends(days) == expected
