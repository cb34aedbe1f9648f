"""What a faultless configuration becomes."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from exporter.config import ConfigurationError, Fault, load
from exporter.model.policy import Exemption, Policy, Requirement, TlsVersion
from exporter.model.target import Target
from tests.unit.config.conftest import Loaded

SMALLEST = "targets: [{name: db1, host: h}]\n"
LAB = "{name: lab, reason: a lab, until: never, roles: [r]}"
OFFICE = "{name: office, reason: the wall, until: 2027-01-31, networks: [10.0.0.0/8, '::1']}"


def _only(loaded: Loaded, text: str) -> Target:
    (target,) = loaded(text).targets
    return target


def test_the_smallest_configuration_has_every_default(loaded: Loaded) -> None:
    assert _only(loaded, SMALLEST) == Target(
        name="db1",
        parameters={"host": "h", "dbname": "postgres"},
        password=None,
        labels={},
        cluster_name="",
        interval_seconds=60.0,
        timeout_seconds=10.0,
        policy=Policy(
            require=Requirement.CERTIFICATE,
            minimum_tls_version=TlsVersion.TLS_1_2,
            exempt_loopback=True,
            exemptions=(),
        ),
    )


def test_labels_and_the_cluster_are_taken(loaded: Loaded) -> None:
    text = (
        "targets:\n- name: db1\n  host: h\n  cluster_name: main\n"
        '  labels: {env: prod, rack: 012, version: 1.10, country: no, empty: ""}\n'
    )
    target = _only(loaded, text)
    assert target.cluster_name == "main"
    assert target.labels == {
        "env": "prod",
        "rack": "012",
        "version": "1.10",
        "country": "no",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1s", 1.0),
        ("1000ms", 1.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("1h30m", 5_400.0),
        ("1m30s500ms", 90.5),
        ("24h", 86_400.0),
        ("1d", 86_400.0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(loaded: Loaded, written: str, seconds: float) -> None:
    text = f"targets: [{{name: db1, host: h, interval: {written}, timeout: 200ms}}]\n"
    target = _only(loaded, text)
    assert target.interval_seconds == seconds
    assert target.timeout_seconds == pytest.approx(0.2)


def test_a_target_takes_precedence_over_the_defaults(loaded: Loaded) -> None:
    text = (
        "defaults: {interval: 30s, timeout: 5s}\n"
        "targets:\n- {name: a, host: h}\n- {name: b, host: h, interval: 6s}\n"
        "- {name: c, host: h, timeout: 30s}\n- {name: d, host: h, interval: 2m, timeout: 1m}\n"
    )
    times = [(t.interval_seconds, t.timeout_seconds) for t in loaded(text).targets]
    assert times == [(30.0, 5.0), (6.0, 5.0), (30.0, 30.0), (120.0, 60.0)]


def test_a_policy_takes_precedence_over_the_defaults_key_by_key(loaded: Loaded) -> None:
    text = (
        "defaults:\n  policy: {require: tls, min_tls_version: TLSv1.3, exempt_loopback: false}\n"
        "targets:\n- {name: a, host: h}\n- {name: b, host: h, policy: {require: certificate}}\n"
        "- {name: c, host: h, policy: {min_tls_version: TLSv1}}\n"
        "- {name: d, host: h, policy: {exempt_loopback: true}}\n"
    )
    policies = [target.policy for target in loaded(text).targets]
    assert [
        (policy.require, policy.minimum_tls_version, policy.exempt_loopback) for policy in policies
    ] == [
        (Requirement.TLS, TlsVersion.TLS_1_3, False),
        (Requirement.CERTIFICATE, TlsVersion.TLS_1_3, False),
        (Requirement.TLS, TlsVersion.TLS_1_0, False),
        (Requirement.TLS, TlsVersion.TLS_1_3, True),
    ]


def test_the_exemptions_of_the_defaults_and_of_a_target_both_hold(loaded: Loaded) -> None:
    text = (
        f"defaults: {{policy: {{exemptions: [{LAB}]}}}}\n"
        f"targets:\n- name: a\n  host: h\n  policy: {{exemptions: [{OFFICE}]}}\n"
        "- {name: b, host: h}\n"
    )
    both, only_default = (target.policy.exemptions for target in loaded(text).targets)
    assert [exemption.name for exemption in both] == ["lab", "office"]
    assert [exemption.name for exemption in only_default] == ["lab"]


def test_an_exemption_has_its_criteria(loaded: Loaded) -> None:
    exemption = (
        "{name: x, reason: old, until: never, roles: [r, s], networks: [10.1.2.3, 2001:db8::/32],"
        " application_names: [backup]}"
    )
    text = f"targets: [{{name: a, host: h, policy: {{exemptions: [{exemption}]}}}}]\n"
    assert _only(loaded, text).policy.exemptions == (
        Exemption(
            name="x",
            reason="old",
            until=None,
            roles=frozenset({"r", "s"}),
            networks=(ip_network("10.1.2.3/32"), ip_network("2001:db8::/32")),
            application_names=frozenset({"backup"}),
        ),
    )


def test_an_exemption_holds_to_the_end_of_its_day_in_utc(loaded: Loaded) -> None:
    text = f"targets: [{{name: a, host: h, policy: {{exemptions: [{OFFICE}]}}}}]\n"
    (exemption,) = _only(loaded, text).policy.exemptions
    assert exemption.until == datetime(2027, 2, 1, tzinfo=UTC)
    assert exemption.until.utcoffset() == timedelta(0)


def test_an_expired_exemption_is_not_a_fault(loaded: Loaded) -> None:
    past = OFFICE.replace("2027-01-31", "2020-02-29")
    text = f"targets: [{{name: a, host: h, policy: {{exemptions: [{past}]}}}}]\n"
    (exemption,) = _only(loaded, text).policy.exemptions
    assert exemption.until == datetime(2020, 3, 1, tzinfo=UTC)


def test_one_list_of_exemptions_can_be_used_twice(loaded: Loaded) -> None:
    text = (
        f"targets:\n- name: a\n  host: h\n  policy: &policy {{exemptions: [{LAB}]}}\n"
        "- name: b\n  host: h\n  policy: *policy\n"
    )
    first, second = loaded(text).targets
    assert first.policy == second.policy


def test_targets_keep_their_order(loaded: Loaded) -> None:
    text = "targets:\n" + "".join(f"- {{name: db{n}, host: h}}\n" for n in (3, 1, 2))
    assert [target.name for target in loaded(text).targets] == ["db3", "db1", "db2"]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "none.yml")
    assert raised.value.faults == (
        Fault(tmp_path / "none.yml", 0, "cannot be read: No such file or directory"),
    )


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a directory, not a regular file"):
        load(tmp_path)


def test_a_file_name_with_a_line_break_is_reported_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "a\nb.yml").write_text("a: b: c\n")
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "a\nb.yml")
    assert "a\\nb.yml:1: not valid YAML" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
