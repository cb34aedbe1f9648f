"""The shape of the configuration: every key there is, with its meaning.

Mappings within mappings are typed as raw here and checked with a shape of their own, so that a
fault in one does not hide the faults of the other. The descriptions are the reference: a test
compares them with docs/configuration.md.
"""

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from exporter.config.document import Document
from exporter.config.faults import HIDDEN, Fault, KeyPath
from exporter.config.suggest import did_you_mean
from exporter.config.values import (
    Duration,
    ExemptionName,
    Interval,
    LabelName,
    LabelValue,
    Name,
    Networks,
    Patterns,
    Secret,
    Text,
    Texts,
    Until,
    VariableName,
)
from exporter.model.policy import Requirement, TlsVersion


class Shape(BaseModel):
    """A mapping with known keys.

    A required key has a default all the same, never used for a faultless file: what is left of a
    mapping with faults is checked further.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )
    required: ClassVar[frozenset[str]] = frozenset()
    only_here: ClassVar[str] = ""


class ConfigurationShape(Shape):
    """The whole file."""

    defaults: dict[str, object] = Field(
        default={}, description="What holds for every target that does not say otherwise."
    )
    targets: list[object] = Field(default=[], description="The servers to poll, one entry each.")
    targets_from: Patterns = Field(
        default=(),
        description="One pattern or a list of patterns of further files with targets, such as"
        " `conf.d/*.yml`; relative to this file, read in the order of their names.",
    )
    inventory: list[object] = Field(
        default=[], description="Files with certificates of replication clients, one entry each."
    )
    inventory_interval: Interval = Field(
        default=60.0,
        description="Time from one look at these files to the next, from `1s` to `1d`; only what"
        " changed is read.",
    )


class TargetsFileShape(Shape):
    """A file that `targets_from` names."""

    only_here: ClassVar[str] = "a file of targets_from holds targets only"
    required: ClassVar[frozenset[str]] = frozenset({"targets"})

    targets: list[object] = Field(default=[], description="As in the main file; may be empty.")


class DefaultsShape(Shape):
    """Under `defaults`."""

    interval: Interval = Field(
        default=60.0,
        description="Time from the start of one poll to the start of the next, from `1s` to `1d`.",
    )
    timeout: Duration = Field(
        default=10.0,
        description="Deadline of one poll, connecting included; not longer than the interval.",
    )
    policy: dict[str, object] = Field(
        default={}, description="What is demanded of replication connections."
    )


class TargetShape(Shape):
    """One entry of `targets`."""

    required: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Name = Field(
        default="",
        description="Required. The label `target`: one server's name, not a role that moves.",
    )
    conninfo: Secret | None = Field(
        default=None,
        repr=False,
        description="A libpq connection string or URI; in place of the keys from `host` to"
        " `parameters`.",
    )
    host: Text | None = Field(
        default=None, description="Host name, or the folder of a unix socket. One server only."
    )
    hostaddr: Text | None = Field(
        default=None, description="IP address to connect to, so that no name is looked up."
    )
    port: Text | None = Field(default=None, description="Port; libpq's default is 5432.")
    user: Text | None = Field(
        default=None,
        description="Role to log in as; libpq's default is the operating system's user.",
    )
    dbname: Text | None = Field(
        default=None, description="Database to log in to; `postgres` when it is not given."
    )
    sslmode: Text | None = Field(
        default=None, description="libpq's sslmode; `verify-full` is the one to want."
    )
    sslrootcert: Text | None = Field(
        default=None, description="File of trusted authorities, or `system`."
    )
    sslcert: Text | None = Field(
        default=None, description="File of the exporter's own client certificate; with `sslkey`."
    )
    sslkey: Text | None = Field(
        default=None,
        description="File of its private key; 0600, or 0640 when root owns it, as libpq demands.",
    )
    sslcrl: Text | None = Field(default=None, description="File of revoked server certificates.")
    parameters: dict[str, Text] = Field(
        default={}, description="Any other libpq connection parameter by its keyword."
    )
    password_file: Text | None = Field(
        default=None, description="File that holds the password; read again at each poll."
    )
    password_env: VariableName | None = Field(
        default=None, description="Environment variable that holds the password."
    )
    password: Secret | None = Field(
        default=None,
        repr=False,
        description="The password itself; only with `password_in_clear: true`.",
    )
    password_in_clear: bool | None = Field(
        default=None,
        description="Says that a password may stand in clear under `password` or in `conninfo`.",
    )
    labels: dict[LabelName, LabelValue] = Field(
        default={}, description="Static labels of `pgrepl_target_info`."
    )
    cluster_name: Name | None = Field(
        default=None, description="The cluster that this server is a node of."
    )
    interval: Interval | None = Field(default=None, description="In place of `defaults.interval`.")
    timeout: Duration | None = Field(default=None, description="In place of `defaults.timeout`.")
    policy: dict[str, object] = Field(
        default={},
        description="Key by key in place of `defaults.policy`; the exemptions of both hold.",
    )


class PolicyShape(Shape):
    """Under `policy`."""

    require: Requirement | None = Field(
        default=None,
        strict=False,
        description="The least that is secure: `certificate` (the default: demanded and bound to"
        " the role), `certificate_chain` or `tls`.",
    )
    min_tls_version: TlsVersion | None = Field(
        default=None,
        strict=False,
        description="`TLSv1`, `TLSv1.1`, `TLSv1.2` (the default) or `TLSv1.3`.",
    )
    exempt_loopback: bool | None = Field(
        default=None,
        description="Whether connections from a loopback address are exempt; `true` by default.",
    )
    exemptions: list[object] = Field(
        default=[], description="Connections that are accepted as they are."
    )


class ExemptionShape(Shape):
    """One entry of `exemptions`."""

    required: ClassVar[frozenset[str]] = frozenset({"name", "reason", "until"})

    name: ExemptionName = Field(
        default="", description="Required. The label `exemption`; not `loopback`."
    )
    reason: Text = Field(default="", description="Required. Why, in your words.")
    until: Until | None = Field(
        default=None,
        description="Required. The last day it holds, such as `2027-01-31` (to its end in UTC),"
        " or `never`.",
    )
    roles: Texts = Field(default=(), description="Roles that log in.")
    networks: Networks = Field(
        default=(), description="Client addresses; of `roles` and `networks` one must be given."
    )
    application_names: Texts = Field(
        default=(), description="In addition only: an application name is the client's to choose."
    )


class InventorySourceShape(Shape):
    """One entry of `inventory`."""

    required: ClassVar[frozenset[str]] = frozenset({"name", "paths"})

    name: Name = Field(
        default="", description="Required. The label `source` of `pgrepl_inventory_errors`."
    )
    paths: Patterns = Field(
        default=(),
        description="Required. One path or a list of paths: files, folders, patterns such as"
        " `standbys/**/*.crt`.",
    )
    roles: Texts = Field(
        default=(),
        description="Roles that these certificates log in as; without it, their names tell.",
    )
    application_names: Texts = Field(
        default=(), description="Standbys that use them; without it, any."
    )
    password_file: Text | None = Field(
        default=None,
        description="File that holds the password of PKCS#12 files; read again at each look.",
    )
    password_env: VariableName | None = Field(
        default=None, description="Environment variable that holds it."
    )


_TYPES = {
    "string_type": "must be text (true, false and null need quotes)",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
}

S = TypeVar("S", bound=Shape)


def check(
    shape: type[S], document: Document, path: KeyPath, value: object, faults: list[Fault]
) -> tuple[S, frozenset[str]]:
    """Hold ``value`` against ``shape`` and add what is wrong to ``faults``.

    Returns:
        What stands the check, with defaults for the rest; and the keys that did not.
    """
    if not isinstance(value, Mapping):
        faults.append(document.fault(path, _TYPES["dict_type"]))
        return shape(), frozenset(shape.model_fields)
    empty = {key for key, given in value.items() if given is None and key in shape.model_fields}
    faults += [
        document.fault((*path, key), "has no value: write one, or leave the key out")
        for key in value
        if key in empty
    ]
    failed = empty | (shape.required - value.keys())
    faults += [
        document.fault((*path, key), "is missing") for key in sorted(shape.required - value.keys())
    ]
    given = {key: value[key] for key in value if key not in empty}
    try:
        return shape.model_validate(given), frozenset(failed)
    except ValidationError as error:
        # include_input: a fault must not carry the value, which may be a secret.
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        at = _location(detail)
        shown = (*path, *_without_stray_value(shape, at, given))
        faults.append(document.fault((*path, *at), _message(shape, detail), shown))
        failed.add(str(detail["loc"][0]))
    kept = {key: value for key, value in given.items() if key not in failed}
    return shape.model_validate(kept), frozenset(failed)


def _location(detail: ErrorDetails) -> KeyPath:
    # pydantic marks a fault of a mapping's key, not its value, by this last part.
    return detail["loc"][:-1] if detail["loc"][-1] == "[key]" else detail["loc"]


def _without_stray_value(shape: type[Shape], at: KeyPath, given: Mapping[str, object]) -> KeyPath:
    """Hide the last key of ``at`` if it is none of ours and has no value.

    YAML reads ``{hunter2}`` as a mapping with the key ``hunter2``, which may be a secret.
    """
    value: object = given
    for key in at:
        value = value.get(str(key)) if isinstance(value, Mapping) else ""
    return at if value is not None or at[-1] in shape.model_fields else (*at[:-1], HIDDEN)


def _message(shape: type[Shape], detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "is not a key here: " + (
            shape.only_here or did_you_mean(str(detail["loc"][-1]), shape.model_fields)
        )
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind == "enum":
        return f"must be {detail['ctx']['expected'].replace(chr(39), '')}"
    return _TYPES.get(kind, f"cannot be used ({kind})")
