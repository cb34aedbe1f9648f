"""The second row: every connection, the worst first, and why it is no better."""

from exporter.publish.words.advice import ADVICE
from grafana.source import looks
from grafana.source.parts import About, Column, Panel, in_days, listing, worded
from grafana.source.queries import KEY, chosen, days_until, once, one_per_connection

TITLE = "Every connection, the worst first"

_WEIGHTS = (
    ('verdict="insecure", posture="plaintext"', 43),
    ('verdict="insecure", posture=~"tls_without_certificate|gss_encrypted"', 42),
    ('verdict="insecure", posture!~"plaintext|tls_without_certificate|gss_encrypted"', 41),
    ('verdict="unknown"', 30),
    ('verdict="exempt"', 20),
    ('verdict="secure"', 10),
)
"""Numbers to sort by; the table shows the verdict in their place."""

_VERDICT_OF_WEIGHT = looks.ranges(
    [
        (40, 49, looks.BAD, "insecure"),
        (30, 39, looks.DOUBTFUL, "unknown"),
        (20, 29, looks.ACCEPTED, "exempt"),
        (10, 19, looks.GOOD, "secure"),
    ]
)

_POSTURES = {name: (colour, name.replace("_", " ")) for name, colour in looks.POSTURES.items()}


def panels() -> list[Panel]:
    """Return the tables of connections and of reasons."""
    return [_connections(), _reasons(), _targets()]


def _weighed() -> str:
    by = f"{KEY}, posture"
    parts = (
        f"{weight} * group by ({by}) ({chosen('pgrepl_connections', of)})"
        for of, weight in _WEIGHTS
    )
    return "\nor ".join(parts)


def _rule() -> str:
    """Return the connections with the place of their rule in one label, without its folder."""
    info = one_per_connection(
        "auth_method, hba_file, hba_line, certificate_cn, tls_version", "pgrepl_connection_info"
    )
    short = f'label_replace({info}, "hba_file", "$1", "hba_file", ".*/([^/]+)")'
    joined = f'label_join({short}, "rule", ":", "hba_file", "hba_line")'
    return f'label_replace({joined}, "rule", "not known", "rule", ":")'


def _connections() -> Panel:
    breaks = days_until(f"min by ({KEY}) ({chosen('pgrepl_connection_breaks_timestamp_seconds')})")
    ends = days_until(once(KEY, "pgrepl_connection_certificate_not_after_timestamp_seconds"))
    return listing(
        About(
            "Connections",
            "Each replication connection with its verdict, what secures it, the rule of "
            "pg_hba.conf that governs it, the certificate it showed, and how it would "
            "be let in if it connected again. Those of a target that is down are not known now.",
            (
                "PgReplicationNotEncrypted",
                "PgReplicationWithoutCertificate",
                "PgReplicationReconnectRefused",
            ),
        ),
        [
            _weighed(),
            _rule(),
            one_per_connection("forecast", "pgrepl_connection_forecast"),
            ends,
            breaks,
        ],
        [
            Column("Value #A", "Verdict", 85, worded(_VERDICT_OF_WEIGHT, filled=True)),
            Column("posture", "Posture", 170, worded(looks.words(_POSTURES), filled=False)),
            Column("target", "Target", 95),
            Column("application_name", "Standby or client", 185),
            Column("usename", "Role", 85),
            Column("rule", "Rule", 125),
            Column("auth_method", "Method", 115),
            Column("certificate_cn", "Certificate", 105),
            Column("Value #D", "Ends in", 80, in_days()),
            Column(
                "forecast", "Reconnect", 145, worded(looks.words(looks.FORECASTS), filled=False)
            ),
            Column("Value #E", "Refused in", 110, in_days()),
            Column("client_addr", "Address", 100),
            Column("kind", "Kind", 85),
            Column("tls_version", "TLS", 80),
        ],
        ("Verdict", True),
        hidden=["hba_file", "hba_line", "Value #B", "Value #C"],
        height=11,
    )


def _reasons() -> Panel:
    reasons = once(f"{KEY}, reason", "pgrepl_connection_reason")
    advised = f'label_replace({reasons}, "advice", "$1", "reason", "(.*)")'
    meanings = looks.words({reason.value: (None, advice) for reason, advice in ADVICE.items()})
    return listing(
        About(
            "Why not better, and what to do",
            "Every reason why a connection has no better posture. All of a connection's reasons "
            "have to go. The rows are in no order: take the steps in the order in which "
            "`pg-replication-cert-exporter explain TARGET` prints them, with the exact lines.",
            (
                "PgReplicationNotEncrypted",
                "PgReplicationTrusted",
                "PgReplicationWithoutCertificate",
                "PgReplicationCertificateNotRequired",
                "PgReplicationUnknown",
            ),
        ),
        [advised],
        [
            Column("target", "Target", 110),
            Column("application_name", "Standby or client", 190),
            Column("reason", "Reason", 210),
            Column(
                "advice",
                "What to do",
                0,
                {"mappings": [meanings], "custom.cellOptions": {"type": "auto", "wrapText": True}},
            ),
        ],
        ("Standby or client", False),
        hidden=["Value", "usename", "client_addr", "kind"],
        width=18,
        height=10,
    )


def _targets() -> Panel:
    insecure, unknown = (
        once("target", "pgrepl_target_connections", f'verdict="{verdict}"')
        for verdict in ("insecure", "unknown")
    )
    red = looks.steps(looks.GREY, (1, looks.BAD)).build()
    amber = looks.steps(looks.GREY, (1, looks.DOUBTFUL)).build()
    text = {"color": {"mode": "thresholds"}, "custom.cellOptions": {"type": "color-text"}}
    return listing(
        About(
            "Where to begin",
            "The 50 targets with most insecure connections, and those of them with unknown ones.",
            ("PgReplicationNotEncrypted", "PgReplicationUnknown"),
        ),
        [f"topk(50, {insecure})", f"{unknown} and on (target) topk(50, {insecure})"],
        [
            Column("target", "Target", 110),
            Column("Value #A", "Insecure", 95, text | {"thresholds": red}),
            Column("Value #B", "Unknown", 95, text | {"thresholds": amber}),
        ],
        ("Insecure", True),
        width=6,
        height=10,
    )
