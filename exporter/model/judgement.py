"""The closed lists of judgements; their values are label values, never renamed, never reused."""

from enum import StrEnum


class Posture(StrEnum):
    """How one connection is secured, best to worst."""

    CERTIFICATE_REQUIRED = "certificate_required"
    CERTIFICATE_CHAIN_REQUIRED = "certificate_chain_required"
    CERTIFICATE_OPTIONAL = "certificate_optional"
    CERTIFICATE_UNCONFIRMED = "certificate_unconfirmed"
    TLS_WITHOUT_CERTIFICATE = "tls_without_certificate"
    GSS_ENCRYPTED = "gss_encrypted"
    UNIX_SOCKET = "unix_socket"
    PLAINTEXT = "plaintext"
    HIDDEN = "hidden"


class Verdict(StrEnum):
    """A posture compared with the policy."""

    SECURE = "secure"
    INSECURE = "insecure"
    EXEMPT = "exempt"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a posture is not the best one."""

    SERVER_TLS_OFF = "server_tls_off"
    SERVER_REQUESTS_NO_CERTIFICATE = "server_requests_no_certificate"
    CLIENT_WITHOUT_TLS = "client_without_tls"
    CLIENT_USED_GSS = "client_used_gss"
    CLIENT_SENT_NO_CERTIFICATE = "client_sent_no_certificate"
    RULE_ALLOWS_PLAINTEXT = "rule_allows_plaintext"
    RULE_TRUSTS = "rule_trusts"
    RULE_USES_PASSWORD = "rule_uses_password"  # noqa: S105  a label value, no password
    RULE_USES_OTHER_METHOD = "rule_uses_other_method"
    RULE_CHECKS_CHAIN_ONLY = "rule_checks_chain_only"
    RULE_SHADOWS_CERTIFICATE_RULE = "rule_shadows_certificate_rule"
    MAP_ADMITS_OTHER_NAMES = "map_admits_other_names"
    MAP_UNREADABLE = "map_unreadable"
    CERTIFICATE_NAME_UNPROVEN = "certificate_name_unproven"
    RULES_WOULD_REFUSE = "rules_would_refuse"
    RULES_PENDING = "rules_pending"
    RULES_REJECTED = "rules_rejected"
    RULES_LOAD_UNVERIFIED = "rules_load_unverified"
    RULES_UNREADABLE = "rules_unreadable"
    RULE_UNDECIDED = "rule_undecided"
    STATISTICS_HIDDEN = "statistics_hidden"
    TLS_VERSION_TOO_OLD = "tls_version_too_old"
    CERTIFICATE_EXPIRED_IN_USE = "certificate_expired_in_use"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_AMBIGUOUS = "certificate_ambiguous"
    OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE = "other_rule_admits_without_certificate"
    """About another possible connection of the same role; it lowers no posture and no verdict."""


class HbaState(StrEnum):
    """Whether the rules on disk are the rules in force."""

    LOADED = "loaded"
    PENDING = "pending"
    """Edited, not loaded."""
    REJECTED = "rejected"
    """A reload failed: older rules are in force, and the next restart fails."""
    UNVERIFIED = "unverified"
    """The file times are not readable, and nothing else has confirmed the load yet."""
    UNREADABLE = "unreadable"


class Forecast(StrEnum):
    """The predicted outcome of a connection's next reconnect."""

    ADMITTED_WITH_CERTIFICATE = "admitted_with_certificate"
    ADMITTED_WITHOUT_CERTIFICATE = "admitted_without_certificate"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class ForecastCause(StrEnum):
    """The cause of a forecast ``refused``."""

    RULE = "rule"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    PURPOSE = "purpose"
    """The certificate, or an authority of it, is not one for TLS clients."""
    REVOKED = "revoked"
    CRL = "crl"
    AUTHORITY = "authority"
    NAME = "name"
    ROLE = "role"
    SERVER_CERTIFICATE = "server_certificate"
    NONE = ""


class Demand(StrEnum):
    """What a rule requires of a client, as far as certificates go; best to worst."""

    CERTIFICATE = "certificate"
    """A certificate whose name is the role's, and of no other name."""
    CHAIN = "chain"
    """Any certificate that the server's CA file verifies."""
    CHAIN_BY_MAP = "chain_by_map"
    """A certificate of one of several names: the user name map accepts others than the role's."""
    UNKNOWN = "unknown"
    """A certificate; the user name map that decides whose cannot be read or decided."""
    NOTHING = "nothing"
    """No certificate is needed."""
    REFUSES = "refuses"
    """Nothing is accepted."""


class FilesInForce(StrEnum):
    """Whether the authorities and lists on disk are those that clients are verified by."""

    LOADED = "loaded"
    CHANGED = "changed"
    """Since the last reload."""
    NOT_TAKEN = "not_taken"
    """A reload after the change did not load the server's TLS files."""
    UNKNOWN = "unknown"
    """The times of the files cannot be read."""
