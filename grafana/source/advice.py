"""What to do about each reason of a connection, in one or two sentences.

The reasons of one connection stand in no order on the dashboard, so each text names what has to be
done or checked before it.
"""

_EVERY_CLIENT = "Once every client of the rule presents a certificate whose name is accepted"
_RIGHTS = (
    "On the primary, as a superuser: "
    "pg-replication-cert-exporter sql --role=ROLE | psql -d DATABASE."
)

ADVICE = {
    "server_tls_off": "On the server: ssl = on with ssl_cert_file and ssl_key_file, then reload.",
    "server_requests_no_certificate": (
        "On the server: set ssl_ca_file to a file with every authority that issued a certificate "
        "to a client (a certificate of another one is refused), then reload."
    ),
    "client_without_tls": (
        "On the client: try sslmode=verify-full and sslrootcert with psql; then add them to the "
        "connection string."
    ),
    "client_used_gss": (
        "On the client: try gssencmode=disable and sslmode=verify-full with psql; then add them to "
        "the connection string."
    ),
    "client_sent_no_certificate": (
        "On the client: issue a certificate with a name that the rule or its map accepts (the role "
        "as CN where there is no map) and try it with psql; then add sslcert and sslkey to the "
        "connection string."
    ),
    "rule_allows_plaintext": (
        "Once every client of the rule connects with TLS, write hostssl in pg_hba.conf."
    ),
    "rule_trusts": (
        f"{_EVERY_CLIENT}, write hostssl and the method cert in place of trust in pg_hba.conf."
    ),
    "rule_uses_password": (
        f"{_EVERY_CLIENT}, write the method cert in pg_hba.conf, or add clientcert=verify-full "
        "(the CN must then be the role, without a map)."
    ),
    "rule_uses_other_method": (
        f"{_EVERY_CLIENT}, write the method cert in pg_hba.conf, or add clientcert=verify-full."
    ),
    "rule_checks_chain_only": (
        "Once every client of the rule has a certificate with the role as CN (no map applies), "
        "write clientcert=verify-full in place of verify-ca in pg_hba.conf."
    ),
    "rule_shadows_certificate_rule": (
        "Once every client of the rule with cert presents a certificate whose name is accepted, "
        "move that rule above this one in pg_hba.conf."
    ),
    "map_admits_other_names": (
        "In pg_ident.conf: first add a line for the name of each certificate in use, for every "
        "role of the map; then remove the pattern."
    ),
    "map_unreadable": _RIGHTS,
    "certificate_name_unproven": (
        "On the client: check that its certificate has a name that the rule or its map accepts, "
        "else replace it; then let it reconnect."
    ),
    "rules_would_refuse": "Mend rule or certificate before the client has to connect again.",
    "rules_pending": (
        "Check that the changed pg_hba.conf still accepts every client; then SELECT "
        "pg_reload_conf(), or revert the change."
    ),
    "rules_rejected": (
        "Correct the lines of pg_hba.conf that have errors and check that the file still accepts "
        "every client; then reload."
    ),
    "rules_load_unverified": _RIGHTS,
    "rules_unreadable": _RIGHTS,
    "rule_undecided": (
        "In pg_hba.conf: insert a line with the client's address above the undecided ones, with "
        "the method that accepts it now."
    ),
    "statistics_hidden": _RIGHTS,
    "tls_version_too_old": (
        "On the client: use a libpq and OpenSSL that support the version and, unless its forecast "
        "is refused, let it reconnect. Once no connection is older: ssl_min_protocol_version on "
        "the server."
    ),
    "certificate_expired_in_use": "Renew the client's certificate before it has to connect again.",
    "certificate_unknown": "Find out whose certificate this is, or add it to the inventory.",
    "certificate_ambiguous": "Take certificates of equal serial number out of the inventory.",
    "other_rule_admits_without_certificate": (
        "Once every client with this role and address uses TLS: a hostnossl ... reject line "
        "directly before the other rule in pg_hba.conf."
    ),
}
"""By reason. The pages in docs/runbooks and ``explain`` have the exact lines."""
