"""Whatever the file contains: settings or reported faults, and no secret in either."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import ConfigurationError, Settings, load
from exporter.config.conninfo import KEYWORDS
from exporter.config.shapes import (
    ConfigurationShape,
    DefaultsShape,
    ExemptionShape,
    PolicyShape,
    TargetShape,
)

SECRET = "S3cr3t-hunter2"
PLANTED = f"""\
defaults:
  interval: 30s
targets:
- name: one
  host: db1.example
  password: "{SECRET}"
  password_in_clear: true
- name: two
  conninfo: host=db2 user=exporter password={SECRET} sslmode=require
  password_in_clear: true
- name: three
  conninfo: 'postgresql://exporter:{SECRET}@db3/postgres?sslmode=require'
  password_in_clear: true
- name: four
  conninfo: "host=db4 password='{SECRET}'"
  password_in_clear: true
- name: five
  host: db5
  password_env: PASSWORD
- name: six
  host: db6
  password_file: {SECRET}
- name: seven
  host: db7
  password: [{SECRET}]
- name: eight
  host: host=db8 password={SECRET}
- name: nine
  host: db9
  interval: {SECRET}
  password_env: {SECRET}
  labels: [{SECRET}]
  policy: {{require: {SECRET}, exemptions: [{{until: {SECRET}, networks: [{SECRET}]}}]}}
  parameters: {{sslpassword: {SECRET}, options: -c x={SECRET}, sslmode: {SECRET}}}
- name: ten
  host: db10
  password: {{{SECRET}: {SECRET}}}
- name: ten
  conninfo: host=db10 password={SECRET} {SECRET}=x
- name: eleven
  conninfo: postgresql://u:{SECRET}%zz@h
"""

KEYS = sorted(
    {
        key
        for shape in (ConfigurationShape, DefaultsShape, TargetShape, PolicyShape, ExemptionShape)
        for key in shape.model_fields
    }
    | KEYWORDS
    | {"unknown", "a b", ""}
)
WORDS = st.one_of(
    st.text(max_size=12),
    st.booleans(),
    st.none(),
    st.integers(),
    st.sampled_from(
        ["30s", "db1", "tls", "never", "2027-01-31", "10.0.0.0/8", "system", "conf.d/*.yml", "."]
    ),
)
TREES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=40,
)
YAML_LIKE = st.text(
    alphabet=st.one_of(st.sampled_from(" \n\t:-[]{},#&*!|>'\"%@`?<~.\\0ab"), st.characters())
)
CHANGE = st.tuples(
    st.sampled_from(["delete", "insert", "double", "cut"]),
    st.integers(0, len(PLANTED)),
    st.sampled_from(" \n\t:-[]{},#&*!|>'\"%@`\\x00=é"),
)


def _load(text: str | bytes, environment: Mapping[str, str]) -> Settings | ConfigurationError:
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.yml")
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            return load(file, environment)
        except ConfigurationError as error:
            found = error
    assert found.faults
    assert all(fault.message.isprintable() for fault in found.faults)
    return found


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_reported_faults(data: bytes) -> None:
    assert isinstance(_load(data, {}), ConfigurationError)


@settings(deadline=None, max_examples=150)
@given(YAML_LIKE)
def test_any_text_gives_settings_or_reported_faults(text: str) -> None:
    assert isinstance(_load(text.encode(errors="ignore"), {}), ConfigurationError)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["defaults", "targets", "targets_from"]), TREES))
def test_any_tree_gives_settings_or_reported_faults(tree: dict[str, object]) -> None:
    _load(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), {})


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), TREES))
def test_any_target_gives_settings_or_reported_faults(target: dict[str, object]) -> None:
    text = yaml.safe_dump({"targets": [{"name": "db1", **target}]}, sort_keys=False)
    _load(text, {})


@settings(deadline=None, max_examples=200)
@given(st.lists(CHANGE, max_size=3))
def test_no_change_of_a_file_makes_a_fault_show_a_secret(
    changes: list[tuple[str, int, str]],
) -> None:
    text = PLANTED
    for change, position, character in changes:
        match change:
            case "delete":
                text = text[:position] + text[position + 1 :]
            case "insert":
                text = text[:position] + character + text[position:]
            case "double":
                text = text[:position] + text[max(0, position - 40) :]
            case _:
                text = text[:position]
    found = _load(text, {"PASSWORD": SECRET})
    texts = [str(found), repr(found)]
    if isinstance(found, ConfigurationError):
        texts += traceback.format_exception(found)
    # Parts of it too: a parser's message may show only where it stopped.
    assert not [line for line in texts if SECRET[:6] in line or SECRET[-6:] in line]


@settings(deadline=None, max_examples=100)
@given(st.text(min_size=1, max_size=20))
def test_a_password_arrives_as_it_was_written(password: str) -> None:
    document = {
        "targets": [{"name": "db1", "host": "h", "password": password, "password_in_clear": True}]
    }
    found = _load(yaml.safe_dump(document), {})
    if "\0" in password:
        assert isinstance(found, ConfigurationError)
    else:
        assert isinstance(found, Settings)
        assert getattr(found.targets[0].password, "value", None) == password
