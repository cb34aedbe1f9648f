"""How the served certificate is looked at: defaults, what overrides them, and every fault."""

from pathlib import Path

import pytest

from exporter.model.served import ServedCertificateCheck
from tests.unit.config.conftest import FaultsOf, Loaded

TARGET = "targets:\n- name: db1\n  host: db1.example\n"


def _check(loaded: Loaded, text: str) -> ServedCertificateCheck | None:
    (target,) = loaded(text).targets
    return target.served_certificate


def test_it_is_checked_every_five_minutes_unless_configured_otherwise(loaded: Loaded) -> None:
    assert _check(loaded, TARGET) == ServedCertificateCheck(
        interval_seconds=300.0, host=None, authority_file=None, direct_tls=False
    )


def test_a_target_s_keys_stand_over_the_defaults_one_by_one(loaded: Loaded, folder: Path) -> None:
    text = (
        "defaults:\n  served_certificate: {interval: 10m, host: a.example, authority: root.crt}\n"
        + TARGET
        + "  served_certificate: {host: b.example, direct_tls: true}\n"
    )
    assert _check(loaded, text) == ServedCertificateCheck(
        interval_seconds=600.0,
        host="b.example",
        authority_file=str(folder / "root.crt"),
        direct_tls=True,
    )


@pytest.mark.parametrize(
    ("defaults", "own", "looks"),
    [
        ("check: false", "", False),
        ("check: false", "check: true", True),
        ("check: true", "check: false", False),
        ("interval: 1m", "", True),
    ],
)
def test_it_can_be_switched_off(loaded: Loaded, defaults: str, own: str, *, looks: bool) -> None:
    text = f"defaults:\n  served_certificate: {{{defaults}}}\n{TARGET}"
    found = _check(loaded, f"{text}  served_certificate: {{{own}}}\n")
    assert (found is not None) is looks


@pytest.mark.parametrize("authority", ["root.crt", "system"])
@pytest.mark.parametrize("how", ["key", "conninfo"])
def test_whom_the_exporter_trusts_the_standbys_may_trust(
    loaded: Loaded, folder: Path, authority: str, how: str
) -> None:
    text = f"{TARGET}  sslmode: verify-full\n  sslrootcert: {authority}\n"
    if how == "conninfo":
        login = f"host=db1.example sslmode=verify-full sslrootcert={authority}"
        text = f"targets:\n- name: db1\n  conninfo: {login}\n"
    expected = authority if authority == "system" else str(folder / authority)
    found = _check(loaded, text)
    assert found is not None
    assert found.authority_file == expected


def test_a_configured_authority_stands_over_the_exporter_s_own(
    loaded: Loaded, folder: Path
) -> None:
    text = f"{TARGET}  sslmode: verify-full\n  sslrootcert: client.crt\n"
    found = _check(loaded, f"{text}  served_certificate:\n    authority: root.crt\n")
    assert found is not None
    assert found.authority_file == str(folder / "root.crt")


@pytest.mark.parametrize(("own", "direct"), [("", True), ("direct_tls: false", False)])
def test_direct_tls_follows_the_exporter_s_own_login(
    loaded: Loaded, own: str, *, direct: bool
) -> None:
    text = f"{TARGET}  sslmode: require\n  parameters:\n    sslnegotiation: direct\n"
    found = _check(loaded, f"{text}  served_certificate: {{{own}}}\n")
    assert found is not None
    assert found.direct_tls is direct


FAULTS = {
    "check: maybe": "check: must be true or false",
    "interval: 5": 'interval: must be a number and a unit, such as "30s" or "5m": the unit is'
    " missing",
    "interval: 10ms": 'interval: must be at least "1s"',
    "host: a.example,b.example": "host: must be one host name or IP address",
    "host: /run/postgresql": "host: must be one host name or IP address",
    "authority: nowhere.crt": "authority: cannot be read: No such file or directory",
    "authority: .": "authority: is a directory, not a regular file",
    "direct_tls: 17": "direct_tls: must be true or false",
    "authorities: root.crt": "authorities: is not a key here: did you mean authority?",
}


@pytest.mark.parametrize("given", FAULTS)
def test_a_fault_is_reported_with_its_place(faults_of: FaultsOf, given: str) -> None:
    text = f"{TARGET}  served_certificate:\n    {given}\n"
    assert faults_of(text) == [f"config.yml:5: targets.0.served_certificate.{FAULTS[given]}"]
    text = f"defaults:\n  served_certificate:\n    {given}\n{TARGET}"
    assert faults_of(text) == [f"config.yml:3: defaults.served_certificate.{FAULTS[given]}"]


def test_all_faults_are_reported_at_once(faults_of: FaultsOf) -> None:
    text = f"{TARGET}  served_certificate:\n    host: a b\n    check: 1\n    interval: x\n"
    assert [line.split(": ")[1].rsplit(".")[-1] for line in faults_of(text)] == [
        "host",
        "check",
        "interval",
    ]


def test_a_value_that_is_not_a_mapping_is_reported(faults_of: FaultsOf) -> None:
    (fault,) = faults_of(f"{TARGET}  served_certificate: []\n")
    assert fault.endswith("served_certificate: must be a mapping of keys to values")
