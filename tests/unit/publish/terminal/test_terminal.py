"""The texts for a terminal, as they are read; hostile names cannot act on it."""

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.certificates_report import (
    Ambiguous,
    InUse,
    InventoryGap,
    NameFit,
    NextUnknown,
    NotFound,
    StandbyNotIdentified,
    Unmatched,
)
from exporter.model.doubt import HostNameLookup, RuleInDoubt, SeveralVersions
from exporter.model.failure import FailureReason, Reader, Unread
from exporter.model.finding import (
    MoreNotInUse,
    NextCertificateUnknown,
    NextHandshake,
    NotDecided,
    NotInInventory,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RulesState,
    RuleUndecided,
    ServedNotVerified,
)
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import Demand, Forecast, ForecastCause, HbaState, Posture, Verdict
from exporter.model.remedy import Place, Step
from exporter.model.report import NoRule, RulesReport, Undecided
from exporter.model.server_steps import CorrectLine, Mistake
from exporter.publish.json.report import report_json
from exporter.publish.terminal.explain import explain_text
from exporter.publish.terminal.style import clip, clip_left, columns_of, wrapped
from exporter.publish.terminal.table import connections_table
from exporter.publish.words.printable import printable
from exporter.publish.words.unknown import next_unknown_text
from tests.unit.reports import (
    BLIND,
    CERT_RULE,
    DOWN,
    HBA,
    IN_USE,
    NOT_POLLED,
    NOW,
    PLAINTEXT,
    RECORD,
    REPLICA,
    REPORT,
    TRUST_RULE,
    named,
    with_connections,
)

EXEMPT = replace(PLAINTEXT, verdict=Verdict.EXEMPT, exemption="legacy")
UNKNOWN = replace(REPLICA, verdict=Verdict.UNKNOWN, posture=Posture.CERTIFICATE_UNCONFIRMED)
HOSTILE_NAME = "evil\x1b[2J\u202e\u200b\x85\n\ud800name"
HOSTILE = replace(
    REPLICA,
    wal_sender=replace(REPLICA.wal_sender, application_name=HOSTILE_NAME, role=HOSTILE_NAME),
    findings=(
        RuleRequires(Demand.NOTHING, HOSTILE_NAME),
        NotDecided(RuleInDoubt(RuleLocation(HOSTILE_NAME, 1), (HostNameLookup(HOSTILE_NAME),))),
        NextHandshake(
            role=HOSTILE_NAME,
            name=NameFit.ADMITTED,
            verification=HOSTILE_NAME,
            weakness=None,
            compares_name=True,
            is_required=False,
        ),
    ),
)

TABLE = """\
primary: up, PostgreSQL 17.5, primary, TLS on, asks for client certificates, pg_hba.conf loaded
  VERDICT   POSTURE               APPLICATION    ROLE        ADDRESS      KIND      RULE            ENDS
  insecure  plaintext             standby2       replicator  10.0.0.6     physical  pg_hba.conf:14
            because rule_trusts, client_without_tls, rule_allows_plaintext
  secure    unix_socket           pg_receivewal  replicator  unix socket  physical  pg_hba.conf:12
  secure    certificate_required  standby1       replicator  10.0.0.5     physical  pg_hba.conf:12  2027-09-16

standby: not readable (timeout)
  No answer within the target's time-out. (no answer in 10 s)

managed: not readable (permission), PostgreSQL 17.5, primary, TLS on, asks for client certificates, pg_hba.conf
  loaded
  The exporter's role lacks a privilege for it. (the role lacks the rights of pg_read_all_stats)
  not read: wal_senders (permission): the role lacks the rights of pg_read_all_stats
    to let it: GRANT pg_read_all_stats TO repl_exporter;
  not read: file_times (not_installed)
    to let it: pg-replication-cert-exporter sql --role=repl_exporter | psql -d DATABASE

empty: up, PostgreSQL 17.5, primary, TLS on, asks for client certificates, pg_hba.conf loaded
  no replication connections

primary: not polled yet

3 connections on 5 targets: 1 insecure, 0 unknown, 0 exempt, 2 secure. 3 targets could not be read.
"""  # noqa: E501  as it is printed

EXPLANATION = """\
primary: up, PostgreSQL 17.5, primary, TLS on, asks for client certificates, pg_hba.conf loaded

Connection standby2: role replicator, from 10.0.0.6, physical, since 2026-11-17 12:00:00 UTC
  verdict    insecure: It does not meet the target's policy.
  posture    plaintext: The connection is not encrypted: anyone on the network path can read and
             modify it.
  encryption none
  rule       /etc/postgresql/17/main/pg_hba.conf, line 14, is the first that matches:
               host replication replicator 10.0.0.0/24 trust
             Its method is trust: it requires neither a password nor a certificate.
  why
    rule_trusts: The governing rule has the method trust: it requires no authentication.
    client_without_tls: The client connected without TLS although the server offers it
      (sslmode=disable, allow, or prefer that fell back).
    rule_allows_plaintext: The governing rule also matches unencrypted connections (it is host or
      hostnossl).
  reconnect  admitted_without_certificate: a reconnect would be accepted, and no certificate would
             be required.
  What to do, in this order
    on the standby or client:
      1. Issue a client certificate with the common name (CN) replicator, accepted for role
         replicator, signed by a certificate authority (CA) in the server's ssl_ca_file. Put it, its
         key (readable by its owner only: chmod 600) and root.crt (the CA of the server's
         certificate) on the client. Do not change the running connection yet
             subject: CN=replicator
      2. Set these in the connection string of the backup program; its next run uses them
             sslmode=verify-full sslcert=replicator.crt
    on the server:
      3. Require the certificate: insert directly before line 14 of
         /etc/postgresql/17/main/pg_hba.conf. Before you reload, check that every client that logs
         in as replicator from these addresses presents a certificate that the line accepts: it
         refuses all others
             + hostssl replication replicator 10.0.0.0/24 cert
               host replication replicator 10.0.0.0/24 trust
      4. Check that no line of pg_hba.conf is in error (the query must return no row: a reload with
         an error keeps all old rules, and the next restart fails), then reload
             SELECT file_name, line_number, error FROM pg_hba_file_rules WHERE type IS NULL;
             SELECT pg_reload_conf();
"""

REJECTED = replace(
    RECORD,
    report=replace(
        REPORT,
        rules=RulesReport(
            HbaState.REJECTED,
            (
                ErrorLine(RuleLocation(HBA, 3), 'invalid authentication method "pear"', True),  # noqa: FBT003  reads as in the view
                ErrorLine(RuleLocation(HBA, 9), "hostssl needs ssl", False),  # noqa: FBT003  as above
            ),
            (RulesState(HbaState.REJECTED),),
            (
                Step(
                    Place.SERVER,
                    CorrectLine(
                        RuleLocation(HBA, 3),
                        "peer authentication is only supported on local sockets",
                        Mistake.PEER_OVER_TCP,
                        ("local all all peer",),
                    ),
                ),
            ),
        ),
        connections=(),
    ),
)
REJECTED_EXPLANATION = """\
primary: up, PostgreSQL 17.5, primary, TLS on, asks for client certificates, pg_hba.conf rejected

Rules (pg_hba.conf): rejected
  pg_hba.conf has errors, so that it cannot be loaded: older rules are in force, and the next
  restart of the server fails.
  /etc/postgresql/17/main/pg_hba.conf:3: invalid authentication method "pear" (keeps the file from
    being loaded)
  /etc/postgresql/17/main/pg_hba.conf:9: hostssl needs ssl (has no effect)
  What to do, in this order
    on the server:
      1. Correct line 3 of /etc/postgresql/17/main/pg_hba.conf: use peer for unix sockets only:
         write local, without an address, or another method for TCP
             local all all peer

There are no replication connections from this server now.
"""


def test_the_table_shows_targets_connections_rules_and_reasons() -> None:
    records = (RECORD, DOWN, BLIND, named(with_connections(()), "empty"), NOT_POLLED)
    assert connections_table(records, colour=False, width=112) == TABLE


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    long = replace(
        PLAINTEXT,
        wal_sender=replace(
            PLAINTEXT.wal_sender, application_name="a" * 60, role="日本" * 20, slot_name=""
        ),
    )
    table = connections_table((with_connections((long, EXEMPT)),), colour=False, width=width)
    heading = table.splitlines()[1:]
    # below this the columns that never shrink do not fit
    assert max(columns_of(line) for line in heading) <= max(width, 96)


def test_nothing_is_abbreviated_without_a_width() -> None:
    long = replace(PLAINTEXT, wal_sender=replace(PLAINTEXT.wal_sender, application_name="a" * 300))
    table = connections_table((with_connections((long,)),), colour=False, width=None)
    assert "a" * 300 in table


def test_files_of_one_name_are_reported_in_full() -> None:
    included = replace(TRUST_RULE, location=RuleLocation("/srv/other/pg_hba.conf", 2))
    record = with_connections(
        (REPLICA, replace(PLAINTEXT, rule_match=replace(REPLICA.rule_match, rule=included)))  # type: ignore[arg-type]
    )
    table = connections_table((record,), colour=False, width=None)
    assert f"{HBA}:12" in table
    assert "/srv/other/pg_hba.conf:2" in table


def test_lines_that_keep_the_rules_from_loading_stand_in_the_table() -> None:
    table = connections_table((REJECTED,), colour=False, width=100)
    assert f'  {HBA}:3: invalid authentication method "pear"' in table
    assert f"{HBA}:9" not in table


def test_colours_only_when_wanted() -> None:
    records = (RECORD, DOWN, BLIND, NOT_POLLED)
    assert "\x1b" not in connections_table(records, colour=False, width=100)
    assert "\x1b[1;31minsecure\x1b[0m  plaintext" in connections_table(
        records, colour=True, width=100
    )
    assert "\x1b" not in explain_text(RECORD, colour=False)
    assert "\x1b[1;31minsecure\x1b[0m: It does not" in explain_text(RECORD, colour=True)


@pytest.mark.parametrize("character", ["\x1b", "\u202e", "\u200b", "\x85", "\ud800"])
def test_a_hostile_name_cannot_act_on_the_terminal(character: str) -> None:
    record = named(with_connections((HOSTILE,)), HOSTILE_NAME)
    assert record.report is not None
    certificates = replace(record.report.certificates, findings=(ServedNotVerified(HOSTILE_NAME),))
    record = replace(record, report=replace(record.report, certificates=certificates))
    texts = (
        connections_table((record,), colour=False, width=200),
        explain_text(record, colour=False),
        explain_text(record, colour=False, application_name=HOSTILE_NAME),
        explain_text(record, colour=False, application_name=HOSTILE_NAME + "?"),
        report_json((record,)),
    )
    for text in texts:
        assert character not in text
        assert "evil" in text


@given(st.text(st.characters(codec=None)))
def test_printable_text_holds_nothing_that_moves_or_hides(text: str) -> None:
    output = printable(text)
    assert all(c == " " or unicodedata.category(c)[0] in "LNPS" for c in output)
    output.encode("utf-8")


@given(st.text(), st.integers(4, 20))
def test_what_is_clipped_fits_and_what_fits_is_whole(text: str, width: int) -> None:
    output = printable(text)
    for clipped in (clip(output, width), clip_left(output, width)):
        assert columns_of(clipped) <= width
        assert (clipped == output) == (columns_of(output) <= width)


def test_paths_are_clipped_at_their_beginning() -> None:
    assert clip_left("/etc/postgresql/pg_hba.conf:12", 17) == "...pg_hba.conf:12"


def test_the_explanation_shows_rule_reasons_and_ordered_steps() -> None:
    record = with_connections((PLAINTEXT, REPLICA))
    assert explain_text(record, colour=False, application_name="standby2") == EXPLANATION


NOT_FOUND = NextUnknown(NotFound(StandbyNotIdentified(), InventoryGap.NO_CERTIFICATE))
NOT_FORETOLD = replace(
    REPLICA, forecast=Forecast.UNKNOWN, breaks_at=None, next_certificate=NOT_FOUND
)


def test_the_reason_why_the_next_certificate_is_not_known_stands_with_the_forecast() -> None:
    findings = (*REPLICA.findings, NextCertificateUnknown(NOT_FOUND))
    connection = replace(NOT_FORETOLD, findings=findings)
    text = explain_text(with_connections((connection,)), colour=False)
    assert text.endswith(
        """\
  rule       /etc/postgresql/17/main/pg_hba.conf, line 12, is the first that matches:
               hostssl replication replicator 10.0.0.0/24 cert
             It requires a certificate whose name is the role's.
  reconnect  unknown: the result of a reconnect cannot be determined, because too little is known of
             the rules in force, of the certificate that the client would send, or of how the server
             would verify it.
             Which certificate it will send at the next reconnect is not known: none of the
             configured targets could be identified as this standby, and the inventory has no
             certificate for it.
"""
    )


def test_without_a_configured_source_of_certificates_the_advice_is_given_once() -> None:
    advice = (
        "\nThe result of a reconnect depends on the certificate that the client will send. To get "
        "a forecast,\nlist the files with client certificates under inventory in config.yml, or "
        "add the standbys as\ntargets.\n"
    )
    text = explain_text(with_connections((NOT_FORETOLD, NOT_FORETOLD)), colour=False)
    assert text.endswith(advice)
    assert text.count("inventory") == 1
    in_plaintext = replace(NOT_FORETOLD, wal_sender=PLAINTEXT.wal_sender)
    refused = replace(NOT_FORETOLD, forecast=Forecast.REFUSED)
    for connection in (REPLICA, replace(REPLICA, forecast=Forecast.UNKNOWN), in_plaintext, refused):
        assert "inventory" not in explain_text(with_connections((connection,)), colour=False)


def test_rules_that_were_rejected_come_first() -> None:
    assert explain_text(REJECTED, colour=False) == REJECTED_EXPLANATION


def test_the_governing_rule_is_printed_once() -> None:
    written = "hostssl replication replicator 10.0.0.0/24 cert"
    connection = replace(REPLICA, findings=(RuleGoverns(CERT_RULE), NotInInventory()))
    text = explain_text(with_connections((connection,)), colour=False)
    assert text.count(written) == 1
    assert "The certificate in use is not in the inventory." in text


def test_rules_that_may_govern_are_all_printed() -> None:
    findings = (
        RuleUndecided(),
        RuleMayGovern(CERT_RULE),
        RuleMayGovern(TRUST_RULE),
        NotDecided(SeveralVersions()),
    )
    match = Undecided((CERT_RULE, TRUST_RULE), may_match_none=False, why=(SeveralVersions(),))
    connection = replace(REPLICA, rule_match=match, findings=findings)
    text = explain_text(with_connections((connection,)), colour=False)
    for sentence in (
        "It cannot be determined which rule matches first. It may be one of these:",
        f"{HBA}, line 12: hostssl replication replicator 10.0.0.0/24 cert",
        f"{HBA}, line 14: host replication replicator 10.0.0.0/24 trust",
        "Several versions of the rules may be in force.",
    ):
        assert sentence in " ".join(text.split())


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (NoRule(), "none matches"),
        (Undecided((), may_match_none=False, why=()), "not known"),
        (Undecided((CERT_RULE, TRUST_RULE), may_match_none=False, why=()), "undecided: 12, 14"),
    ],
)
def test_what_may_govern_is_reported_where_no_rule_is_known_to(
    match: NoRule | Undecided, expected: str
) -> None:
    record = with_connections((replace(REPLICA, rule_match=match, findings=()),))
    assert expected in connections_table((record,), colour=False, width=None)
    assert f"  rule       {expected}" in explain_text(record, colour=False)


def test_the_encryption_names_a_certificate_only_where_no_sentence_does() -> None:
    known = explain_text(with_connections((REPLICA,)), colour=False)
    unknown = explain_text(with_connections((replace(REPLICA, in_use=None),)), colour=False)
    assert ", with a client certificate\n" in known
    assert "with a client certificate\n" not in unknown
    assert "serial number" in unknown


def test_exact_lines_are_not_wrapped() -> None:
    names = ",".join(f"replicator{n}" for n in range(20))
    line = f"hostssl replication {names} 10.0.0.0/24 cert"
    correct = CorrectLine(RuleLocation(HBA, 3), "", Mistake.NEEDS_HOSTSSL, (line,))
    connection = replace(PLAINTEXT, remedy=(Step(Place.CLIENT, correct),))
    assert line in explain_text(with_connections((connection,)), colour=False)


def test_blindness_is_explained_with_what_to_grant() -> None:
    text = explain_text(BLIND, colour=False)
    assert "      GRANT pg_read_all_stats TO repl_exporter;\n" in text
    assert "The replication connections of this server could not be read." in text


def test_a_role_is_quoted_where_sql_needs_it() -> None:
    assert BLIND.report is not None
    target = replace(BLIND.target, parameters={"user": 'odd "role'})
    record = replace(BLIND, target=target, report=replace(BLIND.report, target=target))
    assert 'GRANT pg_read_all_stats TO "odd ""role";' in explain_text(record, colour=False)


def test_the_rules_need_a_grant_on_view_and_function() -> None:
    readers = {Reader.HBA_RULES: Unread(FailureReason.PERMISSION)}
    record = replace(RECORD, report=replace(REPORT, readers=readers))
    text = explain_text(record, colour=False)
    assert "GRANT SELECT ON pg_catalog.pg_hba_file_rules TO repl_exporter;" in text
    assert "GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO repl_exporter;" in text


def test_an_application_that_is_not_there_is_reported() -> None:
    text = explain_text(RECORD, colour=False, application_name="nobody")
    assert "No replication connection has the application name nobody now." in text


def test_a_word_that_is_too_long_is_not_broken() -> None:
    assert wrapped("a " + "x" * 50, 20, indent="  ") == ["  a", "  " + "x" * 50]


def test_a_refused_reconnect_and_what_ends_first_stand_in_the_table() -> None:
    refused = replace(
        REPLICA,
        forecast=Forecast.REFUSED,
        forecast_cause=ForecastCause.REVOKED,
        breaks_at=None,
    )
    text = connections_table([with_connections([refused])], colour=False, width=None)
    assert "because a reconnect is refused (revoked)" in text
    # the certificate in use, for nothing else is known to end
    assert text.splitlines()[2].endswith(f"{IN_USE.not_after:%Y-%m-%d}")
    by_list = replace(REPLICA, breaks_at=NOW, breaks_cause=ForecastCause.CRL)
    text = connections_table([with_connections([by_list])], colour=False, width=None)
    assert text.splitlines()[2].endswith("2026-11-20 (crl)")


def test_in_a_narrow_terminal_the_end_stands_below_its_connection() -> None:
    record = with_connections([replace(REPLICA, breaks_at=NOW, breaks_cause=ForecastCause.CRL)])
    wide = connections_table([record], colour=False, width=200)
    assert wide.splitlines()[1].endswith("  ENDS")
    assert wide.splitlines()[2].endswith("  2026-11-20 (crl)")
    narrow = connections_table([record], colour=False, width=100)
    assert "ENDS" not in narrow
    assert narrow.splitlines()[3] == f"{' ' * 11}ends 2026-11-20 (crl)"
    assert max(map(len, narrow.splitlines())) <= 100


def test_certificate_faults_of_a_target_stand_above_its_connections() -> None:
    assert RECORD.report is not None
    certificates = replace(RECORD.report.certificates, findings=(MoreNotInUse(3),))
    sentence = "Known and not in use: 3 more."
    record = replace(RECORD, report=replace(RECORD.report, certificates=certificates))
    assert f"\n  {sentence}\n" in connections_table([record], colour=False, width=None)
    explained = explain_text(record, colour=False)
    assert f"\n\nCertificates of this server\n  {sentence}\n\nConnection " in explained


def test_the_json_shows_certificates_of_connections_and_of_the_target() -> None:
    (target,) = json.loads(report_json([RECORD]))["targets"]
    assert target["certificates"]["server_certificate_pending"] is False
    assert [(p["usage"], p["source"], p["paths"]) for p in target["certificates"]["places"]] == [
        ("server", "served", []),
        ("server", "server_file", ["server.crt"]),
        ("authority", "server_file", ["ca.crt"]),
    ]
    assert target["certificates"]["revocation_lists"] == [
        {
            "issuer": "CN=Lab authority,O=Lab",
            "source": "server_file",
            "number": "3",
            "this_update": "2026-11-19T12:00:00+00:00",
            "next_update": "2026-11-27T12:00:00+00:00",
        }
    ]
    secure = next(c for c in target["connections"] if c["application_name"] == "standby1")
    assert secure["certificate_in_use"]["match"] == "one"
    assert secure["certificate_in_use"]["fingerprint"] == IN_USE.fingerprint
    assert secure["next_certificate"]["path"] == "/var/lib/postgresql/replicator.crt"
    assert secure["next_certificate"]["verification"] == "ok"
    assert (secure["certificate_pending"], secure["breaks_cause"]) == (True, "expired")


@pytest.mark.parametrize(
    ("in_use", "expected"),
    [
        (None, None),
        (Unmatched(), {"match": "none"}),
        (Ambiguous(()), {"match": "several", "candidates": []}),
    ],
)
def test_a_certificate_in_use_that_is_not_known_is_reported_as_such(
    in_use: InUse | None, expected: dict[str, object] | None
) -> None:
    connection = replace(REPLICA, in_use=in_use, next_certificate=NOT_FOUND)
    (target,) = json.loads(report_json([with_connections([connection])]))["targets"]
    (shown,) = target["connections"]
    assert shown["certificate_in_use"] == expected
    assert shown["next_certificate"] == {"known": False, "why": next_unknown_text(NOT_FOUND.why)}
