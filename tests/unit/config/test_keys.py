"""Keys, shapes and single values: the exact words for every fault."""

import pytest

from exporter.config.shape import Shape
from exporter.config.shapes import ConfigurationShape, DefaultsShape, TargetShape
from tests.unit.config.conftest import FaultsOf

TARGET = "targets:\n- name: db1\n  host: db1.example\n"
TEXT = "must be text (true, false and null need quotes)"
DURATION = 'must be a number and a unit, such as "30s" or "5m"'


def _listed(shape: type[Shape]) -> str:
    *keys, last = shape.model_fields
    return f"{', '.join(keys)} and {last}"


TARGET_KEYS = _listed(TargetShape)
TOP_KEYS = _listed(ConfigurationShape)

AT_THE_TOP = {
    "no target": (
        "targets: []\n",
        ["config.yml:1: targets: no target is configured: write at least one"],
    ),
    "no targets key": (
        "defaults: {}\n",
        ["config.yml:1: targets: no target is configured: write at least one"],
    ),
    "an empty file": ("", ["config.yml:1: is empty"]),
    "only comments": ("# nothing\n", ["config.yml:1: is empty"]),
    "a list": ("- targets\n", ["config.yml:1: must be a mapping of keys to values"]),
    "a text": ("targets\n", ["config.yml:1: must be a mapping of keys to values"]),
    "targets as a mapping": ("targets: {a: b}\n", ["config.yml:1: targets: must be a list"]),
    "targets without a value": (
        "targets:\n",
        ["config.yml:1: targets: has no value: write one, or leave the key out"],
    ),
    "an unknown key": (
        TARGET + "target: x\n",
        ["config.yml:4: target: is not a key here: did you mean targets?"],
    ),
    "a key like no other": (
        TARGET + "scrape: x\n",
        ["config.yml:4: ?: is not a key here: there are " + TOP_KEYS],
    ),
    "a libpq keyword out of place": (
        TARGET + "gssencmode: x\n",
        [f"config.yml:4: gssencmode: is not a key here: there are {TOP_KEYS}"],
    ),
    "a key in other letters": (
        TARGET + "Targets: x\n",
        ["config.yml:4: ?: is not a key here: did you mean targets?"],
    ),
    "a key with blanks": (
        TARGET + '"default ": x\n',
        ["config.yml:4: ?: is not a key here: did you mean defaults?"],
    ),
    "a password behind a key without its colon": (
        TARGET + '"password hunter2": x\n',
        [
            f"config.yml:4: ?: is not a key here: there are {TOP_KEYS}",
        ],
    ),
}

IN_DEFAULTS = {
    "a list": ("defaults: [a]\n", "config.yml:1: defaults: must be a mapping of keys to values"),
    "an unknown key": (
        "defaults:\n  intervall: 5s\n",
        "config.yml:2: defaults.intervall: is not a key here: did you mean interval?",
    ),
    "a key of a target": (
        "defaults:\n  user: x\n",
        f"config.yml:2: defaults.user: is not a key here: there are {_listed(DefaultsShape)}",
    ),
    "a time-out longer than the interval": (
        "defaults:\n  timeout: 61s\n",
        "config.yml:2: defaults.timeout: must not be longer than the interval, which is 60s",
    ),
    "an interval shorter than the time-out": (
        "defaults:\n  interval: 5s\n",
        (
            "config.yml:2: defaults.interval: must not be shorter than the timeout, which is 10s:"
            " write both"
        ),
    ),
    "a policy of the wrong kind": (
        "defaults:\n  policy: tls\n",
        "config.yml:2: defaults.policy: must be a mapping of keys to values",
    ),
}

DURATIONS = {
    "60": f"{DURATION}: the unit is missing",
    "1.5s": DURATION,
    "-5s": DURATION,
    "5 s": DURATION,
    "5S": DURATION,
    "s": DURATION,
    "1:30": DURATION,
    "30s5m": DURATION,
    '""': DURATION,
    "true": DURATION,
    "[5s]": DURATION,
    "0s": "must be more than 0",
    "999ms": 'must be at least "1s"',
    "25h": 'must be at most "1d"',
    "999999999d": 'must be at most "1d"',
    "99999999999999999999s": DURATION,
    "": "has no value: write one, or leave the key out",
    "~": "has no value: write one, or leave the key out",
}

TARGETS = {
    "a text": (
        "targets:\n- db1\n",
        ["config.yml:2: targets.0: must be a mapping of keys to values"],
    ),
    "no name": ("targets:\n- host: db1\n", ["config.yml:2: targets.0.name: is missing"]),
    "an empty name": (
        'targets:\n- host: db1\n  name: ""\n',
        ["config.yml:3: targets.0.name: must not be empty"],
    ),
    "a name with a line break": (
        'targets:\n- host: db1\n  name: "a\\nb"\n',
        ["config.yml:3: targets.0.name: must not hold control characters"],
    ),
    "a name that ends in a blank": (
        'targets:\n- host: db1\n  name: "db1 "\n',
        ["config.yml:3: targets.0.name: must not begin or end with a blank"],
    ),
    "a name of 129 characters": (
        f"targets:\n- host: db1\n  name: {'x' * 129}\n",
        ["config.yml:3: targets.0.name: must be at most 128 characters long"],
    ),
    "a name that is no text": (
        "targets:\n- host: db1\n  name: true\n",
        [f"config.yml:3: targets.0.name: {TEXT}"],
    ),
    "an unknown key": (
        TARGET + "  timout: 5s\n",
        ["config.yml:4: targets.0.timout: is not a key here: did you mean timeout?"],
    ),
    "a key like no other": (
        TARGET + "  colour: red\n",
        [f"config.yml:4: targets.0.?: is not a key here: there are {TARGET_KEYS}"],
    ),
    "two of one name": (
        TARGET + "- host: db2\n  name: db1\n",
        [
            (
                "config.yml:5: targets.1.name: is taken by targets.0 in config.yml:2: every target"
                " needs its own name"
            )
        ],
    ),
    "a time-out longer than its interval": (
        TARGET + "  timeout: 2m\n",
        ["config.yml:4: targets.0.timeout: must not be longer than the interval, which is 60s"],
    ),
    "an interval shorter than the time-out": (
        TARGET + "  interval: 5s\n",
        [
            (
                "config.yml:4: targets.0.interval: must not be shorter than the timeout, which is"
                " 10s: write both"
            )
        ],
    ),
    "labels as a list": (
        TARGET + "  labels: [a]\n",
        ["config.yml:4: targets.0.labels: must be a mapping of keys to values"],
    ),
    "no yes and no": (
        TARGET + "  policy:\n    exempt_loopback: no\n",
        ["config.yml:5: targets.0.policy.exempt_loopback: must be true or false"],
    ),
    "quoted true": (
        TARGET + '  policy:\n    exempt_loopback: "true"\n',
        ["config.yml:5: targets.0.policy.exempt_loopback: must be true or false"],
    ),
    "capital true": (
        TARGET + "  policy:\n    exempt_loopback: True\n",
        ["config.yml:5: targets.0.policy.exempt_loopback: must be true or false"],
    ),
}

LABELS = {
    "1a: x": "?: is not a label name: write letters, digits and underscores, no digit at its"
    " beginning",
    "a-b: x": "a-b: is not a label name: write letters, digits and underscores, no digit at its"
    " beginning",
    "ä: x": "?: is not a label name: write letters, digits and underscores, no digit at its"
    " beginning",
    "__x: y": '__x: is reserved: label names that begin with "__" are Prometheus\'s own',
    "target: x": "target: is a label with a meaning of its own: choose another name",
    "cluster_name: x": "cluster_name: is a label with a meaning of its own: choose another name",
    "le: x": "le: is a label with a meaning of its own: choose another name",
    "instance: x": "instance: is a label with a meaning of its own: choose another name",
    "a: true": f"a: {TEXT}",
    'a: "x\\ty"': "a: must not hold control characters",
}


@pytest.mark.parametrize(("text", "expected"), AT_THE_TOP.values(), ids=AT_THE_TOP)
def test_a_fault_at_the_top_is_reported(
    faults_of: FaultsOf, text: str, expected: list[str]
) -> None:
    assert faults_of(text) == expected


@pytest.mark.parametrize(("text", "expected"), IN_DEFAULTS.values(), ids=IN_DEFAULTS)
def test_a_fault_in_the_defaults_is_reported_once(
    faults_of: FaultsOf, text: str, expected: str
) -> None:
    assert faults_of(text + TARGET + "- name: db2\n  host: db2\n") == [expected]


@pytest.mark.parametrize(("value", "expected"), DURATIONS.items(), ids=DURATIONS)
def test_invalid_durations_are_reported(faults_of: FaultsOf, value: str, expected: str) -> None:
    assert faults_of(f"{TARGET}  interval: {value}\n") == [
        f"config.yml:4: targets.0.interval: {expected}"
    ]


@pytest.mark.parametrize(("text", "expected"), TARGETS.values(), ids=TARGETS)
def test_a_fault_of_a_target_is_reported(
    faults_of: FaultsOf, text: str, expected: list[str]
) -> None:
    assert faults_of(text) == expected


@pytest.mark.parametrize(("label", "expected"), LABELS.items(), ids=LABELS)
def test_what_cannot_be_a_label_is_reported(faults_of: FaultsOf, label: str, expected: str) -> None:
    assert faults_of(f"{TARGET}  labels:\n    {label}\n") == [
        f"config.yml:5: targets.0.labels.{expected}"
    ]


@pytest.mark.parametrize(
    "stray",
    [
        "labels: {hunter2}",
        "policy: {require hunter2}",
        "{hunter2}: x",
        "hunter2",
        "a: {hunter2, hunter2}",
        "hunter2: x",
        "parameters: {hunter2: x}",
        "policy: {hunter2: {require: x}}",
        "hunter2: {a: 1, a: 2}",
        "a: {hunter2: 1, hunter2: 2}",
        "password_file: {hunter2: x}",
        "conninfo: {hunter2: x}",
        "user: {hunter2: !x y}",
    ],
)
def test_text_that_became_a_key_by_a_missing_colon_is_not_shown(
    faults_of: FaultsOf, stray: str
) -> None:
    faults = faults_of(f"{TARGET}- {{name: db2, host: h, {stray}}}\n")
    assert faults
    assert "hunter2" not in "".join(faults)


def test_all_faults_are_reported_at_once_in_the_order_of_their_lines(faults_of: FaultsOf) -> None:
    text = (
        "defaults:\n  interval: 60\n  polcy: {}\n"
        "targets:\n"
        "- name: db1\n  interval: 5x\n  hots: db1\n  password_file: missing\n"
        "  labels: {le: x}\n  policy: {require: x, exemptions: [{name: a}]}\n"
        "  name: db2\n"
        "- db2\n"
    )
    assert faults_of(text) == [
        f"config.yml:2: defaults.interval: {DURATION}: the unit is missing",
        "config.yml:3: defaults.polcy: is not a key here: did you mean policy?",
        "config.yml:5: targets.0: names no server: write host or hostaddr",
        f"config.yml:6: targets.0.interval: {DURATION}",
        "config.yml:7: targets.0.hots: is not a key here: did you mean host?",
        "config.yml:8: targets.0.password_file: cannot be read: No such file or directory",
        (
            "config.yml:9: targets.0.labels.le: is a label with a meaning of its own: choose"
            " another name"
        ),
        "config.yml:10: targets.0.policy.require: must be certificate, certificate_chain or tls",
        "config.yml:10: targets.0.policy.exemptions.0.reason: is missing",
        "config.yml:10: targets.0.policy.exemptions.0.until: is missing",
        (
            "config.yml:10: targets.0.policy.exemptions.0: names neither roles nor networks: one of"
            " them is needed, because an application name alone is the client's to choose"
        ),
        "config.yml:11: targets.0.name: is given twice, first in line 5: remove one of them",
        "config.yml:12: targets.1: must be a mapping of keys to values",
    ]
