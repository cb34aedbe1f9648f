"""The shape of the JSON report, as types: docs/report.schema.json is generated from them.

``schema_version`` is 1: a field may be added, none is renamed or removed within a version. Times
are ISO 8601 in UTC. What is not known is null, never zero or empty.
"""

from typing import Any, Literal, NotRequired

# typing's own is not accepted by pydantic before Python 3.12, which generates the schema
from typing_extensions import TypedDict

from exporter.model.certificate import CertificateSource, CertificateUsage
from exporter.model.certificates_report import NameFit
from exporter.model.failure import FailureReason
from exporter.model.judgement import Forecast, ForecastCause, HbaState, Posture, Reason, Verdict
from exporter.model.policy import Requirement, TlsVersion
from exporter.model.wal_sender import Activity, OtherPeer, ReplicationKind

SCHEMA_VERSION = 1

Timestamp = str
"""ISO 8601 in UTC."""

FindingObject = dict[str, Any]
"""``kind``, the fields of that kind of finding (exporter/model/finding.py), and ``text``."""

StepObject = dict[str, Any]
"""``place``, ``kind`` and its ``fields`` (exporter/model/client_steps.py and server_steps.py),
``edit``; and in words ``action`` and ``lines``."""


class UnreadObject(TypedDict):
    """Why something was not read."""

    reason: FailureReason
    detail: str


class PlaceObject(TypedDict):
    """A line of a file."""

    file: str
    line: int


class RuleObject(PlaceObject):
    """A rule of pg_hba.conf as it may be written."""

    text: str


class ErrorLineObject(PlaceObject):
    """A line in error, and whether it keeps the file from being loaded."""

    message: str
    blocks_loading: bool


class RuleMatchObject(TypedDict):
    """Which rule governs.

    ``governs``: file, line and text; ``undecided``: candidates, may_match_none and why.
    """

    match: Literal["governs", "none", "undecided"]
    file: NotRequired[str]
    line: NotRequired[int]
    text: NotRequired[str]
    candidates: NotRequired[list[RuleObject]]
    may_match_none: NotRequired[bool]
    why: NotRequired[list[str]]


class CertificateObject(TypedDict):
    """What identifies a certificate, and its validity; the serial number as text, in decimal."""

    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: Timestamp
    not_after: Timestamp


class InUseObject(TypedDict, total=False):
    """The certificate in use: one (its fields), several (candidates) or none that is known."""

    match: Literal["one", "several", "none"]
    candidates: list[CertificateObject]
    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: Timestamp
    not_after: Timestamp


class NextObject(TypedDict, total=False):
    """The certificate that is sent next; if it is not known, why."""

    known: bool
    why: str
    source: CertificateSource
    path: str
    verification: str | None
    name: NameFit
    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: Timestamp
    not_after: Timestamp


class ShownCertificateObject(TypedDict):
    """What the server shows of the certificate that the client presented."""

    common_name: str | None
    issuer_common_name: str | None
    serial_number: str


class TlsObject(TypedDict):
    """TLS of a connection."""

    version: str
    cipher: str
    client_certificate: ShownCertificateObject | None


class ConnectionObject(TypedDict):
    """One walsender, judged."""

    application_name: str
    role: str
    client_addr: str | None
    peer: Literal["tcp"] | OtherPeer
    kind: ReplicationKind
    database: str | None
    pid: int
    backend_start: Timestamp
    activity: Activity
    state: str | None
    slot_name: str | None
    sync_state: str | None
    tls: TlsObject | None
    gss_encrypted: bool
    posture: Posture
    verdict: Verdict
    reasons: list[Reason]
    exemption: str | None
    rule: RuleMatchObject
    predates_rules: bool | None
    forecast: Forecast
    forecast_cause: ForecastCause | None
    certificate_in_use: InUseObject | None
    next_certificate: NextObject
    certificate_pending: bool | None
    breaks_at: Timestamp | None
    breaks_cause: ForecastCause | None
    findings: list[FindingObject]
    explanation: list[str]
    remedy: list[StepObject]


class ServerObject(TypedDict):
    """The server."""

    version: str
    system_identifier: str | None
    in_recovery: bool
    started_at: Timestamp | None
    configuration_loaded_at: Timestamp | None
    tls_enabled: bool
    requests_client_certificate: bool


class RulesObject(TypedDict):
    """pg_hba.conf."""

    state: HbaState
    error_lines: list[ErrorLineObject]
    findings: list[FindingObject]
    explanation: list[str]
    remedy: list[StepObject]


class ExemptionObject(TypedDict):
    """An exemption of the policy, and how many connections it covers."""

    name: str
    reason: str
    until: Timestamp | None
    connections: int


class CertificatePlaceObject(CertificateObject):
    """A certificate where it is; without paths if it was read over the wire."""

    usage: CertificateUsage
    source: CertificateSource
    paths: list[str]


class VerifiedObject(TypedDict):
    """What verification says of a certificate: ``ok``, ``not_checked`` or OpenSSL's words."""

    fingerprint: str
    usage: CertificateUsage
    result: str


class RevocationListObject(TypedDict):
    """A certificate revocation list; its number as text."""

    issuer: str
    source: CertificateSource
    number: str | None
    this_update: Timestamp | None
    next_update: Timestamp | None


class CertificatesObject(TypedDict):
    """The certificates of a target."""

    served_at: Timestamp | None
    server_certificate_pending: bool | None
    places: list[CertificatePlaceObject]
    verified: list[VerifiedObject]
    revocation_lists: list[RevocationListObject]
    findings: list[FindingObject]
    explanation: list[str]


class PolicyObject(TypedDict):
    """What the policy requires."""

    require: Requirement
    min_tls_version: TlsVersion


class TargetObject(TypedDict):
    """One target; everything from polled_at on is null before its first poll."""

    name: str
    cluster_name: str
    labels: dict[str, str]
    policy: PolicyObject
    polled_at: Timestamp | None
    duration_seconds: float | None
    up: bool | None
    failure: UnreadObject | None
    readers: dict[str, UnreadObject | None] | None
    server: ServerObject | None
    rules: RulesObject | None
    exemptions: list[ExemptionObject] | None
    certificates: CertificatesObject | None
    connections: list[ConnectionObject] | None


class TotalsObject(TypedDict):
    """Sums over all targets; connections by verdict."""

    targets: int
    targets_not_read: int
    connections: dict[Verdict, int]


class ReportObject(TypedDict):
    """The whole report."""

    schema_version: Literal[1]
    totals: TotalsObject
    targets: list[TargetObject]
