"""What cannot be decided is reported as undecided; it is decided where all possibilities agree."""

from collections.abc import Iterator

import pytest

from exporter.model.judgement import Forecast, Posture, Reason, Verdict
from exporter.model.report import Governs, Undecided
from lab.modes import OTHER_NAME
from lab.replication import ReplicationClient
from tests.live.primaries import EXPORTER_ROLE, Primaries
from tests.live.scenarios.stage import Stage, stage

pytestmark = pytest.mark.live

CERT = "hostssl replication r_doubt 127.0.0.0/8 cert\n"
MAPPED = "hostssl replication r_doubt 127.0.0.0/8 cert map=people\n"
RADIUS = "hostssl replication r_doubt 127.0.0.0/8 radius radiusservers=127.0.0.1 radiussecrets=x\n"
ROLES = "CREATE ROLE r_doubt LOGIN REPLICATION"


@pytest.fixture(scope="module", params=[13, 15, 18])
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, CERT, roles=ROLES) as started:
        yield started


@pytest.fixture
def on(shared: Stage) -> Stage:
    shared.restart_exporter()
    return shared


def connect(on: Stage) -> ReplicationClient:
    return ReplicationClient(on.primary.client_with_certificate("r_doubt"))


@pytest.mark.parametrize("address", ["nobody.invalid", ".nobody.invalid", "samehost", "samenet"])
@pytest.mark.parametrize(
    ("method", "posture", "reason"),
    [
        ("trust", Posture.CERTIFICATE_UNCONFIRMED, Reason.RULE_UNDECIDED),
        ("cert", Posture.CERTIFICATE_REQUIRED, None),
    ],
)
def test_a_rule_that_may_match_leaves_only_open_what_the_rules_disagree_on(
    on: Stage, address: str, method: str, posture: Posture, reason: Reason | None
) -> None:
    on.load_hba(f"hostssl replication r_doubt {address} {method}\n{CERT}")
    with connect(on) as client:
        connection = on.connection(client)
    assert isinstance(connection.rule_match, Undecided)
    assert [rule.location.line_number for rule in connection.rule_match.candidates] == [3, 4]
    assert not connection.rule_match.may_match_none
    assert connection.posture is posture
    assert connection.reasons == (() if reason is None else (reason,))
    assert (connection.verdict is Verdict.SECURE) == (reason is None)


def test_a_quoted_name_that_reads_like_a_keyword_is_not_one(on: Stage) -> None:
    on.load_hba(f'hostssl "replication" r_doubt 127.0.0.0/8 trust\n{CERT}')
    with connect(on) as client:
        connection = on.connection(client)
    # the server accepted it by the second rule, which requires its certificate
    assert isinstance(connection.rule_match, Governs)
    assert connection.rule_match.rule.location.line_number == 4
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.reasons == ()


def test_a_map_that_cannot_be_read_leaves_open_whose_certificate_is_required(on: Stage) -> None:
    server = on.primary.server
    server.write_ident(f"people {OTHER_NAME} r_doubt\n")
    on.load_hba(MAPPED)
    revoke = (
        f"REVOKE SELECT ON pg_ident_file_mappings FROM {EXPORTER_ROLE}"
        if server.major >= 15
        else f"REVOKE EXECUTE ON FUNCTION replication_cert_exporter.ident_mappings()"
        f" FROM {EXPORTER_ROLE}"
    )
    issued = on.primary.authority.issue(common_name=OTHER_NAME)
    parameters = on.primary.client_with_certificate(
        "r_doubt", sslcert=str(issued.certificate_path), sslkey=str(issued.key_path)
    )
    with ReplicationClient(parameters) as client:
        assert on.connection(client).posture is Posture.CERTIFICATE_REQUIRED
        server.sql(revoke)
        on.restart_exporter()
        connection = on.connection(client)
        server.sql(revoke.replace("REVOKE", "GRANT").replace("FROM", "TO"))
        assert on.connection(client).posture is Posture.CERTIFICATE_REQUIRED
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.verdict is Verdict.UNKNOWN
    assert connection.reasons == (Reason.MAP_UNREADABLE,)


def test_another_method_than_passwords_is_named_as_such(on: Stage) -> None:
    on.load_hba(CERT)
    with connect(on) as client:
        on.load_hba(RADIUS)
        connection = on.connection(client)
    assert isinstance(connection.rule_match, Governs)
    assert connection.posture is Posture.CERTIFICATE_OPTIONAL
    assert connection.verdict is Verdict.INSECURE
    assert connection.reasons == (Reason.RULE_USES_OTHER_METHOD,)


def test_rules_that_match_nothing_any_more_refuse_the_next_reconnect(on: Stage) -> None:
    on.load_hba("hostssl replication r_doubt 127.0.0.0/8 trust\n")
    with connect(on) as client:
        on.load_hba("hostssl replication r_doubt 10.0.0.0/8 trust\n")
        connection = on.connection(client)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.reasons == (Reason.RULES_WOULD_REFUSE,)
    assert connection.forecast is Forecast.REFUSED


def test_a_server_without_tls_is_the_reason_for_plaintext(primaries: Primaries) -> None:
    rules = "host replication r_doubt 127.0.0.0/8 trust\n"
    with (
        stage(primaries, 17, rules, roles=ROLES, tls=False) as on,
        ReplicationClient(on.primary.client("r_doubt")) as client,
    ):
        connection = on.connection(client)
    assert connection.posture is Posture.PLAINTEXT
    assert set(connection.reasons) == {
        Reason.SERVER_TLS_OFF,
        Reason.RULE_TRUSTS,
        Reason.RULE_ALLOWS_PLAINTEXT,
    }


def test_a_server_without_an_authority_asks_for_no_certificate(primaries: Primaries) -> None:
    rules = "hostssl replication r_doubt 127.0.0.0/8 trust\n"
    with (
        stage(primaries, 17, rules, roles=ROLES, settings={"ssl_ca_file": ""}) as on,
        connect(on) as client,
    ):
        connection = on.connection(client)
    assert connection.posture is Posture.TLS_WITHOUT_CERTIFICATE
    assert connection.reasons == (Reason.SERVER_REQUESTS_NO_CERTIFICATE, Reason.RULE_TRUSTS)


def test_a_tls_line_on_a_server_without_tls_does_not_block_loading(primaries: Primaries) -> None:
    with stage(primaries, 17, CERT, roles=ROLES, tls=False) as on:
        report = on.poll()
    assert report.rules is not None
    assert [e.blocks_loading for e in report.rules.error_lines] == [False]
    assert report.rules.state.value == "loaded"
