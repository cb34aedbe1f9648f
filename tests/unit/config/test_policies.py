"""Policies and exemptions: the exact words for every fault."""

import pytest

from tests.unit.config.conftest import FaultsOf

TARGET = "targets:\n- name: db1\n  host: db1.example\n"
TEXT = "must be text (true, false and null need quotes)"
EXEMPTION = TARGET + "  policy:\n    exemptions:\n    - name: lab\n      reason: a lab\n"
NETWORK = 'must be an IP address or network, such as "10.1.0.0/16" or "2001:db8::/32"'
UNTIL = 'must be a date, such as "2027-01-31", or never'
NO_CRITERION = (
    "config.yml:6: targets.0.policy.exemptions.0: names neither roles nor networks: one of them is"
    " needed, because an application name alone is the client's to choose"
)

POLICIES = {
    "require: mtls": "require: must be certificate, certificate_chain or tls",
    "require: true": "require: must be certificate, certificate_chain or tls",
    "min_tls_version: 1.2": "min_tls_version: must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3",
    "exemptions: {}": "exemptions: must be a list",
    "exemption: []": "exemption: is not a key here: did you mean exemptions?",
    "exemptions: [a]": "exemptions.0: must be a mapping of keys to values",
}

EXEMPTIONS = {
    "no end": ("roles: [r]", ["config.yml:6: targets.0.policy.exemptions.0.until: is missing"]),
    "no criterion": ("until: never", [NO_CRITERION]),
    "an application name alone": ("until: never\n      application_names: [a]", [NO_CRITERION]),
    "an empty list of roles": (
        "until: never\n      roles: []",
        [
            (
                "config.yml:9: targets.0.policy.exemptions.0.roles: must not be empty: name at"
                " least one, or leave the key out"
            )
        ],
    ),
    "roles that are no list": (
        "until: never\n      roles: r",
        ["config.yml:9: targets.0.policy.exemptions.0.roles: must be a list"],
    ),
    "a role that is no text": (
        "until: never\n      roles: [r, true]",
        [f"config.yml:9: targets.0.policy.exemptions.0.roles.1: {TEXT}"],
    ),
    "a network with bits behind its mask": (
        "until: never\n      networks: [10.1.2.3/8]",
        [
            (
                "config.yml:9: targets.0.policy.exemptions.0.networks.0: has address bits behind"
                " its mask: write 10.0.0.0/8"
            )
        ],
    ),
    "a network that is a name": (
        "until: never\n      networks: [10.0.0.0/8, lab.example]",
        [f"config.yml:9: targets.0.policy.exemptions.0.networks.1: {NETWORK}"],
    ),
    "a network with a zone": (
        "until: never\n      networks: ['fe80::1%eth0']",
        [f"config.yml:9: targets.0.policy.exemptions.0.networks.0: {NETWORK}"],
    ),
    "an unknown key": (
        "until: never\n      roles: [r]\n      role: r",
        [
            (
                "config.yml:10: targets.0.policy.exemptions.0.role: is not a key here: did you mean"
                " roles?"
            )
        ],
    ),
}

ENDS = {
    "tomorrow": UNTIL,
    "2027-1-31": UNTIL,
    "20270131": UNTIL,
    "2027-01-31T00:00:00Z": UNTIL,
    "Never": UNTIL,
    "true": UNTIL,
    "2027-02-29": f"{UNTIL}: this day does not exist",
    "9999-12-31": f"{UNTIL}: this day does not exist",
}


@pytest.mark.parametrize(("policy", "expected"), POLICIES.items(), ids=POLICIES)
def test_a_fault_of_a_policy_is_reported(faults_of: FaultsOf, policy: str, expected: str) -> None:
    assert faults_of(f"{TARGET}  policy:\n    {policy}\n") == [
        f"config.yml:5: targets.0.policy.{expected}"
    ]


@pytest.mark.parametrize(("text", "expected"), EXEMPTIONS.values(), ids=EXEMPTIONS)
def test_a_fault_of_an_exemption_is_reported(
    faults_of: FaultsOf, text: str, expected: list[str]
) -> None:
    found = faults_of(f"{EXEMPTION}      {text}\n")
    assert found[:1] == expected


@pytest.mark.parametrize(("until", "expected"), ENDS.items(), ids=ENDS)
def test_invalid_ends_are_reported(faults_of: FaultsOf, until: str, expected: str) -> None:
    assert faults_of(f"{EXEMPTION}      roles: [r]\n      until: {until}\n") == [
        f"config.yml:9: targets.0.policy.exemptions.0.until: {expected}"
    ]


def test_an_exemption_of_the_built_in_name_is_refused(faults_of: FaultsOf) -> None:
    text = EXEMPTION.replace("lab\n", "loopback\n", 1) + "      roles: [r]\n      until: never\n"
    assert faults_of(text) == [
        (
            "config.yml:6: targets.0.policy.exemptions.0.name: is the name of the built-in"
            " exemption: choose another, or set exempt_loopback"
        )
    ]


def test_an_exemption_given_in_the_defaults_and_in_a_target_is_refused(faults_of: FaultsOf) -> None:
    one = "{name: lab, reason: a lab, until: never, roles: [r]}"
    exemptions = f"exemptions: [{one}]\n"
    text = f"defaults:\n  policy:\n    {exemptions}{TARGET}  policy:\n    {exemptions}"
    assert faults_of(text) == [
        (
            "config.yml:8: targets.0.policy.exemptions.0.name: is the name of an exemption above or"
            " in defaults"
        )
    ]


def test_exemptions_without_a_valid_name_are_not_reported_as_repeated(faults_of: FaultsOf) -> None:
    one = "{reason: a lab, until: never, roles: [r]}"
    exemptions = f"exemptions: [{one}]\n"
    text = f"defaults:\n  policy:\n    {exemptions}{TARGET}  policy:\n    {exemptions}"
    assert faults_of(text) == [
        "config.yml:3: defaults.policy.exemptions.0.name: is missing",
        "config.yml:8: targets.0.policy.exemptions.0.name: is missing",
    ]
