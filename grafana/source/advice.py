"""What to do about each reason of a connection, in one sentence."""

ADVICE = {
    "server_tls_off": "On the server: ssl = on with ssl_cert_file and ssl_key_file, then reload.",
    "server_requests_no_certificate": (
        "On the server: set ssl_ca_file to the authority that signs the clients' certificates."
    ),
    "client_without_tls": "On the client: sslmode=verify-full, with sslrootcert.",
    "client_used_gss": "On the client: gssencmode=disable and sslmode=verify-full.",
    "client_sent_no_certificate": ("On the client: sslcert and sslkey, with its role as the CN."),
    "rule_allows_plaintext": "In pg_hba.conf: make the rule hostssl.",
    "rule_trusts": "In pg_hba.conf: hostssl with the method cert in place of trust.",
    "rule_uses_password": "In pg_hba.conf: the method cert, or add clientcert=verify-full.",
    "rule_uses_other_method": "In pg_hba.conf: the method cert, or add clientcert=verify-full.",
    "rule_checks_chain_only": "In pg_hba.conf: clientcert=verify-full in place of verify-ca.",
    "rule_shadows_certificate_rule": "In pg_hba.conf: put the rule with cert before this one.",
    "map_admits_other_names": "In pg_ident.conf: name each certificate's CN in a line of its own.",
    "map_unreadable": "Let the exporter's role read pg_ident_file_mappings.",
    "certificate_name_unproven": "Let the client connect again: it is older than the rules.",
    "rules_would_refuse": "Mend rule or certificate before the client has to connect again.",
    "rules_pending": "SELECT pg_reload_conf(), or take the change in pg_hba.conf back.",
    "rules_rejected": "Mend the lines of pg_hba.conf that have errors, then reload.",
    "rules_load_unverified": "Let the exporter's role read the file times, or reload once.",
    "rules_unreadable": "Let the exporter's role read pg_hba_file_rules.",
    "rule_undecided": "Write addresses instead of host names, or one rule that decides.",
    "statistics_hidden": "GRANT pg_monitor to the exporter's role.",
    "tls_version_too_old": "On the server: raise ssl_min_protocol_version; then let it reconnect.",
    "certificate_expired_in_use": "Renew the client's certificate before it has to connect again.",
    "certificate_unknown": "Find out whose certificate this is, or add it to the inventory.",
    "certificate_ambiguous": "Take certificates of equal serial number out of the inventory.",
    "other_rule_admits_without_certificate": (
        "In pg_hba.conf: directly before that rule, hostnossl ... reject for this role and address."
    ),
}
"""By reason. The pages in docs/runbooks and ``explain`` have the exact lines."""
