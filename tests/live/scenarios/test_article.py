"""The three examples of the article that this project began with, on a real server.

"PostgreSQL Replication Security" advice in the wild: `trust` for the replication user, a `cert`
rule on a `host` line, and a standby that verifies with sslmode=verify-ca.
"""

from collections.abc import Iterator

import pytest

from exporter.model.judgement import HbaState, Posture, Reason, Verdict
from exporter.model.remedy import Step
from exporter.model.report import Governs, TargetReport
from exporter.publish.terminal.explain import explain_text
from lab.replication import ReplicationClient
from lab.server import PostgresServer
from tests.live.primaries import MAJORS, Primaries
from tests.live.scenarios.stage import Stage, connections_of, stage
from tests.steps import lines

pytestmark = pytest.mark.live

ADDRESS = "127.0.0.1/32"
ROLE = "CREATE ROLE replicationuser LOGIN REPLICATION"
RIGHT_LINE = f"hostssl replication replicationuser {ADDRESS} cert"
TRUST_RULES = f"host all all 0.0.0.0/0 trust\nhost replication replicationuser {ADDRESS} trust\n"
REFUSED_RULES = f"host all all 127.0.0.1/32 peer\nhost replication replicationuser {ADDRESS} cert\n"


@pytest.fixture(scope="module", params=MAJORS)
def article(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, TRUST_RULES) as staged:
        staged.primary.server.sql(ROLE)
        yield staged


def _explained(staged: Stage) -> str:
    return explain_text(staged.board.record(staged.target.name), colour=False)


def _lines(steps: tuple[Step, ...]) -> list[str]:
    return [line for step in steps for line in lines(step)]


def _set(staged: Stage, rules: str) -> PostgresServer:
    staged.load_hba(rules)
    staged.restart_exporter()
    return staged.primary.server


@pytest.mark.parametrize(
    ("sslmode", "posture"),
    [("disable", Posture.PLAINTEXT), ("verify-ca", Posture.CERTIFICATE_OPTIONAL)],
)
def test_example_1_trust_lets_everybody_in_though_certificates_are_there(
    article: Stage, sslmode: str, posture: Posture
) -> None:
    _set(article, TRUST_RULES)
    parameters = article.primary.client_with_certificate("replicationuser", sslmode=sslmode)
    with ReplicationClient(parameters) as client:
        connection = article.connection(client)
    assert connection.posture is posture
    assert connection.verdict is Verdict.INSECURE
    assert Reason.RULE_TRUSTS in connection.reasons
    assert isinstance(connection.rule_match, Governs)
    # "all" does not cover replication: the second line of the article governs, not the first
    assert connection.rule_match.rule.location.line_number == 4
    assert f"+ {RIGHT_LINE}" in _lines(connection.remedy)
    assert RIGHT_LINE in _explained(article)


def test_example_2_both_lines_are_refused_and_reported_by_number(article: Stage) -> None:
    _set(article, TRUST_RULES)
    parameters = article.primary.client_with_certificate("replicationuser")
    with ReplicationClient(parameters):
        before = article.poll()
        article.load_hba(REFUSED_RULES)
        report = article.poll()
        _is_rejected(report)
        assert report.rules is not None
        assert RIGHT_LINE in _lines(report.rules.remedy)
        assert "local all all peer" in _lines(report.rules.remedy)
        # what is in force is known from the poll before: the old rules, under which it is optional
        assert [c.posture for c in connections_of(report)] == [Posture.CERTIFICATE_OPTIONAL]
        assert [c.rule_match for c in connections_of(report)] == [
            c.rule_match for c in connections_of(before)
        ]
    explained = _explained(article)
    assert "rejected" in explained
    assert "older rules are in force" in " ".join(explained.split())
    assert RIGHT_LINE in explained


def test_example_2_without_knowledge_of_the_rules_in_force_nothing_is_guessed(
    article: Stage,
) -> None:
    _set(article, TRUST_RULES)
    parameters = article.primary.client_with_certificate("replicationuser")
    with ReplicationClient(parameters) as client:
        article.load_hba(REFUSED_RULES)
        article.restart_exporter()
        _is_rejected(article.poll())
        connection = article.connection(client)
    assert connection.posture is Posture.CERTIFICATE_UNCONFIRMED
    assert connection.verdict is Verdict.UNKNOWN
    assert connection.reasons == (Reason.RULES_REJECTED,)


def test_example_2_the_server_really_refuses_the_file(article: Stage) -> None:
    server = _set(article, TRUST_RULES)
    offset = server.log_size()
    article.load_hba(REFUSED_RULES)
    assert "pg_hba.conf" in server.log_since(offset)
    assert "was not reloaded" in server.log_since(offset)


def test_example_2_the_lines_shown_are_accepted_by_the_server(article: Stage) -> None:
    _set(article, TRUST_RULES)
    parameters = article.primary.client_with_certificate("replicationuser")
    with ReplicationClient(parameters):
        article.load_hba(REFUSED_RULES)
        report = article.poll()
        assert report.rules is not None
        corrected = [lines(step)[0] for step in report.rules.remedy[:2]]
        article.load_hba("".join(f"{line}\n" for line in corrected))
        assert article.hba_state() is HbaState.LOADED
    with ReplicationClient(parameters) as client:
        assert article.connection(client).posture is Posture.CERTIFICATE_REQUIRED


def test_example_3_verify_ca_with_a_certificate_works_against_a_certificate_rule(
    article: Stage,
) -> None:
    _set(article, f"{RIGHT_LINE}\n")
    parameters = article.primary.client_with_certificate("replicationuser", sslmode="verify-ca")
    with ReplicationClient(parameters) as client:
        connection = article.connection(client)
    assert connection.posture is Posture.CERTIFICATE_REQUIRED
    assert connection.verdict is Verdict.SECURE
    assert connection.reasons == ()
    assert connection.remedy == ()


def _is_rejected(report: TargetReport) -> None:
    assert report.rules is not None
    assert report.rules.state is HbaState.REJECTED
    messages = {e.location.line_number: e.message for e in report.rules.error_lines}
    assert messages == {
        3: "peer authentication is only supported on local sockets",
        4: "cert authentication is only supported on hostssl connections",
    }
    assert all(e.blocks_loading for e in report.rules.error_lines)
