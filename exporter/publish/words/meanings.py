"""What each value of the closed lists means, in one sentence for a person.

Reused by docs/metrics.md, the page and the terminal, so that they cannot disagree.
"""

from collections.abc import Mapping
from typing import Final

from exporter.model.failure import FailureReason, Reader
from exporter.model.judgement import Forecast, HbaState, Posture, Reason, Verdict

POSTURES: Final[Mapping[Posture, str]] = {
    Posture.CERTIFICATE_REQUIRED: (
        "It presented a valid certificate, and the rule that governs it requires one whose name "
        "is accepted for this role."
    ),
    Posture.CERTIFICATE_CHAIN_REQUIRED: (
        "It showed a valid certificate, and the rules in force demand one, but any name that the "
        "server's authority has signed would do."
    ),
    Posture.CERTIFICATE_OPTIONAL: (
        "It showed a valid certificate, but would be let in without one."
    ),
    Posture.CERTIFICATE_UNCONFIRMED: (
        "It showed a valid certificate; whether the server demands one is undecided."
    ),
    Posture.TLS_WITHOUT_CERTIFICATE: "It is encrypted by TLS; the client showed no certificate.",
    Posture.GSS_ENCRYPTED: "It is encrypted by GSSAPI (Kerberos), which excludes TLS certificates.",
    Posture.UNIX_SOCKET: "It comes through a unix socket and never leaves the server's machine.",
    Posture.PLAINTEXT: "It is not encrypted: whoever is on the way can read and change it.",
    Posture.HIDDEN: "The exporter's role may not see how it is connected.",
}

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.SECURE: "It is what the policy demands, or better.",
    Verdict.INSECURE: "It is less than the policy demands.",
    Verdict.EXEMPT: "It is less than the policy demands, and an exemption accepts that.",
    Verdict.UNKNOWN: "Too little could be seen or decided to say whether it is secure.",
}

REASONS: Final[Mapping[Reason, str]] = {
    Reason.SERVER_TLS_OFF: "The server has ssl = off, so no client can use TLS.",
    Reason.SERVER_REQUESTS_NO_CERTIFICATE: (
        "The server has no ssl_ca_file, so it never asks a client for a certificate."
    ),
    Reason.CLIENT_WITHOUT_TLS: (
        "The client connected without TLS although the server offers it (sslmode=disable, allow, "
        "or prefer that fell back)."
    ),
    Reason.CLIENT_USED_GSS: "The client chose GSSAPI encryption, which takes the place of TLS.",
    Reason.CLIENT_SENT_NO_CERTIFICATE: (
        "The server asked for a certificate and the client sent none (no sslcert, or no such file)."
    ),
    Reason.RULE_ALLOWS_PLAINTEXT: (
        "The governing rule also matches unencrypted connections (it is host or hostnossl)."
    ),
    Reason.RULE_TRUSTS: "The governing rule has the method trust: it asks for no proof at all.",
    Reason.RULE_USES_PASSWORD: (
        "The governing rule asks for a password and not for a certificate."
    ),
    Reason.RULE_USES_OTHER_METHOD: (
        "The governing rule asks for another proof than a certificate or a password."
    ),
    Reason.RULE_CHECKS_CHAIN_ONLY: (
        "The governing rule has clientcert=verify-ca: any certificate of the authority will do, "
        "whatever name it carries."
    ),
    Reason.RULE_SHADOWS_CERTIFICATE_RULE: (
        "A rule further down demands a certificate, but this one stands before it."
    ),
    Reason.MAP_ADMITS_OTHER_NAMES: (
        "The user name map of the rule lets certificates of other names in as this role."
    ),
    Reason.MAP_UNREADABLE: "The user name map of the rule could not be read.",
    Reason.CERTIFICATE_NAME_UNPROVEN: (
        "The session is older than the rules in force, and the name in its certificate is not "
        "visibly the role's."
    ),
    Reason.RULES_WOULD_REFUSE: "The rules in force would refuse this client if it connected again.",
    Reason.RULES_PENDING: (
        "pg_hba.conf was changed and not loaded, and old and new rules differ for this client."
    ),
    Reason.RULES_REJECTED: (
        "pg_hba.conf has errors and was not loaded; which older rules are in force is not known "
        "well enough."
    ),
    Reason.RULES_LOAD_UNVERIFIED: (
        "Whether the rules on disk are the rules in force could not be confirmed yet."
    ),
    Reason.RULES_UNREADABLE: "The rules of pg_hba.conf could not be read.",
    Reason.RULE_UNDECIDED: (
        "Which rule matches hangs on something the exporter cannot see (a host name, samenet, "
        "quoting), and the possible rules differ."
    ),
    Reason.STATISTICS_HIDDEN: (
        "The exporter's role lacks the rights of pg_read_all_stats, so the server hides this."
    ),
    Reason.TLS_VERSION_TOO_OLD: "Its TLS version is older than the policy's minimum.",
    Reason.CERTIFICATE_EXPIRED_IN_USE: (
        "Its certificate has expired since it connected. The connection goes on, but it cannot "
        "connect again unless a renewed certificate is in place."
    ),
    Reason.CERTIFICATE_UNKNOWN: "Its certificate is not in the inventory.",
    Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE: (
        "Without TLS, another rule accepts the same role from the same address without a "
        "certificate. This connection does not use it."
    ),
    Reason.CERTIFICATE_AMBIGUOUS: (
        "Several certificates of the inventory match what the server tells of it."
    ),
}

HBA_STATES: Final[Mapping[HbaState, str]] = {
    HbaState.LOADED: "The rules in pg_hba.conf are the rules in force.",
    HbaState.PENDING: "pg_hba.conf was changed and not loaded: the change is not in force yet.",
    HbaState.REJECTED: (
        "pg_hba.conf has errors, so that it cannot be loaded: older rules are in force, and the "
        "next restart of the server fails."
    ),
    HbaState.UNVERIFIED: (
        "The file times cannot be read, and nothing else has confirmed yet that the rules on disk "
        "are the rules in force."
    ),
    HbaState.UNREADABLE: "The rules of pg_hba.conf cannot be read.",
}

FAILURES: Final[Mapping[FailureReason, str]] = {
    FailureReason.DNS: (
        "The host name could not be resolved, or the resolver did not answer in time."
    ),
    FailureReason.REFUSED: "Nothing listens there: the connection was refused.",
    FailureReason.UNREACHABLE: "There is no way to the host, or the connection was cut on the way.",
    FailureReason.TIMEOUT: "No answer within the target's time-out.",
    FailureReason.TLS: "The TLS handshake failed, or the server offers no TLS.",
    FailureReason.SERVER_CERTIFICATE: (
        "The server's certificate did not verify, or a file for that could not be read."
    ),
    FailureReason.CLIENT_CERTIFICATE: (
        "The exporter's own client certificate was refused or could not be read."
    ),
    FailureReason.AUTHENTICATION: (
        "The server refused the exporter's password or identity, or, not being verified, did not"
        " authenticate by SCRAM; or the password could not be read."
    ),
    FailureReason.NO_HBA_ENTRY: "No rule of pg_hba.conf admits the exporter's own login.",
    FailureReason.DATABASE_MISSING: "The database that the exporter connects to does not exist.",
    FailureReason.TOO_MANY_CONNECTIONS: "The server has no connection slot left.",
    FailureReason.ROLE_CONNECTION_LIMIT: "The exporter's role or database is at its own limit.",
    FailureReason.STARTING_UP: "The server is starting up and admits nobody yet.",
    FailureReason.SHUTTING_DOWN: "The server is shutting down.",
    FailureReason.HOT_STANDBY_DISABLED: "The server is a standby that admits no sessions.",
    FailureReason.TERMINATED: "The server ended the exporter's session.",
    FailureReason.STATEMENT_TIMEOUT: "A statement took longer than its time-out.",
    FailureReason.RECOVERY_CONFLICT: "The standby cancelled the statement in favour of recovery.",
    FailureReason.PERMISSION: "The exporter's role lacks a privilege for it.",
    FailureReason.NOT_INSTALLED: "The functions of the shipped SQL are not in this database.",
    FailureReason.FILE_MISSING: "The server could not open a file that it is configured with.",
    FailureReason.LIMIT_EXCEEDED: "The server shows more than the exporter reads or judges.",
    FailureReason.UNSUPPORTED_SERVER: "The server is too old, or it is no PostgreSQL.",
    FailureReason.IDENTITY_CHANGED: (
        "Another cluster answers at this address than before (a virtual address or a pooler)."
    ),
    FailureReason.EXPORTER_LIMITS: (
        "The exporter has no file descriptor or thread left: raise its limits."
    ),
    FailureReason.PROTOCOL: "The answer does not follow PostgreSQL's protocol.",
    FailureReason.INTERNAL: "The exporter failed at something it should not; its log tells more.",
}

READERS: Final[Mapping[Reader, str]] = {
    Reader.SERVER: "version, settings and start of the server",
    Reader.WAL_SENDERS: "who replicates, and how each is connected",
    Reader.HBA_RULES: "the rules of pg_hba.conf",
    Reader.HBA_LINES: "which lines of pg_hba.conf hold quotes or file references",
    Reader.IDENT_MAPPINGS: "the user name maps of pg_ident.conf",
    Reader.FILE_TIMES: "when the configuration files last changed",
    Reader.ROLE_MEMBERSHIPS: "the roles that replicating roles are members of",
    Reader.REGULAR_EXPRESSIONS: "what the regular expressions of rules and user name maps match",
    Reader.TLS_FILES: "the server's certificate, authorities and revocation lists, on its disk",
    Reader.RECEIVER: "from whom a standby receives, and the certificate it will show there",
    Reader.SERVED_CHAIN: "the certificates that the server sends to whoever connects",
}

FORECASTS: Final[Mapping[Forecast, str]] = {
    Forecast.ADMITTED_WITH_CERTIFICATE: (
        "connecting again, it would be let in, and its certificate would be demanded"
    ),
    Forecast.ADMITTED_WITHOUT_CERTIFICATE: (
        "connecting again, it would be let in, and no certificate would be demanded"
    ),
    Forecast.REFUSED: "connecting again, it would be refused",
    Forecast.UNKNOWN: (
        "what it would meet if it connected again cannot be told, for too little is known of the "
        "rules in force, of the certificate it would send, or of how the server would take that"
    ),
}
