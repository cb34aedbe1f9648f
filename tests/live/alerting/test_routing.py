"""The routing example in a real Alertmanager: who is notified, and what a worse alert silences."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.monitoring import NEWEST, Api, Suite, Webhook, alertmanager
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


@dataclass(frozen=True, slots=True)
class Router:
    """A running Alertmanager, and where it sends to."""

    api: Api
    webhook: Webhook

    def states(self, *alerts: dict[str, Any]) -> list[str]:
        """What it makes of each, such as ``active``."""
        found = {key(one): one["status"]["state"] for one in self.api.get("/api/v2/alerts")}
        return [found.get(key(one), "missing") for one in alerts]

    def notifications(self, path: str) -> list[str]:
        return [key(one) for one in self.webhook.alerts(path, "firing")]


def key(found: dict[str, Any]) -> str:
    labels = found["labels"]
    names = ("alertname", "severity", "target", "application_name")
    return " ".join(labels.get(name, "-") for name in names)


@contextlib.contextmanager
def routing(suite: Suite, directory: Path) -> Iterator[Router]:
    with (
        Webhook() as webhook,
        alertmanager(suite, directory, hurried.routing(webhook.port)) as api,
    ):
        yield Router(api, webhook)


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Suite], Router]]:
    """One Alertmanager of each suite for all tests that use targets of their own."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Router] = {}

        def router(suite: Suite) -> Router:
            if suite.name not in started:
                directory = tmp_path_factory.mktemp(suite.name)
                started[suite.name] = stack.enter_context(routing(suite, directory))
            return started[suite.name]

        yield router


@pytest.fixture
def router(suite: Suite, routers: Callable[[Suite], Router]) -> Router:
    return routers(suite)


PAIRS = [
    *((worse, lesser, "suppressed") for worse, lesser in INHIBITED),
    *((one, other, "active") for one, other in SIDE_BY_SIDE),
]


@pytest.mark.parametrize(
    "number", range(len(PAIRS)), ids=lambda n: " / ".join(map(key, PAIRS[n][:2]))
)
def test_a_lesser_alert_is_silenced_by_a_worse_one_on_the_same_thing(
    router: Router, number: int
) -> None:
    *pair, state = PAIRS[number]
    worse, lesser = (
        {"labels": one["labels"] | {"target": f"{one['labels']['target']}-{number}"}}
        for one in pair
    )
    router.api.post("/api/v2/alerts", [worse, lesser])
    until(
        lambda: router.states(worse, lesser) == ["active", state],
        WITHIN_SECONDS,
        f"{key(lesser)} to be {state}",
    )
    expected = {key(worse)} if state == "suppressed" else {key(worse), key(lesser)}

    def notified() -> set[str]:
        return {*router.notifications("/page"), *router.notifications("/tickets")} & {
            key(worse),
            key(lesser),
        }

    until(lambda: notified() >= expected, WITHIN_SECONDS, f"{expected} to be notified")
    assert notified() == expected


@pytest.mark.parametrize(
    ("severity", "path"), [("critical", "/page"), ("warning", "/tickets"), ("info", "/notes")]
)
def test_critical_pages_warning_makes_a_ticket_and_info_a_note(
    router: Router, severity: str, path: str
) -> None:
    sent = alert("Any", severity, {"target": severity})
    router.api.post("/api/v2/alerts", [sent])
    until(
        lambda: key(sent) in router.notifications(path), WITHIN_SECONDS, f"a notification at {path}"
    )
    for other in {"/page", "/tickets", "/notes"} - {path}:
        assert key(sent) not in router.notifications(other)


def test_all_alerts_of_one_target_come_in_one_notification(router: Router) -> None:
    target = {"target": "two-at-once"}
    both = [alert("NotEncrypted", "critical", standby | target) for standby in (S1, S2)]
    router.api.post("/api/v2/alerts", both)
    until(
        lambda: set(map(key, both)) <= set(router.notifications("/page")),
        WITHIN_SECONDS,
        "both on the pager",
    )
    groups = [
        len(group["alerts"])
        for group in router.api.get("/api/v2/alerts/groups")
        if group["receiver"]["name"] == "page" and group["labels"] == target
    ]
    assert groups == [2]


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


def test_the_newest_promtool_accepts_the_rules_and_their_unit_tests() -> None:
    unit_tests = sorted(map(str, EXAMPLE.parent.glob("tests/*.test.yml")))
    for arguments in (
        ("check", "rules", "--lint-fatal", str(prometheusrule.RULES)),
        ("test", "rules", *unit_tests),
    ):
        done = subprocess.run(
            [NEWEST.program("promtool"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
