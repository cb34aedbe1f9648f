"""Further files with targets."""

import os
from pathlib import Path

import pytest

from tests.unit.config.conftest import FaultsOf, Loaded

TARGET = "targets: [{name: main, host: h}]\n"
FROM = TARGET + "targets_from: conf.d/*.yml\n"


@pytest.fixture
def conf_d(folder: Path) -> Path:
    """Return the folder of further files, with two of them."""
    (folder / "conf.d").mkdir()
    for name in ("b", "a"):
        text = f"targets:\n- name: {name}1\n  host: h\n- name: {name}2\n  host: h\n"
        (folder / "conf.d" / f"{name}.yml").write_text(text)
    return folder / "conf.d"


def _names(loaded: Loaded, text: str) -> list[str]:
    return [target.name for target in loaded(text).targets]


def test_files_are_read_in_the_order_of_their_names(conf_d: Path, loaded: Loaded) -> None:
    assert _names(loaded, FROM) == ["main", "a1", "a2", "b1", "b2"]
    assert conf_d.is_dir()


def test_patterns_are_followed_in_the_order_given(conf_d: Path, loaded: Loaded) -> None:
    text = "targets_from: [conf.d/b*.yml, ./conf.d/*.yml]\n"
    assert _names(loaded, text) == ["b1", "b2", "a1", "a2"]
    assert conf_d.is_dir()


def test_one_file_can_be_named_without_a_pattern(conf_d: Path, loaded: Loaded) -> None:
    assert _names(loaded, f"targets_from: {conf_d}/a.yml\n") == ["a1", "a2"]


def test_settings_list_the_files_they_were_read_from(conf_d: Path, loaded: Loaded) -> None:
    assert loaded(FROM).sources == (
        conf_d.parent / "config.yml",
        conf_d / "a.yml",
        conf_d / "b.yml",
    )


def test_the_defaults_hold_for_targets_of_further_files(conf_d: Path, loaded: Loaded) -> None:
    text = f"defaults: {{interval: 90s}}\n{FROM}"
    assert {target.interval_seconds for target in loaded(text).targets} == {90.0}
    assert conf_d.is_dir()


def test_paths_of_a_further_file_start_at_its_own_folder(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "a.yml").write_text("targets: [{name: a, host: h, password_file: secret}]\n")
    assert faults_of(FROM) == [
        "conf.d/a.yml:1: targets.0.password_file: cannot be read: No such file or directory"
    ]
    (conf_d / "secret").write_text("hunter2")
    assert faults_of(FROM) == []


def test_a_pattern_that_matches_nothing_is_not_a_fault(conf_d: Path, loaded: Loaded) -> None:
    assert _names(loaded, TARGET + "targets_from: conf.d/*.yaml\n") == ["main"]
    assert conf_d.is_dir()


def test_patterns_that_match_nothing_leave_no_target(conf_d: Path, faults_of: FaultsOf) -> None:
    assert faults_of("targets_from: conf.d/*.yaml\n") == [
        "config.yml:1: targets: no target is configured: write at least one"
    ]
    assert conf_d.is_dir()


def test_further_files_may_hold_the_only_targets(conf_d: Path, loaded: Loaded) -> None:
    (conf_d / "a.yml").write_text("targets: []\n")
    assert _names(loaded, "targets_from: conf.d/*.yml\n") == ["b1", "b2"]


def test_hidden_files_and_folders_are_left_out(conf_d: Path, loaded: Loaded) -> None:
    (conf_d / ".a.yml").write_text("not: [valid")
    (conf_d / "folder.yml").mkdir()
    assert _names(loaded, FROM) == ["main", "a1", "a2", "b1", "b2"]


PATTERNS = {
    "missing/*.yml": "its folder cannot be read: No such file or directory",
    "config.yml/*.yml": "its folder cannot be read: Not a directory",
    "conf.d": 'is a folder: write a pattern, such as "conf.d/*.yml"',
    "conf.d/**/*.yml": '"**" is not supported: name each folder',
    "config.yml": "names this file itself",
    "conf.d/../*.yml": "names this file too: keep the files with targets in a folder of their own",
    "true": "must be text (true, false and null need quotes)",
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items(), ids=PATTERNS)
def test_a_pattern_that_cannot_be_followed_is_reported(
    conf_d: Path, faults_of: FaultsOf, pattern: str, expected: str
) -> None:
    assert conf_d.is_dir()
    assert faults_of(f"{TARGET}targets_from:\n- {pattern}\n") == [
        f"config.yml:3: targets_from.0: {expected}"
    ]


def test_a_single_pattern_is_reported_at_its_key(faults_of: FaultsOf) -> None:
    assert faults_of(f"{TARGET}targets_from: missing/*.yml\n") == [
        "config.yml:2: targets_from: its folder cannot be read: No such file or directory"
    ]


def test_an_empty_list_of_patterns_is_reported(faults_of: FaultsOf) -> None:
    assert faults_of(f"{TARGET}targets_from: []\n") == [
        "config.yml:2: targets_from: must not be empty: name at least one, or leave the key out"
    ]


def test_patterns_of_the_wrong_kind_are_reported_and_hide_no_target(faults_of: FaultsOf) -> None:
    assert faults_of("targets_from: {a: b}\n") == ["config.yml:1: targets_from: must be a list"]


def test_a_file_that_is_named_and_missing_is_reported(faults_of: FaultsOf) -> None:
    assert faults_of(f"{TARGET}targets_from: more.yml\n") == [
        "more.yml: cannot be read: No such file or directory"
    ]


def test_a_name_that_is_too_long_is_reported(faults_of: FaultsOf) -> None:
    name = "x" * 300
    assert faults_of(f"{TARGET}targets_from: [{name}, '{name}/*.yml']\n") == [
        "config.yml:2: targets_from.1: its folder cannot be read: File name too long",
        f"{name}: cannot be read: File name too long",
    ]


def test_a_link_that_leads_nowhere_is_reported(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "c.yml").symlink_to("gone.yml")
    assert faults_of(FROM) == ["conf.d/c.yml: cannot be read: No such file or directory"]


def test_a_pipe_among_the_files_is_reported_and_does_not_block(
    conf_d: Path, faults_of: FaultsOf
) -> None:
    os.mkfifo(conf_d / "c.yml")
    assert faults_of(FROM) == ["conf.d/c.yml: is a FIFO, not a regular file"]


def test_an_empty_file_is_reported(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "a.yml").write_text("# later\n")
    assert faults_of(FROM) == ["conf.d/a.yml:1: is empty"]


def test_a_further_file_holds_targets_only(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "a.yml").write_text("defaults: {}\ntargets_from: x\n")
    assert faults_of(FROM) == [
        "conf.d/a.yml:1: targets: is missing",
        "conf.d/a.yml:1: defaults: is not a key here: a file of targets_from holds targets only",
        (
            "conf.d/a.yml:2: targets_from: is not a key here: a file of targets_from holds targets"
            " only"
        ),
    ]


def test_a_name_is_taken_across_all_files(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "a.yml").write_text("targets:\n- host: h\n  name: main\n- host: h\n  name: b2\n")
    assert faults_of(FROM) == [
        (
            "conf.d/a.yml:3: targets.0.name: is taken by targets.0 in config.yml:1: every target"
            " needs its own name"
        ),
        (
            "conf.d/b.yml:4: targets.1.name: is taken by targets.1 in conf.d/a.yml:5: every target"
            " needs its own name"
        ),
    ]


def test_the_faults_of_all_files_are_reported_at_once(conf_d: Path, faults_of: FaultsOf) -> None:
    (conf_d / "a.yml").write_text("targets:\n- name: a\n  hots: h\n  hostaddr: ::1\n")
    (conf_d / "b.yml").write_text("targets: '\n")
    assert faults_of("defaults: {timeout: 5}\n" + FROM) == [
        (
            'config.yml:1: defaults.timeout: must be a number and a unit, such as "30s" or "5m":'
            " the unit is missing"
        ),
        "conf.d/a.yml:3: targets.0.hots: is not a key here: did you mean host?",
        "conf.d/b.yml:1: not valid YAML: a quote that is opened here is never closed",
    ]
