"""Defaults are merged into targets in one place, and reach the model by their names."""

from dataclasses import dataclass, fields

import pytest

from exporter.config import Settings
from exporter.config.models import same_named
from exporter.config.shape import Shape, parts
from exporter.config.shapes import (
    SHAPES,
    DefaultsShape,
    ExemptionShape,
    PolicyShape,
    ServedCertificateShape,
    TargetShape,
)
from exporter.model.policy import Exemption, Policy
from exporter.model.served import ServedCertificateCheck
from exporter.model.target import Target
from tests.unit.config.conftest import Loaded


class Inner(Shape):
    adding = frozenset({"words"})

    size: float = 1.0
    colour: str = "red"
    words: tuple[str, ...] = ()


class Outer(Shape):
    wait: float = 5.0
    lists: tuple[str, ...] = ("built-in",)
    inner: Inner = Inner()


class Named(Outer):
    name: str = ""


def test_a_key_that_is_not_written_has_the_value_of_the_defaults() -> None:
    merged = Named(name="a").over(Outer(wait=7.0, lists=("b",)))
    assert (merged.name, merged.wait, merged.lists) == ("a", 7.0, ("b",))


def test_a_key_that_is_written_replaces_the_default_even_with_the_built_in_value() -> None:
    merged = Named(wait=5.0, lists=("built-in",)).over(Outer(wait=7.0, lists=("b",)))
    assert (merged.wait, merged.lists) == (5.0, ("built-in",))


def test_a_key_that_is_written_nowhere_has_its_built_in_value() -> None:
    assert Named(name="a").over(Outer()) == Named(name="a")


def test_mappings_are_merged_key_by_key() -> None:
    merged = Named(inner=Inner(size=2.0)).over(Outer(inner=Inner(size=3.0, colour="blue")))
    assert (merged.inner.size, merged.inner.colour) == (2.0, "blue")


def test_a_list_that_adds_is_appended_to_that_of_the_defaults() -> None:
    merged = Named(inner=Inner(words=("c",))).over(Outer(inner=Inner(words=("a", "b"))))
    assert merged.inner.words == ("a", "b", "c")


def test_a_merged_mapping_knows_the_keys_that_either_has_written() -> None:
    merged = Named(inner=Inner(size=2.0)).over(Outer(inner=Inner(colour="red")))
    assert merged.inner.model_fields_set == {"size", "colour"}
    assert merged.model_fields_set == {"inner"}


def test_merging_changes_neither_of_the_two() -> None:
    own, base = Named(inner=Inner(size=2.0)), Outer(inner=Inner(words=("a",)))
    own.over(base)
    assert own == Named(inner=Inner(size=2.0))
    assert base == Outer(inner=Inner(words=("a",)))


def test_a_field_in_seconds_has_the_key_without_its_unit() -> None:
    @dataclass
    class Model:
        wait_seconds: float
        lists: tuple[str, ...]
        other: int = 3

    assert same_named(Outer(wait=2.0), Model, "lists") == {"wait_seconds": 2.0}


MODELS = {
    DefaultsShape: (Target, set()),
    TargetShape: (
        Target,
        # libpq's parameters and the password, read by LoginReader
        {"conninfo", "host", "hostaddr", "port", "user", "dbname", "sslmode", "sslrootcert"}
        | {"sslcert", "sslkey", "sslcrl", "password_file", "password_env", "password_in_clear"},
    ),
    PolicyShape: (Policy, {"min_tls_version"}),
    ExemptionShape: (Exemption, set()),
    ServedCertificateShape: (ServedCertificateCheck, {"check", "authority"}),
}


@pytest.mark.parametrize("shape", MODELS, ids=lambda shape: shape.__name__)
def test_every_key_is_a_field_of_the_model(shape: type[Shape]) -> None:
    model, others = MODELS[shape]
    named = {field.name.removesuffix("_seconds") for field in fields(model)}
    assert shape.model_fields.keys() - named == others


def test_every_mapping_that_is_merged_has_a_model_here() -> None:
    below = {part.shape for shape in SHAPES for part in parts(shape).values()}
    assert below <= MODELS.keys()


def test_the_defaults_of_the_configuration_are_those_of_the_model(loaded: Loaded) -> None:
    settings = loaded("targets: [{name: db1, host: h}]\n")
    target = Target(name="db1", parameters={"host": "h", "dbname": "postgres"})
    assert settings == Settings(targets=(target,), sources=settings.sources)
