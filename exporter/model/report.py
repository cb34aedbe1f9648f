"""The report on one target, from which every publisher reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporter.model.certificates_report import InUse, NextCertificate, NextUnknown
from exporter.model.doubt import WhyUndecided
from exporter.model.failure import Read, Reader, Unread
from exporter.model.finding import CertificateFinding, RuleFinding, ServerFinding
from exporter.model.hba import ErrorLine, HbaRule
from exporter.model.judgement import Forecast, ForecastCause, HbaState, Posture, Reason, Verdict
from exporter.model.observation import Server
from exporter.model.policy import Policy
from exporter.model.remedy import Step
from exporter.model.target import Target
from exporter.model.target_certificates import TargetCertificates
from exporter.model.tls_files import Receiver
from exporter.model.wal_sender import WalSender


@dataclass(frozen=True, slots=True)
class Governs:
    """Exactly one rule governs the connection."""

    rule: HbaRule


@dataclass(frozen=True, slots=True)
class NoRule:
    """No rule matches: the server rejects the connection."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Several outcomes are possible.

    Attributes:
        candidates: the rules that may govern, in reading order; empty when nothing is known.
        may_match_none: whether it is also possible that none of them matches.
    """

    candidates: tuple[HbaRule, ...]
    may_match_none: bool
    why: tuple[WhyUndecided, ...]


RuleMatch = Governs | NoRule | Undecided


@dataclass(frozen=True, slots=True)
class Connection:
    """One walsender, judged.

    Attributes:
        reasons: why the posture is not the best one, most important first.
        rule_match: by the rules in force; Undecided without candidates when those are not known.
        predates_rules: it began before the rules in force are known to have been loaded; None
            when that cannot be determined.
        certificate_name: the first CN of the certificate shown, when the server's
            cut names determine it; None if they do not, or none was shown.
        issuer_name: the last CN of the certificate's issuer, under the same conditions.
        in_use: the known certificate that matches the one shown; None if none was shown.
        next_certificate: what the client will send when it reconnects.
        certificate_pending: the client has another, newer certificate than the one in use, for
            its next reconnect; None if either is not known.
        breaks_at: from when on a reconnect fails because of a date; None if nothing is known to
            expire, or it fails already.
        breaks_cause: what expires then: EXPIRED, AUTHORITY or CRL.
        exemption: name of the exemption that covers it; empty if none does.
        findings: the facts to report: the rule as the server matched it, what it requires, the
            certificates.
        remedy: ordered steps to the best posture; empty when there is nothing to do.
    """

    wal_sender: WalSender
    posture: Posture
    verdict: Verdict
    reasons: tuple[Reason, ...]
    rule_match: RuleMatch
    predates_rules: bool | None
    certificate_name: str | None
    exemption: str
    forecast: Forecast
    forecast_cause: ForecastCause
    findings: tuple[RuleFinding | CertificateFinding, ...]
    remedy: tuple[Step, ...]
    next_certificate: NextCertificate | NextUnknown
    issuer_name: str | None = None
    in_use: InUse | None = None
    certificate_pending: bool | None = None
    breaks_at: datetime | None = None
    breaks_cause: ForecastCause = ForecastCause.NONE


@dataclass(frozen=True, slots=True)
class RulesReport:
    """pg_hba.conf of the target.

    Attributes:
        error_lines: all lines in error, blocking or not.
        remedy: steps when the file is not simply loaded (errors by line with what to write).
    """

    state: HbaState
    error_lines: tuple[ErrorLine, ...]
    findings: tuple[ServerFinding, ...]
    remedy: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ExemptionUse:
    """One exemption of the policy and how many connections it covers now.

    Attributes:
        until: when it expires; None for never.
    """

    name: str
    reason: str
    until: datetime | None
    connections: int


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What is known of one target after its latest poll.

    Attributes:
        failure: why the poll failed; None when it read what it must (server and walsenders).
        readers: for every reader that was tried: None when it succeeded.
        server, rules: None when the poll did not get that far.
        connections: worst first: by verdict, then posture, then age (oldest first).
        receiver: of a standby, for the judgement of the target that it receives from.
    """

    target: Target
    polled_at: datetime
    duration_seconds: float
    failure: Unread | None
    readers: Mapping[Reader, Unread | None]
    server: Server | None
    rules: RulesReport | None
    connections: Read[tuple[Connection, ...]]
    exemptions: tuple[ExemptionUse, ...]
    certificates: TargetCertificates = field(default_factory=TargetCertificates)
    receiver: Receiver | None = None

    @property
    def policy(self) -> Policy:
        """The policy that the verdicts were reached under."""
        return self.target.policy
