"""``inventory``: what becomes of it, and the exact words for every fault."""

from pathlib import Path

import pytest

from exporter.config import load
from exporter.model.inventory import InventorySource
from exporter.model.target import PasswordFile, PasswordVariable
from tests.unit.config.conftest import FaultsOf, Loaded

TARGET = "targets:\n- name: db1\n  host: db1.example\n"
SOURCE = TARGET + "inventory:\n- name: standbys\n  paths: standbys\n"
OWN_NAME = "every source needs its own name"
DURATION = 'must be a number and a unit, such as "30s" or "5m"'


def test_without_it_there_is_none(loaded: Loaded) -> None:
    settings = loaded(TARGET)
    assert settings.inventory == ()
    assert settings.inventory_interval_seconds == 60


def test_every_key_has_its_place(folder: Path, loaded: Loaded) -> None:
    settings = loaded(
        TARGET
        + """\
inventory:
- name: standbys
  paths: [standbys/**/*.crt, /etc/pki/clients]
  roles: [r1, r2]
  application_names: [standby1]
  password_file: password
- name: keystores
  paths: a.p12
  password_env: DB_PASSWORD
inventory_interval: 5m
"""
    )
    assert settings.inventory == (
        InventorySource(
            "standbys",
            (f"{folder}/standbys/**/*.crt", "/etc/pki/clients"),
            frozenset({"r1", "r2"}),
            frozenset({"standby1"}),
            PasswordFile(folder / "password"),
        ),
        InventorySource(
            "keystores", (f"{folder}/a.p12",), password=PasswordVariable("DB_PASSWORD")
        ),
    )
    assert settings.inventory_interval_seconds == 300


def test_a_bracket_in_the_name_of_the_folder_is_not_a_wildcard(tmp_path: Path) -> None:
    folder = tmp_path / "[a]"
    folder.mkdir()
    (folder / "config.yml").write_text(SOURCE)
    (source,) = load(folder / "config.yml", {}).inventory
    assert source.paths == (f"{tmp_path}/[[]a]/standbys",)


FAULTS = {
    "inventory: {}": ["4: inventory: must be a list"],
    "inventory: [standbys]": ["4: inventory.0: must be a mapping of keys to values"],
    "inventory: [{}]": ["4: inventory.0.name: is missing", "4: inventory.0.paths: is missing"],
    "inventory: [{name: a, paths: []}]": [
        "4: inventory.0.paths: must not be empty: name at least one, or leave the key out"
    ],
    'inventory: [{name: a, paths: [""]}]': ["4: inventory.0.paths.0: must not be empty"],
    "inventory: [{name: a, paths: {b: c}}]": ["4: inventory.0.paths: must be a list"],
    "inventory: [{name: a, path: b, paths: b}]": [
        "4: inventory.0.path: is not a key here: did you mean paths?"
    ],
    "inventory: [{name: a, paths: b, roles: r1}]": ["4: inventory.0.roles: must be a list"],
    "inventory: [{name: a, paths: b}, {name: a, paths: c}]": [
        f"4: inventory.1.name: is taken by inventory.0 in config.yml:4: {OWN_NAME}"
    ],
    "inventory: [{name: a, paths: b, password_file: missing, password_env: EMPTY}]": [
        "4: inventory.0.password_env: is not set in the exporter's environment, or empty",
        "4: inventory.0.password_env: is a second password: password_file gives one already",
        "4: inventory.0.password_file: cannot be read: No such file or directory",
    ],
    "inventory_interval: 60": [f"4: inventory_interval: {DURATION}: the unit is missing"],
    "inventory_interval: 1ms": ['4: inventory_interval: must be at least "1s"'],
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_are_reported(text: str, faults_of: FaultsOf) -> None:
    assert faults_of(TARGET + text + "\n") == [f"config.yml:{fault}" for fault in FAULTS[text]]


def test_paths_need_not_exist(faults_of: FaultsOf) -> None:
    assert faults_of(SOURCE) == []
