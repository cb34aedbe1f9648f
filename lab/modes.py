"""The ways a client can replicate, as data: rule, client, and what is to be told of it.

The expectations follow docs/metrics.md: what is demanded now decides, and a reason is told for
each thing that keeps the posture from ``certificate_required``. The exemption of loopback
addresses is off where they are held against the exporter.
"""

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from exporter.model.judgement import Posture, Reason, Verdict
from exporter.model.wal_sender import ReplicationKind
from lab.cluster import quoted
from lab.pki import Authority
from lab.replication import LOGICAL, PHYSICAL, ReplicationClient
from lab.server import PostgresServer


class Shown(Enum):
    """The certificate that the client has."""

    NONE = "none"
    OWN_NAME = "own name"
    """Its common name is the role."""
    OTHER_NAME = "other name"
    """Its common name is ``machine-7.example``, which is no role."""


OTHER_NAME = "machine-7.example"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to replicate, and what the exporter has to tell of it.

    Attributes:
        name: also the client's application_name.
        role: of this mode alone, so that all modes live on one server.
        rule_lines: of pg_hba.conf.
        meaning: half a sentence for a person.
        sslmode: of the client; empty for a unix socket.
        reasons: those that are told; in any order.
        ident_lines: of pg_ident.conf.
    """

    name: str
    role: str
    rule_lines: tuple[str, ...]
    meaning: str
    sslmode: str
    posture: Posture
    reasons: frozenset[Reason] = frozenset()
    shown: Shown = Shown.NONE
    kind: ReplicationKind = PHYSICAL
    ident_lines: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """What the default policy (``require: certificate``) makes of it."""
        secure = self.posture in {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}
        return Verdict.SECURE if secure else Verdict.INSECURE


_ANYWHERE = "127.0.0.0/8"

CERTIFICATE_REQUIRED = Mode(
    "certificate",
    "r_cert",
    (f"hostssl replication r_cert {_ANYWHERE} cert",),
    "the rule demands a certificate of the role's name",
    "verify-full",
    Posture.CERTIFICATE_REQUIRED,
    shown=Shown.OWN_NAME,
)
PASSWORD_AND_CERTIFICATE = Mode(
    "password-and-certificate",
    "r_full",
    (f"hostssl replication r_full {_ANYWHERE} scram-sha-256 clientcert=verify-full",),
    "the rule demands a password and a certificate of the role's name",
    "verify-full",
    Posture.CERTIFICATE_REQUIRED,
    shown=Shown.OWN_NAME,
)
PASSWORD_AND_CHAIN = Mode(
    "any-certificate",
    "r_chain",
    (f"hostssl replication r_chain {_ANYWHERE} scram-sha-256 clientcert=verify-ca",),
    "any certificate of the authority does",
    "verify-full",
    Posture.CERTIFICATE_CHAIN_REQUIRED,
    frozenset({Reason.RULE_CHECKS_CHAIN_ONLY}),
    shown=Shown.OTHER_NAME,
)
CERTIFICATE_NOT_ASKED_FOR = Mode(
    "certificate-not-demanded",
    "r_shown",
    (f"hostssl replication r_shown {_ANYWHERE} scram-sha-256",),
    "a certificate is shown, but the rule asks for a password only",
    "verify-full",
    Posture.CERTIFICATE_OPTIONAL,
    frozenset({Reason.RULE_USES_PASSWORD}),
    shown=Shown.OWN_NAME,
)
TRUSTED_WITH_CERTIFICATE = Mode(
    "trusted-with-certificate",
    "r_trust",
    (f"hostssl replication r_trust {_ANYWHERE} trust",),
    "a certificate is shown, but the rule lets everybody in",
    "verify-full",
    Posture.CERTIFICATE_OPTIONAL,
    frozenset({Reason.RULE_TRUSTS}),
    shown=Shown.OWN_NAME,
)
TLS_WITHOUT_CERTIFICATE = Mode(
    "tls-without-certificate",
    "r_tls",
    (f"hostssl replication r_tls {_ANYWHERE} scram-sha-256",),
    "TLS and a password",
    "verify-full",
    Posture.TLS_WITHOUT_CERTIFICATE,
    frozenset({Reason.CLIENT_SENT_NO_CERTIFICATE, Reason.RULE_USES_PASSWORD}),
)
FALLEN_BACK = Mode(
    "fallen-back-to-plaintext",
    "r_prefer",
    (
        f"hostssl replication r_prefer {_ANYWHERE} cert",
        f"host replication r_prefer {_ANYWHERE} scram-sha-256",
    ),
    "sslmode=prefer: refused over TLS for want of a certificate, let in without",
    "prefer",
    Posture.PLAINTEXT,
    frozenset({Reason.CLIENT_WITHOUT_TLS, Reason.RULE_USES_PASSWORD, Reason.RULE_ALLOWS_PLAINTEXT}),
)
FALLEN_BACK_TO_HOSTNOSSL = Mode(
    "only-plaintext-allowed",
    "r_nossl",
    (f"hostnossl replication r_nossl {_ANYWHERE} scram-sha-256",),
    "sslmode=prefer, and the only rule is hostnossl",
    "prefer",
    Posture.PLAINTEXT,
    frozenset({Reason.CLIENT_WITHOUT_TLS, Reason.RULE_USES_PASSWORD, Reason.RULE_ALLOWS_PLAINTEXT}),
)
PLAINTEXT = Mode(
    "plaintext",
    "r_plain",
    (f"host replication r_plain {_ANYWHERE} scram-sha-256",),
    "a password and no TLS",
    "disable",
    Posture.PLAINTEXT,
    frozenset({Reason.CLIENT_WITHOUT_TLS, Reason.RULE_USES_PASSWORD, Reason.RULE_ALLOWS_PLAINTEXT}),
)
TRUSTED_PLAINTEXT = Mode(
    "trusted-plaintext",
    "r_open",
    (f"host replication r_open {_ANYWHERE} trust",),
    "neither password nor TLS",
    "disable",
    Posture.PLAINTEXT,
    frozenset({Reason.CLIENT_WITHOUT_TLS, Reason.RULE_TRUSTS, Reason.RULE_ALLOWS_PLAINTEXT}),
)
SHADOWED = Mode(
    "certificate-rule-shadowed",
    "r_shadow",
    (
        f"host replication r_shadow {_ANYWHERE} scram-sha-256",
        f"hostssl replication r_shadow {_ANYWHERE} cert",
    ),
    "a password rule stands before the certificate rule",
    "verify-full",
    Posture.CERTIFICATE_OPTIONAL,
    frozenset(
        {
            Reason.RULE_USES_PASSWORD,
            Reason.RULE_ALLOWS_PLAINTEXT,
            Reason.RULE_SHADOWS_CERTIFICATE_RULE,
        }
    ),
    shown=Shown.OWN_NAME,
)
UNIX_SOCKET = Mode(
    "unix-socket",
    "r_socket",
    ("local replication r_socket trust",),
    "on the server itself",
    "",
    Posture.UNIX_SOCKET,
)
LOGICAL_WITH_CERTIFICATE = Mode(
    "logical-certificate",
    "l_cert",
    (f"hostssl postgres l_cert {_ANYWHERE} cert",),
    "logical; the database's rule demands a certificate",
    "verify-full",
    Posture.CERTIFICATE_REQUIRED,
    shown=Shown.OWN_NAME,
    kind=LOGICAL,
)
LOGICAL_WITH_PASSWORD = Mode(
    "logical-password",
    "l_tls",
    (f"hostssl all l_tls {_ANYWHERE} scram-sha-256",),
    "logical; TLS and a password",
    "verify-full",
    Posture.TLS_WITHOUT_CERTIFICATE,
    frozenset({Reason.CLIENT_SENT_NO_CERTIFICATE, Reason.RULE_USES_PASSWORD}),
    kind=LOGICAL,
)
MAPPED_LITERALLY = Mode(
    "certificate-mapped",
    "r_mapped",
    (f"hostssl replication r_mapped {_ANYWHERE} cert map=literal",),
    "a map gives this role to one certificate name",
    "verify-full",
    Posture.CERTIFICATE_REQUIRED,
    shown=Shown.OTHER_NAME,
    ident_lines=(f"literal {OTHER_NAME} r_mapped",),
)
MAPPED_BY_PATTERN = Mode(
    "certificate-mapped-by-pattern",
    "r_pattern",
    (f"hostssl replication r_pattern {_ANYWHERE} cert map=pattern",),
    "a map gives this role to every name of a domain",
    "verify-full",
    Posture.CERTIFICATE_CHAIN_REQUIRED,
    frozenset({Reason.MAP_ADMITS_OTHER_NAMES}),
    shown=Shown.OTHER_NAME,
    ident_lines=(r"pattern /^.*\.example$ r_pattern",),
)

MODES = (
    CERTIFICATE_REQUIRED,
    PASSWORD_AND_CERTIFICATE,
    PASSWORD_AND_CHAIN,
    CERTIFICATE_NOT_ASKED_FOR,
    TRUSTED_WITH_CERTIFICATE,
    TLS_WITHOUT_CERTIFICATE,
    FALLEN_BACK,
    FALLEN_BACK_TO_HOSTNOSSL,
    PLAINTEXT,
    TRUSTED_PLAINTEXT,
    SHADOWED,
    UNIX_SOCKET,
    LOGICAL_WITH_CERTIFICATE,
    LOGICAL_WITH_PASSWORD,
    MAPPED_LITERALLY,
    MAPPED_BY_PATTERN,
)


def hba_text(modes: Sequence[Mode] = MODES) -> str:
    """Return the lines of pg_hba.conf that ``modes`` need."""
    return "".join(f"{line}\n" for mode in modes for line in mode.rule_lines)


def ident_text(modes: Sequence[Mode] = MODES) -> str:
    """Return the lines of pg_ident.conf that ``modes`` need."""
    return "".join(f"{line}\n" for mode in modes for line in mode.ident_lines)


def create_roles(server: PostgresServer, modes: Sequence[Mode] = MODES) -> str:
    """Create the modes' roles; return the password they share, made up for this call."""
    password = secrets.token_urlsafe(16)
    for mode in modes:
        server.sql(
            f"CREATE ROLE {mode.role} LOGIN REPLICATION PASSWORD {quoted(password)}",
        )
    return password


def parameters(
    mode: Mode, server: PostgresServer, authority: Authority, password: str
) -> Mapping[str, str]:
    """Return the libpq parameters of the mode's client; issues its certificate."""
    found = {"user": mode.role, "password": password, "application_name": mode.name}
    if not mode.sslmode:
        return {**found, **server.socket}
    found |= {**server.tcp, "sslmode": mode.sslmode}
    if mode.sslmode.startswith("verify"):
        found["sslrootcert"] = str(authority.certificate_path)
    if mode.shown is not Shown.NONE:
        name = mode.role if mode.shown is Shown.OWN_NAME else OTHER_NAME
        issued = authority.issue(common_name=name)
        found["sslcert"] = str(issued.certificate_path)
        found["sslkey"] = str(issued.key_path)
    return found


@contextlib.contextmanager
def clients(
    server: PostgresServer,
    authority: Authority,
    password: str,
    modes: Sequence[Mode] = MODES,
) -> Iterator[Mapping[str, ReplicationClient]]:
    """Yield a streaming client for each mode, by the mode's name."""
    with contextlib.ExitStack() as stack:
        yield {
            mode.name: stack.enter_context(
                ReplicationClient(parameters(mode, server, authority, password), mode.kind)
            )
            for mode in modes
        }
