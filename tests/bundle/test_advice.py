"""No shipped advice locks a running standby out, blinds the exporter or shows a password."""

import re

import pytest

from tests.bundle.advice import DANGERS, REPOSITORY, RUNBOOKS, STEPS, advice, dangers
from tests.bundle.expressions import faults

ADVICE = advice()
_RIGHTS = "rights that show passwords"
_SECURED_BY_THE_STEPS = (
    "PgReplicationNotEncrypted",
    "PgReplicationTrusted",
    "PgReplicationWithoutCertificate",
    "PgReplicationCertificateNotRequired",
    "PgReplicationInsecureSessions",
    "PgReplicationExemptionEnds",
)

ONCE_SHIPPED = (
    (
        "minimum TLS version before the client",
        "On the server: raise ssl_min_protocol_version; then let it reconnect.",
    ),
    (
        "minimum TLS version before the client",
        "On the client, use a newer OpenSSL; then set ssl_min_protocol_version on the server.",
    ),
    (
        "reconnect before the name is checked",
        "Let the client connect again: it is older than the rules.",
    ),
    (
        "reconnect before the name is checked",
        "Give the client a certificate, let it reconnect, and then turn the rule into hostssl.",
    ),
    (
        "reconnect before the name is checked",
        "Issue client certificates from the successor, put them in place, reload, reconnect.",
    ),
    (
        "reconnect before the name is checked",
        "Let it begin anew:\n\n```sql\nSELECT pg_terminate_backend(pid) FROM pg_stat_ssl;\n```",
    ),
    (
        "reconnect of every connection with one application name",
        "SELECT pg_terminate_backend(pid) FROM x WHERE application_name = 'STANDBY';",
    ),
    (
        "certificate required before every client presents one",
        "In pg_hba.conf: hostssl with the method cert in place of trust.",
    ),
    (
        "certificate required before every client presents one",
        "In pg_hba.conf: clientcert=verify-full in place of verify-ca.",
    ),
    (
        "certificate required before every client presents one",
        "let it reconnect, see it shown, and then demand it in pg_hba.conf.",
    ),
    (
        "certificate required before every client presents one",
        "```text\nhost  replication  ROLE  192.0.2.7/32  reject\n```",
    ),
    (
        "name of the certificate without the map",
        "On the client: sslcert and sslkey, with its role as the CN.",
    ),
    (
        "name of the certificate without the map",
        "`name`: a new certificate whose common name is ROLE, where `sslcert` points.",
    ),
    (_RIGHTS, "GRANT pg_monitor to the exporter's role."),
    (_RIGHTS, "GRANT pg_read_all_stats, pg_read_all_settings TO exporter;"),
    (
        "rights for a role that nobody uses",
        "```sh\npg-replication-cert-exporter sql | psql -d DATABASE\n```",
    ),
    (
        "reload without a look at pg_hba.conf",
        "Renew it (ssl_cert_file, ssl_key_file) and run SELECT pg_reload_conf().",
    ),
    (
        "connection string replaced as a whole",
        "```text\nprimary_conninfo = 'host=PRIMARY user=ROLE sslmode=verify-full'\n```",
    ),
    (
        "connection string replaced as a whole",
        "A subscriber takes the same parameters: `ALTER SUBSCRIPTION NAME CONNECTION '...'`",
    ),
    (
        "certificate authority without the others",
        "On the server: set ssl_ca_file to the authority that signs the clients' certificates.",
    ),
    (
        "certificate authority without the others",
        "```text\nssl = on\nssl_ca_file = 'root.crt'\n```",
    ),
    (
        "hand edit under Patroni",
        "```text\nhostssl  replication  ROLE  192.0.2.7/32  cert\n```",
    ),
    (
        "hand edit under Patroni",
        "In the standby's `postgresql.auto.conf` (`ALTER SYSTEM SET`), then reload it:",
    ),
    (
        "key readable by others",
        "Let the exporter's user read the file (the certificate only: `chmod 0644`)",
    ),
)
"""Kinds of danger with texts that were shipped, or that differ from one in what makes it safe."""


def test_no_advice_is_dangerous() -> None:
    assert {place: dangers(text) for place, text in ADVICE.items() if dangers(text)} == {}


@pytest.mark.parametrize(("kind", "text"), ONCE_SHIPPED)
def test_dangerous_advice_is_noticed_when_it_comes_back(kind: str, text: str) -> None:
    assert kind in dangers(text)


def test_every_kind_of_danger_has_a_text_that_has_it() -> None:
    assert {kind for kind, _ in ONCE_SHIPPED} == set(DANGERS)


def test_advice_of_every_source_is_read() -> None:
    for source in (
        "exporter/publish/words/advice.py, tls_version_too_old",
        "grafana/dashboard.json, Connections",
        "alerts, PgReplicationTlsTooOld (warning)",
        "docs/runbooks/PgReplicationTlsTooOld.md",
        "docs/runbooks/require-certificate.md",
        "remedy, without TLS",
        "remedy, map of any name",
    ):
        assert ADVICE[source]
    for start in ("README.md", "docs/certificates.md", "docs/metrics.md", "exporter/publish/"):
        assert any(place.startswith(start) for place in ADVICE)


@pytest.mark.parametrize("folder", ["exporter", "alerts", "grafana", "docs", "demo"])
def test_no_file_advises_rights_that_show_passwords(folder: str) -> None:
    shipped = {".py", ".sql", ".html", ".md", ".yml", ".json"}
    paths = [path for path in (REPOSITORY / folder).rglob("*") if path.suffix in shipped]
    assert paths
    for path in paths:
        assert _RIGHTS not in dangers(path.read_text("utf-8")), path


def test_the_steps_to_a_required_certificate_are_in_the_safe_order() -> None:
    text = STEPS.read_text("utf-8").partition("## The steps")[2]
    order = [
        text.index(words)
        for words in (
            "ssl_ca_file = ",
            "openssl x509",
            "Its name must be one that the rule accepts",
            "psql -c IDENTIFY_SYSTEM",
            "change `primary_conninfo`",
            "pg_reload_conf();` on the standby",
            "pg_terminate_backend(pid)",
            "check that the client presents the certificate",
            "check that every client that the new line matches",
            "hostssl  replication  ROLE",
            "host  replication  ROLE  192.0.2.7/32  reject",
        )
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("name", _SECURED_BY_THE_STEPS)
def test_pages_of_insecure_connections_lead_to_these_steps(name: str) -> None:
    assert f"({STEPS.name})" in ADVICE[f"docs/runbooks/{name}.md"]


def test_links_between_the_pages_lead_to_pages() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert (RUNBOOKS / link).is_file(), (path, link)


def test_the_steps_ask_only_for_what_is_published() -> None:
    queries = re.findall(r"```promql\n(.*?)```", STEPS.read_text("utf-8"), re.DOTALL)
    assert queries
    for query in queries:
        assert faults(query.replace('"TARGET"', '"$"').replace('"ROLE"', '"$"')) == []
