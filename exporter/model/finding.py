"""Findings on a connection or a target, as data: one type for each kind of sentence.

A finding contains no text; ``exporter/publish/words/findings/text.py`` has the sentences.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.certificates_report import NameFit, NextUnknown
from exporter.model.doubt import WhyUndecided
from exporter.model.hba import ErrorLine, HbaRule
from exporter.model.judgement import Demand, FilesInForce, ForecastCause, HbaState


@dataclass(frozen=True, slots=True)
class NoRuleMatches:
    """No rule of pg_hba.conf matches the connection."""


@dataclass(frozen=True, slots=True)
class RuleGoverns:
    """``rule`` is the first that matches."""

    rule: HbaRule


@dataclass(frozen=True, slots=True)
class RuleRequires:
    """What the governing rule requires of this client; one finding for each possibility."""

    demand: Demand
    auth_method: str


@dataclass(frozen=True, slots=True)
class QuotesNotShown:
    """The governing line contains quotes or ``@`` files that the view does not show."""


@dataclass(frozen=True, slots=True)
class ClientNameNotShown:
    """The governing line contains ``clientname=DN``, which the view does not show."""


@dataclass(frozen=True, slots=True)
class RuleUndecided:
    """It is not decided which of several rules governs; the candidates follow."""


@dataclass(frozen=True, slots=True)
class RuleMayGovern:
    """One of the candidates."""

    rule: HbaRule


@dataclass(frozen=True, slots=True)
class NoRuleMayMatch:
    """It is possible that none of the candidates matches."""


@dataclass(frozen=True, slots=True)
class NotDecided:
    """Why it is not decided which rule governs."""

    why: WhyUndecided


@dataclass(frozen=True, slots=True)
class TlsTurnedOff:
    """The server has ``ssl = off`` now, though the connection uses TLS."""


@dataclass(frozen=True, slots=True)
class CertificatesNoLongerRequested:
    """``ssl_ca_file`` is empty now, though the client sent a certificate."""


@dataclass(frozen=True, slots=True)
class PredatesRules:
    """The connection began before the rules are known to have been in force."""

    backend_start: datetime
    in_force_since: datetime


@dataclass(frozen=True, slots=True)
class UsesCertificate:
    """The certificate in use is this one."""

    certificate: Certificate
    is_expired: bool


@dataclass(frozen=True, slots=True)
class UsesOneOf:
    """The certificate in use is one of several that are known."""

    candidates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class NotInInventory:
    """The certificate in use is not among those of the inventory."""


@dataclass(frozen=True, slots=True)
class NextCertificateUnknown:
    """Which certificate the client will send next is not known."""

    unknown: NextUnknown


@dataclass(frozen=True, slots=True)
class WillSend:
    """Which certificate the client will send when it reconnects.

    Attributes:
        path: of the file that it is in.
        is_on_standby: the file is the standby's own; otherwise it is one of the inventory.
        is_in_use: it is the certificate in use.
        is_renewed: it is newer than the one in use, or than the connection if that is not known.
    """

    certificate: Certificate
    path: str
    is_on_standby: bool
    is_in_use: bool
    is_renewed: bool


@dataclass(frozen=True, slots=True)
class Weakness:
    """A certificate whose key or signature a common security level of OpenSSL may reject.

    Attributes:
        signature_algorithm: if that is weak; empty if the key is.
        key_type: if that is short; empty otherwise.
    """

    subject: DistinguishedName
    signature_algorithm: str
    key_type: str


@dataclass(frozen=True, slots=True)
class NextHandshake:
    """The server's verification of the certificate that is sent next.

    Attributes:
        role: that the client logs in as.
        name: whether the name of the certificate is accepted for it.
        verification: ``ok`` or OpenSSL's words; None where the server's CA file cannot be read.
        weakness: what depends on the server's security level; None if nothing does.
        compares_name: a rule that may govern compares the name.
        is_required: the rules in force require the certificate, so that this decides a
            reconnect.
    """

    role: str
    name: NameFit
    verification: str | None
    weakness: Weakness | None
    compares_name: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class TlsFilesNotInForce:
    """The server still uses older TLS files than those on its disk, which were judged."""

    state: FilesInForce


@dataclass(frozen=True, slots=True)
class ReconnectsFail:
    """Reconnects are rejected from a date on."""

    at: datetime
    cause: ForecastCause


@dataclass(frozen=True, slots=True)
class RulesState:
    """Whether the rules on disk are the rules in force."""

    state: HbaState


@dataclass(frozen=True, slots=True)
class LineInError:
    """A line of pg_hba.conf that is not valid."""

    error: ErrorLine


@dataclass(frozen=True, slots=True)
class ServedNotVerified:
    """The served certificate is not verified: the configured CA file cannot be read.

    Attributes:
        detail: why.
    """

    detail: str


@dataclass(frozen=True, slots=True)
class ServedRejected:
    """A client with ``sslmode=verify-full`` rejects the served certificate.

    Attributes:
        host: the name that it is compared with; None if none is.
        verification: OpenSSL's words.
    """

    certificate: Certificate
    host: str | None
    verification: str


@dataclass(frozen=True, slots=True)
class ServedDiffers:
    """``ssl_cert_file`` contains another certificate than the server sends."""

    in_file: Certificate
    served: Certificate
    read_at: datetime


class ExpiringThing(StrEnum):
    """The kinds of things that expire."""

    SERVED_CERTIFICATE = "served_certificate"
    SERVED_AUTHORITY = "served_authority"
    AUTHORITY = "authority"
    """Of ssl_ca_file."""
    REVOCATION_LIST = "revocation_list"


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something of the server that has expired, or that expires first.

    Attributes:
        name: of its subject; of a revocation list, its issuer's.
        is_past: it has expired.
    """

    thing: ExpiringThing
    name: DistinguishedName
    at: datetime
    is_past: bool


@dataclass(frozen=True, slots=True)
class NotInUse:
    """A known certificate of a replication role that no connection uses.

    Attributes:
        verification: ``ok`` or OpenSSL's words.
    """

    certificate: Certificate
    verification: str


@dataclass(frozen=True, slots=True)
class MoreNotInUse:
    """So many more certificates are not in use."""

    number: int


RuleFinding = (
    NoRuleMatches
    | RuleGoverns
    | RuleRequires
    | QuotesNotShown
    | ClientNameNotShown
    | RuleUndecided
    | RuleMayGovern
    | NoRuleMayMatch
    | NotDecided
    | TlsTurnedOff
    | CertificatesNoLongerRequested
    | PredatesRules
)
CertificateFinding = (
    UsesCertificate
    | UsesOneOf
    | NotInInventory
    | NextCertificateUnknown
    | WillSend
    | NextHandshake
    | TlsFilesNotInForce
    | ReconnectsFail
)
ServerFinding = (
    RulesState
    | LineInError
    | ServedNotVerified
    | ServedRejected
    | ServedDiffers
    | Expiry
    | NotInUse
    | MoreNotInUse
)
Finding = RuleFinding | CertificateFinding | ServerFinding
