"""The shape of the file: everything that a judgement depends on, as JSON.

pydantic takes the shape from the dataclasses of ``exporter.model``, so that a new field of an
observation is in the file without any code here. Only what JSON has no form for is written below.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Annotated

from pydantic import ConfigDict, GetCoreSchemaHandler, GetPydanticSchema, TypeAdapter, with_config
from pydantic_core import CoreSchema, core_schema

from exporter.model.certificate import Certificate
from exporter.model.failure import Read
from exporter.model.hba import HbaContent, IdentContent, LineTraits
from exporter.model.history import FileHistory
from exporter.model.inventory import Inventory
from exporter.model.knowledge import Standby
from exporter.model.observation import Observation
from exporter.model.served import ServedChain
from exporter.model.target import Target

FORMAT_VERSION = 1
"""Raised whenever a file that an earlier version wrote could not be read any more."""

_STRICT = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


@dataclass(frozen=True, slots=True)
class _ContentAndLines:
    """pg_hba.conf in a history: its ``lines`` have locations as keys, which JSON does not allow."""

    content: HbaContent
    lines: tuple[LineTraits, ...] | None


def _separated(whole: HbaContent) -> _ContentAndLines:
    lines = None if whole.lines is None else tuple(whole.lines.values())
    return _ContentAndLines(replace(whole, lines=None), lines)


def _whole(separated: _ContentAndLines) -> HbaContent:
    if separated.lines is None:
        return separated.content
    return separated.content.with_lines(separated.lines)


def _schema(_: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    separated = handler(_ContentAndLines)
    return core_schema.no_info_after_validator_function(
        _whole,
        separated,
        serialization=core_schema.plain_serializer_function_ser_schema(
            _separated, return_schema=separated
        ),
    )


@dataclass(frozen=True, slots=True)
class SavedPoll:
    """All that one judgement takes but the inventory and OpenSSL.

    Attributes:
        target: without its password.
        judged_at: the time of the judgement.
        hba, ident: what earlier polls found out about the files.
        served, standbys, seen: as in ``Knowledge``.
    """

    target: Target
    judged_at: datetime
    duration_seconds: float
    observation: Read[Observation]
    hba: FileHistory[Annotated[HbaContent, GetPydanticSchema(_schema)]]
    ident: FileHistory[IdentContent]
    served: Read[ServedChain] | None
    standbys: tuple[Standby, ...]
    seen: tuple[Certificate, ...]


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class SavedPolls:
    """The whole file.

    Attributes:
        format_version: FORMAT_VERSION.
        exporter_version: which exporter wrote it.
        inventory: of client certificates, the same for all targets.
    """

    format_version: int
    exporter_version: str
    inventory: Inventory | None
    polls: tuple[SavedPoll, ...]


@dataclass(frozen=True, slots=True)
class _Versions:
    """What a file of any version has."""

    format_version: int
    exporter_version: str


@cache  # few runs of the program need it
def _polls() -> TypeAdapter[SavedPolls]:
    return TypeAdapter(SavedPolls)


def to_json(saved: SavedPolls) -> bytes:
    """Return ``saved`` as JSON."""
    return _polls().dump_json(saved, indent=1, warnings="error")


def versions(data: bytes) -> tuple[int, str]:
    """Return the version of the format and the version of the exporter that wrote ``data``.

    Raises:
        pydantic.ValidationError: it does not say; a ValueError.
    """
    read = TypeAdapter(_Versions).validate_json(data)
    return read.format_version, read.exporter_version


def from_json(data: bytes) -> SavedPolls:
    """Return what ``data`` holds.

    Raises:
        pydantic.ValidationError: it is not the JSON of a ``SavedPolls``; a ValueError.
    """
    return _polls().validate_json(data, strict=True)
