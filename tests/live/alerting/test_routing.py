"""The routing example, with a real Alertmanager: who is told, and what a worse alert silences."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.monitoring import Api, Suite, Webhook, alertmanager
from lab.wait import until
from scripts import prometheusrule
from tests.live.alerting import hurried

pytestmark = pytest.mark.live

EXAMPLE = prometheusrule.RULES.with_name("alertmanager.example.yml")
WITHIN_SECONDS = 60.0
S1 = {"target": "db1", "usename": "repl", "application_name": "s1", "kind": "physical"}
S2 = S1 | {"application_name": "s2"}
DB1 = {"target": "db1"}
CERTIFICATE = DB1 | {"fingerprint": "00000000000000aa", "subject_cn": "db1"}


def alert(name: str, severity: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"labels": {"alertname": f"PgReplication{name}", "severity": severity, **labels}}


INHIBITED = [
    (alert("NotEncrypted", "critical", S1), alert("TlsTooOld", "warning", S1)),
    (alert("NotEncrypted", "critical", S1), alert("WithoutCertificate", "critical", S1)),
    (alert("Trusted", "critical", S1), alert("CertificateNotRequired", "warning", S1)),
    (alert("ReconnectRefused", "critical", S1), alert("ClientCertificateExpires", "critical", S1)),
    (
        alert("ServerCertificateExpires", "critical", CERTIFICATE),
        alert("ServerCertificateExpires", "warning", CERTIFICATE),
    ),
    (
        alert("RevocationListExpires", "critical", DB1 | {"issuer_cn": "Root"}),
        alert("RevocationListExpires", "warning", DB1 | {"issuer_cn": "Root"}),
    ),
    (alert("RulesRejected", "critical", DB1), alert("Unknown", "warning", DB1)),
    (alert("RulesNotLoaded", "warning", DB1), alert("Unknown", "warning", DB1)),
    (alert("TargetDown", "warning", DB1), alert("TargetBlind", "warning", DB1)),
    (alert("TargetDown", "warning", DB1), alert("PollsStale", "warning", DB1)),
    (alert("TargetBlind", "warning", DB1), alert("Unknown", "warning", DB1)),
    (alert("ExporterAbsent", "warning", {}), alert("TargetDown", "warning", DB1)),
]
SIDE_BY_SIDE = [
    (alert("NotEncrypted", "critical", S1), alert("WithoutCertificate", "warning", S2)),
    (alert("NotEncrypted", "critical", S1), alert("Trusted", "critical", S1)),
    (alert("ReconnectRefused", "critical", S1), alert("ClientCertificateExpires", "warning", S2)),
    (
        alert("ServerCertificateExpires", "critical", CERTIFICATE),
        alert("ServerCertificateExpires", "warning", CERTIFICATE | {"target": "db2"}),
    ),
    (alert("TargetDown", "warning", DB1), alert("NotEncrypted", "critical", S1)),
    (alert("TargetDown", "warning", DB1), alert("TargetBlind", "warning", {"target": "db2"})),
]


def states(api: Api) -> dict[str, str]:
    """What Alertmanager makes of each alert, by name, target and client."""
    return {
        key(found): found["status"]["state"]
        for found in api.get("/api/v2/alerts")
        if found["status"]["state"] != "unprocessed"
    }


def key(found: dict[str, Any]) -> str:
    labels = found["labels"]
    names = ("alertname", "severity", "target", "application_name")
    return " ".join(labels.get(name, "-") for name in names)


@pytest.mark.parametrize(
    ("worse", "lesser", "state"),
    [
        *((worse, lesser, "suppressed") for worse, lesser in INHIBITED),
        *((one, other, "active") for one, other in SIDE_BY_SIDE),
    ],
    ids=lambda part: key(part) if isinstance(part, dict) else part,
)
def test_a_lesser_alert_is_silent_beside_a_worse_one_on_the_same_thing(
    suite: Suite, tmp_path: Path, worse: dict[str, Any], lesser: dict[str, Any], state: str
) -> None:
    with (
        Webhook() as webhook,
        alertmanager(suite, tmp_path / "am", hurried.routing(webhook.port)) as api,
    ):
        api.post("/api/v2/alerts", [worse, lesser])
        until(
            lambda: states(api) == {key(worse): "active", key(lesser): state},
            WITHIN_SECONDS,
            f"{key(lesser)} to be {state}",
        )
        expected = {key(worse)} if state == "suppressed" else {key(worse), key(lesser)}
        until(lambda: notified(webhook) >= expected, WITHIN_SECONDS, f"{expected} to be told")
        assert notified(webhook) == expected


def notified(webhook: Webhook) -> set[str]:
    return {key(found) for path in ("/page", "/tickets") for found in told(webhook, path)}


def told(webhook: Webhook, path: str) -> list[dict[str, Any]]:
    return webhook.alerts(path, "firing")


def test_critical_pages_warning_makes_a_ticket_and_info_a_note(
    suite: Suite, tmp_path: Path
) -> None:
    with (
        Webhook() as webhook,
        alertmanager(suite, tmp_path / "am", hurried.routing(webhook.port)) as api,
    ):
        severities = {"/page": "critical", "/tickets": "warning", "/notes": "info"}
        sent = [alert("Any", s, {"target": s}) for s in severities.values()]
        api.post("/api/v2/alerts", sent)
        for path, severity in severities.items():
            until(lambda p=path: told(webhook, p), WITHIN_SECONDS, f"a notification at {path}")  # type: ignore[misc]
            assert {a["labels"]["severity"] for a in told(webhook, path)} == {severity}


def test_all_alerts_of_one_target_come_in_one_notification(suite: Suite, tmp_path: Path) -> None:
    with (
        Webhook() as webhook,
        alertmanager(suite, tmp_path / "am", hurried.routing(webhook.port)) as api,
    ):
        api.post("/api/v2/alerts", [alert("NotEncrypted", "critical", s) for s in (S1, S2)])
        until(lambda: len(told(webhook, "/page")) == 2, WITHIN_SECONDS, "both on the pager")
        (groups,) = [
            [
                g["labels"]
                for g in api.get("/api/v2/alerts/groups")
                if g["receiver"]["name"] == "page"
            ]
        ]
        assert groups == [DB1]


def test_amtool_finds_no_fault_and_the_same_receivers(suite: Suite) -> None:
    def amtool(*arguments: str) -> str:
        done = subprocess.run(
            [suite.program("amtool"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    assert "SUCCESS" in amtool("check-config", str(EXAMPLE))
    for severity, receiver in (("critical", "page"), ("warning", "tickets"), ("info", "notes")):
        labels = (f"severity={severity}", "alertname=PgReplicationAny", "target=db1")
        route = ("config", "routes", "test", f"--config.file={EXAMPLE}")
        assert amtool(*route, *labels) == receiver


def test_the_rules_and_their_unit_tests_hold(suite: Suite) -> None:
    unit_tests = sorted(map(str, EXAMPLE.parent.glob("tests/*.test.yml")))
    for arguments in (
        ("check", "rules", "--lint-fatal", str(prometheusrule.RULES)),
        ("test", "rules", *unit_tests),
    ):
        done = subprocess.run(
            [suite.program("promtool"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
