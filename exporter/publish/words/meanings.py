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
        "It presented a valid certificate, and the rules in force require one, but they also "
        "accept certificates with other names for this role."
    ),
    Posture.CERTIFICATE_OPTIONAL: (
        "It presented a valid certificate, but the server would also accept it without one."
    ),
    Posture.CERTIFICATE_UNCONFIRMED: (
        "It presented a valid certificate; it cannot be determined whether the server requires one."
    ),
    Posture.TLS_WITHOUT_CERTIFICATE: "It is encrypted by TLS; the client presented no certificate.",
    Posture.GSS_ENCRYPTED: "It is encrypted by GSSAPI (Kerberos), which excludes TLS certificates.",
    Posture.UNIX_SOCKET: "It uses a Unix-domain socket and does not leave the server's machine.",
    Posture.PLAINTEXT: (
        "The connection is not encrypted: anyone on the network path can read and modify it."
    ),
    Posture.HIDDEN: "The exporter's role may not see how it is connected.",
}

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.SECURE: "It meets the target's policy.",
    Verdict.INSECURE: "It does not meet the target's policy.",
    Verdict.EXEMPT: "It does not meet the target's policy, and an exemption covers it.",
    Verdict.UNKNOWN: "Whether it meets the target's policy cannot be determined.",
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
    Reason.CLIENT_USED_GSS: "The client uses GSSAPI encryption in place of TLS.",
    Reason.CLIENT_SENT_NO_CERTIFICATE: (
        "The server asked for a certificate and the client sent none (no sslcert, or no such file)."
    ),
    Reason.RULE_ALLOWS_PLAINTEXT: (
        "The governing rule also matches unencrypted connections (it is host or hostnossl)."
    ),
    Reason.RULE_TRUSTS: "The governing rule has the method trust: it requires no authentication.",
    Reason.RULE_USES_PASSWORD: ("The governing rule requires a password and not a certificate."),
    Reason.RULE_USES_OTHER_METHOD: (
        "The governing rule uses another method than a certificate or a password."
    ),
    Reason.RULE_CHECKS_CHAIN_ONLY: (
        "The governing rule has clientcert=verify-ca: it accepts any certificate that the "
        "server's CA file verifies, whatever its name."
    ),
    Reason.RULE_SHADOWS_CERTIFICATE_RULE: (
        "A later rule requires a certificate, but this one matches first."
    ),
    Reason.MAP_ADMITS_OTHER_NAMES: (
        "The user name map of the rule accepts certificates with other names for this role."
    ),
    Reason.MAP_UNREADABLE: "The user name map of the rule could not be read.",
    Reason.CERTIFICATE_NAME_UNPROVEN: (
        "The connection is older than the rules in force, and the name shown of its certificate "
        "does not prove that it is the role's."
    ),
    Reason.RULES_WOULD_REFUSE: "The rules in force would reject a reconnect of this client.",
    Reason.RULES_PENDING: (
        "pg_hba.conf was changed and not loaded, and old and new rules differ for this client."
    ),
    Reason.RULES_REJECTED: (
        "pg_hba.conf has errors and was not loaded; it cannot be determined which older rules are "
        "in force."
    ),
    Reason.RULES_LOAD_UNVERIFIED: (
        "It is not yet confirmed that the rules on disk are the rules in force."
    ),
    Reason.RULES_UNREADABLE: "The rules of pg_hba.conf could not be read.",
    Reason.RULE_UNDECIDED: (
        "Which rule matches depends on something the exporter cannot see (a host name, samenet, "
        "quoting), and the possible rules differ."
    ),
    Reason.STATISTICS_HIDDEN: (
        "The exporter's role lacks the privileges of pg_read_all_stats, so the server hides this."
    ),
    Reason.TLS_VERSION_TOO_OLD: "Its TLS version is older than the policy's minimum.",
    Reason.CERTIFICATE_EXPIRED_IN_USE: (
        "Its certificate has expired since it connected. The connection continues, but the "
        "client cannot reconnect unless a renewed certificate is in place."
    ),
    Reason.CERTIFICATE_UNKNOWN: "Its certificate is not in the inventory.",
    Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE: (
        "Without TLS, another rule accepts the same role from the same address without a "
        "certificate. This connection does not use it."
    ),
    Reason.CERTIFICATE_AMBIGUOUS: (
        "Several certificates of the inventory match what the server shows of it."
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
    FailureReason.REFUSED: "Nothing listens at this address: the connection was refused.",
    FailureReason.UNREACHABLE: (
        "There is no route to the host, or the network dropped the connection."
    ),
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
    FailureReason.NO_HBA_ENTRY: "No rule of pg_hba.conf accepts the exporter's own login.",
    FailureReason.DATABASE_MISSING: "The database that the exporter connects to does not exist.",
    FailureReason.TOO_MANY_CONNECTIONS: "The server has no connection slot left.",
    FailureReason.ROLE_CONNECTION_LIMIT: "The exporter's role or database is at its own limit.",
    FailureReason.STARTING_UP: "The server is starting up and does not accept connections yet.",
    FailureReason.SHUTTING_DOWN: "The server is shutting down.",
    FailureReason.HOT_STANDBY_DISABLED: (
        "The server is a standby that accepts no sessions (hot_standby = off)."
    ),
    FailureReason.TERMINATED: "The server terminated the exporter's session.",
    FailureReason.STATEMENT_TIMEOUT: "A statement took longer than its time-out.",
    FailureReason.RECOVERY_CONFLICT: "The standby cancelled the statement in favour of recovery.",
    FailureReason.PERMISSION: "The exporter's role lacks a privilege for it.",
    FailureReason.NOT_INSTALLED: "The functions of the shipped SQL are not in this database.",
    FailureReason.FILE_MISSING: "The server could not open a file that it is configured with.",
    FailureReason.LIMIT_EXCEEDED: "The server shows more than the exporter reads or judges.",
    FailureReason.UNSUPPORTED_SERVER: "The server is too old, or it is not PostgreSQL.",
    FailureReason.IDENTITY_CHANGED: (
        "Another cluster answers at this address than before (a virtual address or a pooler)."
    ),
    FailureReason.EXPORTER_LIMITS: (
        "The exporter has no file descriptor or thread left: raise its limits."
    ),
    FailureReason.PROTOCOL: "The answer does not follow PostgreSQL's protocol.",
    FailureReason.INTERNAL: "An internal error of the exporter; its log has the details.",
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
    Reader.RECEIVER: "the server that a standby receives from, and the certificate it will send",
    Reader.SERVED_CHAIN: "the certificates that the server sends to its clients",
}

FORECASTS: Final[Mapping[Forecast, str]] = {
    Forecast.ADMITTED_WITH_CERTIFICATE: (
        "a reconnect would be accepted, and its certificate would be required"
    ),
    Forecast.ADMITTED_WITHOUT_CERTIFICATE: (
        "a reconnect would be accepted, and no certificate would be required"
    ),
    Forecast.REFUSED: "a reconnect would be refused",
    Forecast.UNKNOWN: (
        "the result of a reconnect cannot be determined, because too little is known of the rules "
        "in force, of the certificate that the client would send, or of how the server would "
        "verify it"
    ),
}
