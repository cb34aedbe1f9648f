"""One PostgreSQL server that the exporter polls, and how it logs in there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.model.policy import Policy
from exporter.model.served import ServedCertificateCheck


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """A file that contains the password; read at each poll, so that it can be rotated."""

    path: Path


@dataclass(frozen=True, slots=True)
class PasswordVariable:
    """An environment variable that contains the password."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearPassword:
    """A password that the configuration explicitly contains."""

    value: str = field(repr=False)


Password = PasswordFile | PasswordVariable | ClearPassword | None


@dataclass(frozen=True, slots=True)
class Target:
    """One server, with all that is configured for it.

    Attributes:
        name: the label ``target``.
        parameters: libpq connection parameters by keyword, without any secret.
        password: where the password comes from; None for none (certificate, trust, pgpass).
        labels: static labels of ``pgrepl_target_info``.
        cluster_name: the cluster it is a node of; empty if not configured.
        interval_seconds: from the start of one poll to the start of the next.
        timeout_seconds: deadline of one poll, connecting included.
        served_certificate: how the served chain is read; None: switched off.
    """

    name: str
    parameters: Mapping[str, str]
    password: Password = None
    labels: Mapping[str, str] = field(default_factory=dict)
    cluster_name: str = ""
    interval_seconds: float = 60.0
    timeout_seconds: float = 10.0
    policy: Policy = field(default_factory=Policy)
    served_certificate: ServedCertificateCheck | None = field(
        default_factory=ServedCertificateCheck
    )
