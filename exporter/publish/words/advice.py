"""What to do about each reason of a connection, in one or two sentences: the one source of it.

The dashboard and the tables of the runbooks are generated from it, the alerts are compared with it.
The reasons of one connection have no order on the dashboard, so each text names what has to be done
or checked before it. The pages in docs/runbooks and ``explain`` have the exact lines.
"""

from collections.abc import Mapping
from typing import Final

from exporter.model.judgement import Reason

_EVERY_CLIENT = (
    "Once every client that the rule matches presents a certificate whose name is accepted"
)
_RIGHTS = (
    "On the primary, as a superuser: "
    "pg-replication-cert-exporter sql --role=ROLE | psql -d DATABASE."
)

ADVICE: Final[Mapping[Reason, str]] = {
    Reason.SERVER_TLS_OFF: (
        "On the server: set ssl = on, ssl_cert_file and ssl_key_file, then reload."
    ),
    Reason.SERVER_REQUESTS_NO_CERTIFICATE: (
        "On the server: set ssl_ca_file to a file with every authority that issued a certificate "
        "to a client (a certificate of another one is refused), then reload."
    ),
    Reason.CLIENT_WITHOUT_TLS: (
        "On the client: try sslmode=verify-full and sslrootcert with psql; then add them to the "
        "connection string."
    ),
    Reason.CLIENT_USED_GSS: (
        "On the client: try gssencmode=disable and sslmode=verify-full with psql; then add them to "
        "the connection string."
    ),
    Reason.CLIENT_SENT_NO_CERTIFICATE: (
        "On the client: issue a certificate with a name that the rule or its map accepts (the role "
        "as CN where there is no map) and try it with psql; then add sslcert and sslkey to the "
        "connection string."
    ),
    Reason.RULE_ALLOWS_PLAINTEXT: (
        "Once every client that the rule matches connects with TLS, write hostssl in pg_hba.conf."
    ),
    Reason.RULE_TRUSTS: (
        f"{_EVERY_CLIENT}, write hostssl and the method cert in place of trust in pg_hba.conf."
    ),
    Reason.RULE_USES_PASSWORD: (
        f"{_EVERY_CLIENT}, write the method cert in pg_hba.conf, or add clientcert=verify-full "
        "(the CN must then be the role, without a map)."
    ),
    Reason.RULE_USES_OTHER_METHOD: (
        f"{_EVERY_CLIENT}, write the method cert in pg_hba.conf, or add clientcert=verify-full."
    ),
    Reason.RULE_CHECKS_CHAIN_ONLY: (
        "Once every client that the rule matches has a certificate with the role as CN (no map "
        "applies), write clientcert=verify-full in place of verify-ca in pg_hba.conf."
    ),
    Reason.RULE_SHADOWS_CERTIFICATE_RULE: (
        "Once every client that the rule with cert matches presents a certificate whose name is "
        "accepted, move that rule above this one in pg_hba.conf."
    ),
    Reason.MAP_ADMITS_OTHER_NAMES: (
        "In pg_ident.conf: first add a line for the name of each certificate in use, for every "
        "role of the map; then remove the pattern."
    ),
    Reason.MAP_UNREADABLE: _RIGHTS,
    Reason.CERTIFICATE_NAME_UNPROVEN: (
        "On the client: check that its certificate has a name that the rule or its map accepts, "
        "else replace it; then let it reconnect."
    ),
    Reason.RULES_WOULD_REFUSE: (
        "Fix the rule or the certificate before the client has to reconnect."
    ),
    Reason.RULES_PENDING: (
        "Check that the changed pg_hba.conf still accepts every client; then SELECT "
        "pg_reload_conf(), or revert the change."
    ),
    Reason.RULES_REJECTED: (
        "Correct the lines of pg_hba.conf that have errors and check that the file still accepts "
        "every client; then reload."
    ),
    Reason.RULES_LOAD_UNVERIFIED: _RIGHTS,
    Reason.RULES_UNREADABLE: _RIGHTS,
    Reason.RULE_UNDECIDED: (
        "In pg_hba.conf: insert a line with the client's address above the undecided ones, with "
        "the method that accepts it now."
    ),
    Reason.STATISTICS_HIDDEN: _RIGHTS,
    Reason.TLS_VERSION_TOO_OLD: (
        "On the client: use a libpq and OpenSSL that support the version and, unless its forecast "
        "is refused, let it reconnect. Once no connection is older: ssl_min_protocol_version on "
        "the server."
    ),
    Reason.CERTIFICATE_EXPIRED_IN_USE: "Renew the client's certificate before it has to reconnect.",
    Reason.CERTIFICATE_UNKNOWN: "Find out whose certificate this is, or add it to the inventory.",
    Reason.CERTIFICATE_AMBIGUOUS: (
        "Keep one certificate of each serial number in the inventory: the one that is in use."
    ),
    Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE: (
        "Once every client with this role and address uses TLS: a hostnossl ... reject line "
        "directly before the other rule in pg_hba.conf."
    ),
}
