"""The keys of the configuration: type, default and description of each.

This is their only description. ``python -m scripts.configuration_page`` writes the tables of
docs/configuration.md and the defaults of config.example.yml from it. A key that can be set
under `defaults` and in a target is a field of `DefaultsShape` or of a mapping within it.
"""

from typing import ClassVar

from pydantic import Field

from exporter.config.shape import Shape
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
    ServerName,
    Text,
    Texts,
    TrustFile,
    Until,
    VariableName,
)
from exporter.model.policy import Requirement, TlsVersion


class ExemptionShape(Shape):
    """One entry of `exemptions`."""

    required: ClassVar[frozenset[str]] = frozenset({"name", "reason", "until"})

    name: ExemptionName = Field(
        default="",
        description="Value of the label `exemption`. `loopback` is the built-in exemption, and"
        " cannot be used.",
    )
    reason: Text = Field(default="", description="Why these connections are accepted, as text.")
    until: Until | None = Field(
        default=None,
        description="The last day on which the exemption applies, such as `2027-01-31` (to the end"
        " of that day in UTC), or `never`.",
    )
    roles: Texts = Field(
        default=(),
        description="Roles that the connections log in as. At least one of `roles` and `networks`"
        " is required.",
    )
    networks: Networks = Field(
        default=(),
        description="Client addresses: IP addresses or networks. At least one of `roles` and"
        " `networks` is required.",
    )
    application_names: Texts = Field(
        default=(),
        description="Application names. Not sufficient without `roles` or `networks`, because the"
        " client chooses its application name.",
    )

    def fault_of_all(self, failed: frozenset[str]) -> str:
        """Return a fault if neither roles nor networks are named."""
        if self.roles or self.networks or failed & {"roles", "networks"}:
            return ""
        return (
            "names neither roles nor networks: one of them is needed, because an application"
            " name alone is the client's to choose"
        )


class PolicyShape(Shape):
    """Under `policy`."""

    adding: ClassVar[frozenset[str]] = frozenset({"exemptions"})

    require: Requirement = Field(
        default=Requirement.CERTIFICATE,
        strict=False,
        description="The minimum that counts as secure: `certificate` (the server requires a client"
        " certificate that is bound to the role), `certificate_chain` (the server requires a"
        " client certificate from its CA) or `tls` (the connection is"
        " encrypted, by TLS or GSSAPI).",
    )
    min_tls_version: TlsVersion = Field(
        default=TlsVersion.TLS_1_2,
        strict=False,
        description="The lowest TLS version that counts as secure: `TLSv1`, `TLSv1.1`, `TLSv1.2` or"
        " `TLSv1.3`.",
    )
    exempt_loopback: bool = Field(
        default=True, description="Whether connections from a loopback address are exempt."
    )
    exemptions: tuple[ExemptionShape, ...] = Field(
        default=(),
        description="Connections that are accepted as they are. The exemptions of a target are"
        " added to those of `defaults.policy`.",
    )


class ServedCertificateShape(Shape):
    """Under `served_certificate`."""

    check: bool = Field(
        default=True, description="Whether the certificate that the server sends is checked."
    )
    interval: Interval = Field(
        default=300.0, description="Time from one check to the next, from `1s` to `1d`."
    )
    host: ServerName | None = Field(
        default=None,
        description="Host name that the standbys connect to. It is sent to the server (SNI), and"
        " the certificate must match it. By default the target's own `host`, if that is a name.",
    )
    authority: TrustFile | None = Field(
        default=None,
        description="File of the CA certificates that the standbys trust (their `sslrootcert`), or"
        " `system`. By default the target's own `sslrootcert`.",
    )
    direct_tls: bool | None = Field(
        default=None,
        description="Whether the TLS handshake is the first thing on the connection (PostgreSQL 17"
        " and newer). By default `true` if the target has `sslnegotiation: direct`, else `false`.",
    )


class DefaultsShape(Shape):
    """Under `defaults`, and in each entry of `targets`."""

    interval: Interval = Field(
        default=60.0,
        description="Time from the start of one poll to the start of the next, from `1s` to `1d`.",
    )
    timeout: Duration = Field(
        default=10.0,
        description="Deadline of one poll, including the connection attempt. It must not be longer"
        " than `interval`.",
    )
    policy: PolicyShape = Field(
        default=PolicyShape(), description="Requirements for replication connections."
    )
    served_certificate: ServedCertificateShape = Field(
        default=ServedCertificateShape(),
        description="How the certificate that the server sends to its clients is checked.",
    )


class ServerShape(Shape):
    """The keys of a target that do not exist under `defaults`."""

    required: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Name = Field(
        default="",
        description="Value of the label `target`: the name of one server, not of a role that moves"
        " from server to server, such as `primary`.",
    )
    conninfo: Secret | None = Field(
        default=None,
        repr=False,
        description="A libpq connection string or URI, instead of the keys from `host` to"
        " `parameters`.",
    )
    host: Text | None = Field(
        default=None,
        description="Host name, or directory of a Unix-domain socket. One server only.",
    )
    hostaddr: Text | None = Field(
        default=None, description="IP address to connect to; avoids a host name lookup."
    )
    port: Text | None = Field(default=None, description="Port; libpq's default is 5432.")
    user: Text | None = Field(
        default=None,
        description="Role to log in as; libpq's default is the name of the operating system user.",
    )
    dbname: Text | None = Field(
        default=None, description="Database to connect to; `postgres` if it is not set."
    )
    sslmode: Text | None = Field(
        default=None, description="libpq's `sslmode`; `verify-full` is recommended."
    )
    sslrootcert: Text | None = Field(
        default=None, description="File of trusted CA certificates, or `system`."
    )
    sslcert: Text | None = Field(
        default=None, description="The exporter's client certificate file; requires `sslkey`."
    )
    sslkey: Text | None = Field(
        default=None,
        description="File of the private key of that certificate. As libpq requires, its mode is"
        " 0600, or 0640 if root owns it.",
    )
    sslcrl: Text | None = Field(
        default=None, description="Certificate revocation list (CRL) file for server certificates."
    )
    parameters: dict[str, Text] = Field(
        default={}, description="Any other libpq connection parameter, by its keyword."
    )
    password_file: Text | None = Field(
        default=None, description="File that contains the password; it is read at each poll."
    )
    password_env: VariableName | None = Field(
        default=None, description="Environment variable that contains the password."
    )
    password: Secret | None = Field(
        default=None,
        repr=False,
        description="The password itself; requires `password_in_clear: true`.",
    )
    password_in_clear: bool | None = Field(
        default=None, description="Allows a clear-text password in `password` or `conninfo`."
    )
    labels: dict[LabelName, LabelValue] = Field(
        default={}, description="Static labels of the metric `pgrepl_target_info`."
    )
    cluster_name: Name = Field(
        default="", description="Name of the cluster that this server belongs to."
    )


class TargetShape(DefaultsShape, ServerShape):
    """One entry of `targets`."""


class ConfigurationShape(Shape):
    """The whole file."""

    defaults: dict[str, object] = Field(
        default={}, description="Settings that apply to each target that does not set them itself."
    )
    targets: list[object] = Field(default=[], description="The servers to poll, one entry each.")
    targets_from: Patterns = Field(
        default=(),
        description="One pattern or a list of patterns of further files with targets, such as"
        " `conf.d/*.yml`. Patterns are relative to this file; the files are read in the order of"
        " their names.",
    )
    inventory: list[object] = Field(
        default=[], description="Files with certificates of replication clients, one entry each."
    )
    inventory_interval: Interval = Field(
        default=60.0,
        description="Time from one check of these files to the next, from `1s` to `1d`. Only files"
        " that have changed are read.",
    )


class TargetsFileShape(Shape):
    """A file that `targets_from` names."""

    only_here: ClassVar[str] = "a file of targets_from holds targets only"
    required: ClassVar[frozenset[str]] = frozenset({"targets"})

    targets: list[object] = Field(default=[], description="As in the main file; may be empty.")


class InventorySourceShape(Shape):
    """One entry of `inventory`."""

    required: ClassVar[frozenset[str]] = frozenset({"name", "paths"})

    name: Name = Field(
        default="", description="Value of the label `source` of `pgrepl_inventory_errors`."
    )
    paths: Patterns = Field(
        default=(),
        description="One path or a list of paths: files, directories, or patterns such as"
        " `standbys/**/*.crt`.",
    )
    roles: Texts = Field(
        default=(),
        description="Roles that log in with these certificates. By default they are determined"
        " from the names in the certificates.",
    )
    application_names: Texts = Field(
        default=(), description="Standbys that use these certificates; by default any."
    )
    password_file: Text | None = Field(
        default=None,
        description="File that contains the password of PKCS#12 files; it is read at each check.",
    )
    password_env: VariableName | None = Field(
        default=None, description="Environment variable that contains this password instead."
    )


SHAPES: tuple[type[Shape], ...] = (
    ConfigurationShape,
    TargetsFileShape,
    DefaultsShape,
    TargetShape,
    PolicyShape,
    ExemptionShape,
    ServedCertificateShape,
    InventorySourceShape,
)
"""All mappings with known keys, in the order of docs/configuration.md."""
