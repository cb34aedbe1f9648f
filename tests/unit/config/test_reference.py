"""The example and the reference page: every key, and only what is true."""

import re
from pathlib import Path

import pytest

from exporter.config import ConfigurationError, load
from exporter.config.conninfo import REFUSED
from exporter.config.shapes import SHAPES
from exporter.config.values import OUR_LABELS
from scripts.configuration_page import EXAMPLE as EXAMPLE_FILE
from scripts.configuration_page import PAGE, renewed

EXAMPLE = EXAMPLE_FILE.read_text("utf-8")
REFERENCE = PAGE.read_text("utf-8")
KEYS = sorted({key for shape in SHAPES for key in shape.model_fields})


def test_the_example_is_a_faultless_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(EXAMPLE)
    (tmp_path / "conf.d").mkdir()
    for name in (
        "tls/root.crt",
        "tls/exporter.crt",
        "tls/exporter.key",
        "tls/root.crl",
        "tls/standbys.crt",
        "secrets/db2",
        "secrets/keystores",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("made for this test")
        file.chmod(0o600)
    settings = load(tmp_path / "config.yml", {"DB3_PASSWORD": "made for this test"})
    assert [target.name for target in settings.targets] == ["db1", "db2", "db3", "lab"]
    assert settings.warnings == ()


def test_the_example_without_its_files_shows_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(EXAMPLE)
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "config.yml", {})
    assert [fault.message.split(":")[0] for fault in raised.value.faults] == [
        "targets.0.sslrootcert",
        "targets.0.sslcert",
        "targets.0.sslkey",
        "targets.0.sslcrl",
        "targets.0.served_certificate.authority",
        "targets.1.password_file",
        "targets.2.password_env",
        "targets_from.0",
        "inventory.1.password_file",
    ]


@pytest.mark.parametrize("key", KEYS)
def test_the_example_sets_every_key_and_says_what_it_is(key: str) -> None:
    lines = EXAMPLE.splitlines()
    places = [n for n, line in enumerate(lines) if re.match(rf"[ -]*{key}:", line)]
    assert places, f"{key} is not in config.example.yml"
    # the comment is on the line of the key, or is the line above it
    assert any("#" in lines[n] or lines[n - 1].lstrip().startswith("#") for n in places) or (
        key == "conninfo"
    )


@pytest.mark.parametrize("file", [PAGE, EXAMPLE_FILE], ids=lambda file: file.name)
def test_the_reference_and_the_example_are_what_the_generator_writes(file: Path) -> None:
    assert file.read_text("utf-8") == renewed(file), "run: make configuration-page"


def test_every_key_has_a_description() -> None:
    keys = [
        f"{shape.__name__}.{key}"
        for shape in SHAPES
        for key, field in shape.model_fields.items()
        if not field.description
    ]
    assert keys == []


@pytest.mark.parametrize("keyword", sorted(REFUSED))
def test_the_reference_shows_every_parameter_that_is_refused(keyword: str) -> None:
    assert f"| `{keyword}` | {REFUSED[keyword]} |" in REFERENCE


@pytest.mark.parametrize("label", sorted(OUR_LABELS))
def test_the_reference_shows_every_label_that_is_refused(label: str) -> None:
    assert f"`{label}`" in REFERENCE


def test_every_configuration_in_the_reference_is_faultless(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert len(blocks) >= 3
    for name in ("password", "root.crt", "exporter.crt", "exporter.key"):
        (tmp_path / name).write_text("made for this test")
        (tmp_path / name).chmod(0o600)
    for block in blocks:
        (tmp_path / "config.yml").write_text(block)
        settings = load(tmp_path / "config.yml", {"DB_PASSWORD": "x"})
        assert settings.targets
        # a password goes to a verified server, except where the text is about the opposite
        assert not settings.warnings or "require_auth" in block
