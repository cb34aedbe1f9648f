"""A folder with configuration files, and the faults reported in them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.config import ConfigurationError, Settings, load

FaultsOf = Callable[[str], list[str]]
Loaded = Callable[[str], Settings]

ENVIRONMENT: Mapping[str, str] = {"DB_PASSWORD": "from the environment", "EMPTY": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files of a login."""
    (tmp_path / "password").write_text("from the file\n")
    (tmp_path / "root.crt").write_text("authorities")
    (tmp_path / "client.crt").write_text("certificate")
    (tmp_path / "client.key").write_text("key")
    (tmp_path / "client.key").chmod(0o600)
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> Loaded:
    """Return what loads a text as ``config.yml`` of the folder."""

    def load_text(text: str) -> Settings:
        (folder / "config.yml").write_text(text)
        return load(folder / "config.yml", ENVIRONMENT)

    return load_text


@pytest.fixture
def faults_of(folder: Path, loaded: Loaded) -> FaultsOf:
    """Return what gives the faults of a text as lines; none when it has none."""

    def faults(text: str) -> list[str]:
        try:
            loaded(text)
        except ConfigurationError as error:
            return str(error).replace(f"{folder}/", "").splitlines()
        return []

    return faults
